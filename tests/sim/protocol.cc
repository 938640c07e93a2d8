#include "tests/sim/protocol.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <type_traits>
#include <unordered_map>
#include <utility>

#include "flow/decision.h"

namespace rehome::sim {
namespace {

static_assert(std::has_unique_object_representations_v<State>, "states are hashed as bytes");

constexpr std::size_t kSteps = static_cast<std::size_t>(Step::kRest) + 1;

std::size_t TenantOf(std::uint8_t version) {
  return version & 1U;
}

std::optional<Md5Digest> DigestOf(std::uint8_t version) {
  if (version == 0) {
    return std::nullopt;
  }
  Md5Digest out;
  out.bytes.back() = version;
  return out;
}

OwnedHistory HistoryOf(const Datum& datum) {
  OwnedHistory out;
  if (datum.open != kNever) {
    out.steps.push_back({.before = {}, .after = DigestOf(datum.open), .text = {}, .open = true});
  }
  if (datum.done != kNever) {
    out.steps.push_back({.before = {}, .after = DigestOf(datum.done), .text = {}, .open = false});
  }
  return out;
}

/// Its item, its mark and its vector are what the source says, and there is nothing else.
bool IsRight(const Datum& datum) {
  if (datum.source == 0) {
    return datum.item == 0 && datum.vectors == std::array<std::uint8_t, 2>{};
  }
  const std::size_t tenant = TenantOf(datum.source);
  return datum.item == datum.source && datum.marked && datum.vectors.at(tenant) == datum.source &&
         datum.vectors.at(1 - tenant) == 0;
}

bool IsPending(const Datum& datum) {
  return datum.event || datum.event_read;
}

/// One step of one runner on a state.
class Move {
 public:
  Move(State& state, Runner& runner, Bug bug) : s_(state), r_(runner), bug_(bug) {}

  /// What was broken by it; empty: nothing.
  std::string Take() {
    const Rule& rule = kRules.at(static_cast<std::size_t>(r_.step));
    if (rule.writes && r_.epoch != s_.epoch && bug_ != Bug::kNoLeaseCheck) {
      r_ = Runner{};  // the lease was taken over: it writes nothing more
      return {};
    }
    (this->*rule.take)();
    return broken_;
  }
  static std::string_view NameOf(Step step) {
    return kRules.at(static_cast<std::size_t>(step)).name;
  }

 private:
  Datum& datum() { return s_.data.at(r_.key); }
  [[nodiscard]] bool now() const { return s_.phase != Phase::kItems; }

  void Enter(RunState next) {
    if (s_.run != next && !IsAllowed(s_.run, next)) {
      broken_ = fmt::format("the run went from {} to {}", rehome::Name(s_.run), rehome::Name(next));
    }
    s_.run = next;
  }

  void Drain(Step after) {
    r_.after = after;
    r_.drained = false;
    r_.step = Step::kReadFeed;
  }

  /// What a dead runner left open is judged; then the journal says where to go on.
  void Settle() {
    for (Datum& datum : s_.data) {
      if (datum.open != kNever) {
        datum.done = datum.item == datum.open ? datum.open : datum.done;
        datum.open = kNever;
      }
      if (datum.moving && datum.item != 0) {
        datum.vectors.at(1 - TenantOf(datum.item)) = 0;
      }
      datum.moving = false;
      datum.event = datum.event || datum.event_read;
      datum.event_read = false;
    }
    Enter(RunState::kRunning);
    if (s_.cutover == CutoverStep::kVerified && s_.fence) {
      r_.step = Step::kFlip;
    } else if (s_.cutover == CutoverStep::kReverting) {
      r_.step = Step::kRaiseFences;
    } else if (s_.cutover == CutoverStep::kIntended || s_.cutover == CutoverStep::kVerified ||
               s_.cut_over) {
      r_.step = Step::kIntendRevert;
    } else if (s_.phase == Phase::kItems) {
      r_.key = s_.reached;
      r_.step = r_.key == kKeys ? Step::kEndItems : Step::kCopyRead;
    } else if (s_.phase == Phase::kVectors) {
      BeginVectors();
    } else {
      Drain(Step::kVerify);
    }
  }

  void BeginVectors() {
    r_.embedding = true;
    r_.key = 0;
    r_.step = Step::kLoadUnmarked;
  }

  void ReadFeed() {
    r_.drained = true;
    for (std::uint8_t key = 0; key < kKeys; ++key) {
      Datum& datum = s_.data.at(key);
      if (datum.event) {
        r_.drained = false;
        datum.event = false;
        datum.event_read = bug_ != Bug::kPositionBeforeWrite;
        r_.sweep = static_cast<std::uint8_t>(r_.sweep | 1U << key);
      }
    }
    r_.step = Step::kPick;
  }

  void Pick() {
    for (std::uint8_t key = 0; key < kKeys; ++key) {
      if ((r_.sweep >> key & 1U) != 0) {
        r_.key = key;
        r_.step = Step::kDecide;
        return;
      }
    }
    r_.step = r_.drained ? r_.after : Step::kSavePosition;
  }

  void DecideOne() {
    r_.source = datum().source;
    r_.item = datum().item;
    r_.marked = datum().marked;
    const OwnedHistory history = HistoryOf(datum());
    const Action action = Decide({.history = history,
                                  .desired = DigestOf(r_.source),
                                  .found = DigestOf(r_.item),
                                  .moves = TenantOf(r_.source) != TenantOf(r_.item),
                                  .cut_over = s_.cut_over,
                                  .changed_is_ours = false});
    switch (action) {
      case Action::kNothing:
        r_.step = now() && r_.item != 0 && r_.source != 0 && !r_.marked ? Step::kLoadUnmarked
                                                                        : Step::kNext;
        return;
      case Action::kInsert:
      case Action::kReplace:
        r_.step = Step::kIntend;
        return;
      case Action::kReroute:
        r_.step = Step::kBeginMove;
        return;
      case Action::kRemove:
        r_.step =
            r_.marked && bug_ != Bug::kDeleteMarked ? Step::kUnmarkDoomed : Step::kDeleteVector;
        return;
      case Action::kSaveStraggler:
        r_.step = Step::kNext;
        return;
      case Action::kConflict:
        r_.step = Step::kNext;
        if (r_.epoch == s_.epoch) {  // one that lost its lease may be mistaken: it writes nothing
          broken_ = "an item of the run's own is taken for somebody else's";
        }
        return;
    }
  }

  /// The item as it was read becomes what the source said.
  void CompareAndSet(bool marked) {
    r_.applied = datum().item == r_.item && datum().marked == r_.marked;
    if (r_.applied) {
      datum().item = r_.source;
      datum().marked = marked && r_.source != 0;
    }
  }

  void Close(Step next) {
    datum().done = r_.applied ? datum().open : datum().done;
    datum().open = kNever;
    r_.step = r_.applied ? next : Step::kDecide;
  }

  void LoadUnmarked() {
    r_.item = datum().item;
    const bool ours =
        r_.item != 0 && Judge(HistoryOf(datum()), *DigestOf(r_.item)) == Ownership::kOurs;
    r_.step = !ours || datum().marked          ? Step::kNext
              : bug_ == Bug::kMarkBeforeUpsert ? Step::kMark
                                               : Step::kUpsert;
  }

  void Next() {
    r_.sweep = static_cast<std::uint8_t>(r_.sweep & ~(1U << r_.key));
    if (r_.embedding) {
      ++r_.key;
      r_.embedding = r_.key < kKeys;
      r_.step = r_.embedding ? Step::kLoadUnmarked : Step::kEndVectors;
      return;
    }
    r_.step = r_.after == Step::kCopyCheckpoint ? r_.after : Step::kPick;
  }

  void RequireRight(bool pending_allowed, std::string_view when) {
    for (const Datum& datum : s_.data) {
      if (!IsRight(datum) && !(pending_allowed && IsPending(datum))) {
        broken_ = fmt::format("{} would fail", when);
      }
    }
  }

  void PickItem() {
    for (std::uint8_t key = 0; key < kKeys; ++key) {
      if (s_.data.at(key).item_dirty) {
        r_.key = key;
        r_.step = Step::kWriteBack;
        return;
      }
    }
    r_.step = Step::kPointBack;
  }

  /// The legacy document becomes what maps to the item; its own write is an event like any other.
  void WriteBack() {
    Datum& one = datum();
    if (one.item == 0) {
      if (one.source != 0) {
        one.vectors.at(TenantOf(one.source)) = 0;
        one.source = 0;
        one.event = true;
      }
      one.item_dirty = false;
      one.written_there = false;
      r_.step = Step::kPickItem;
      return;
    }
    if (one.source != one.item) {
      one.source = one.item;
      one.event = true;
    }
    one.written_there = false;
    r_.step = Step::kResetMark;
  }

  void CopyRead() {
    r_.source = datum().source;
    r_.step = r_.source == 0 ? Step::kCopyCheckpoint : Step::kCopyIntend;
    if (bug_ == Bug::kCheckpointBeforeWrite) {
      s_.reached = static_cast<std::uint8_t>(r_.key + 1);
    }
  }
  void CopyIntend() {
    datum().open = r_.source;
    r_.step = Step::kCopyInsert;
  }
  void CopyInsert() {
    if (datum().item == 0) {
      datum().item = r_.source;
      datum().marked = false;
    }
    r_.applied = datum().item == r_.source;
    r_.step = Step::kCopyClose;
  }
  void CopyClose() {
    datum().done = r_.applied ? datum().open : datum().done;
    datum().open = kNever;
    r_.step = Step::kCopyCheckpoint;
    if (!r_.applied) {  // something else stands there: one by one
      r_.after = Step::kCopyCheckpoint;
      r_.sweep = static_cast<std::uint8_t>(1U << r_.key);
      r_.step = Step::kDecide;
    }
  }
  void CopyCheckpoint() {
    ++r_.key;
    s_.reached = r_.key;
    r_.step = r_.key == kKeys ? Step::kEndItems : Step::kCopyRead;
  }
  void EndItems() { return Drain(Step::kEndVectors); }
  void SavePosition() {
    for (Datum& datum : s_.data) {
      datum.event_read = false;
    }
    r_.step = Step::kReadFeed;
  }
  void Intend() {
    datum().open = r_.source;
    r_.step = Step::kWrite;
  }
  void Write() {
    CompareAndSet(false);
    r_.step = Step::kClose;
  }
  void Close() { return Close(now() && r_.source != 0 ? Step::kLoadUnmarked : Step::kNext); }
  void Upsert() {
    datum().vectors.at(TenantOf(r_.item)) = r_.item;
    r_.step = bug_ == Bug::kMarkBeforeUpsert ? Step::kNext : Step::kMark;
  }
  void Mark() {
    r_.applied = datum().item == r_.item && !datum().marked;
    datum().marked = datum().marked || r_.applied;
    r_.step = !r_.applied                      ? Step::kDecide
              : bug_ == Bug::kMarkBeforeUpsert ? Step::kUpsert
                                               : Step::kNext;
  }
  /// To another tenant: the vector stands in the new namespace before the item says so, and leaves
  /// the old one after.
  void BeginMove() {
    datum().moving = bug_ != Bug::kMoveWithoutIntent;
    r_.step = now() ? Step::kUpsertMoved : Step::kIntendMoved;
  }
  void UpsertMoved() {
    datum().vectors.at(TenantOf(r_.source)) = r_.source;
    r_.step = Step::kIntendMoved;
  }
  void IntendMoved() {
    datum().open = r_.source;
    r_.step = Step::kWriteMoved;
  }
  void WriteMoved() {
    CompareAndSet(now());
    r_.step = Step::kCloseMoved;
  }
  void CloseMoved() { return Close(Step::kDeleteMoved); }
  void DeleteMoved() {
    datum().vectors.at(TenantOf(r_.item)) = 0;
    r_.step = Step::kEndMove;
  }
  void EndMove() {
    datum().moving = false;
    r_.step = Step::kNext;
  }
  void UnmarkDoomed() {
    r_.applied = datum().item == r_.item && datum().marked;
    if (r_.applied) {
      datum().marked = false;
      r_.marked = false;
    }
    r_.step = r_.applied ? Step::kDeleteVector : Step::kDecide;
  }
  void DeleteVector() {
    datum().vectors.at(TenantOf(r_.item)) = 0;
    r_.step = Step::kIntend;
  }
  void EndVectors() {
    if (s_.phase == Phase::kItems) {
      s_.phase = Phase::kVectors;
      return BeginVectors();
    }
    s_.phase = Phase::kCutover;
    return Drain(Step::kVerify);
  }
  void Verify() {
    RequireRight(true, "the verification before the fence");
    r_.step = Step::kIntendCutover;
  }
  void IntendCutover() {
    s_.cutover = CutoverStep::kIntended;
    r_.step = Step::kRaiseFence;
  }
  void RaiseFence() {
    s_.fence = bug_ != Bug::kNoFence;
    return Drain(Step::kVerifyDelta);
  }
  void VerifyDelta() {
    RequireRight(false, "the verification under the fence");
    s_.cutover = CutoverStep::kVerified;
    r_.step = Step::kFlip;
  }
  void Flip() {
    s_.flipped = true;
    r_.step = Step::kComplete;
  }
  void Complete() {
    s_.cutover = CutoverStep::kComplete;
    s_.cut_over = true;
    Enter(RunState::kCutOver);
    r_ = Runner{};
  }
  void IntendRevert() {
    s_.cutover = CutoverStep::kReverting;
    r_.step = Step::kRaiseFences;
  }
  void RaiseFences() {
    s_.fence = true;
    s_.new_fence = true;
    r_.step = Step::kPickItem;
  }
  void ResetMark() {
    datum().marked = false;
    r_.step = Step::kAdopt;
  }
  void Adopt() {
    datum().done = datum().item;
    datum().item_dirty = false;
    r_.step = Step::kPickItem;
  }
  void PointBack() {
    s_.flipped = false;
    r_.step = Step::kLiftFences;
  }
  void LiftFences() {
    s_.fence = false;
    s_.new_fence = false;
    s_.cut_over = false;
    r_.step = Step::kForgetCutover;
  }
  void ForgetCutover() {
    s_.cutover = CutoverStep::kNone;
    r_.sweep = (1U << kKeys) - 1;
    return Drain(s_.revert_wanted ? Step::kRest : Step::kVerify);
  }
  void Rest() {
    Enter(RunState::kMigrated);
    s_.reverted = true;
    r_ = Runner{};
  }

  struct Rule {
    std::string_view name;
    bool writes;
    void (Move::*take)();
  };
  /// In the order of Step.
  static constexpr std::array<Rule, kSteps> kRules{{
      {"away", false, nullptr},
      {"settle", true, &Move::Settle},
      {"copy: read", false, &Move::CopyRead},
      {"copy: intend", true, &Move::CopyIntend},
      {"copy: insert", true, &Move::CopyInsert},
      {"copy: close", true, &Move::CopyClose},
      {"checkpoint", true, &Move::CopyCheckpoint},
      {"end of phase 2", true, &Move::EndItems},
      {"read the feed", true, &Move::ReadFeed},
      {"save the position", true, &Move::SavePosition},
      {"pick", false, &Move::Pick},
      {"decide", false, &Move::DecideOne},
      {"intend", true, &Move::Intend},
      {"write", true, &Move::Write},
      {"close", true, &Move::Close},
      {"load unmarked", false, &Move::LoadUnmarked},
      {"upsert", true, &Move::Upsert},
      {"mark", true, &Move::Mark},
      {"begin a move", true, &Move::BeginMove},
      {"upsert moved", true, &Move::UpsertMoved},
      {"intend moved", true, &Move::IntendMoved},
      {"write moved", true, &Move::WriteMoved},
      {"close moved", true, &Move::CloseMoved},
      {"delete moved", true, &Move::DeleteMoved},
      {"end a move", true, &Move::EndMove},
      {"unmark the doomed", true, &Move::UnmarkDoomed},
      {"delete vector", true, &Move::DeleteVector},
      {"next", false, &Move::Next},
      {"end of phase 3", true, &Move::EndVectors},
      {"verify", true, &Move::Verify},
      {"intend cutover", true, &Move::IntendCutover},
      {"raise fence", true, &Move::RaiseFence},
      {"verify delta", true, &Move::VerifyDelta},
      {"flip", true, &Move::Flip},
      {"complete", true, &Move::Complete},
      {"intend revert", true, &Move::IntendRevert},
      {"raise fences", true, &Move::RaiseFences},
      {"pick item", false, &Move::PickItem},
      {"write back", true, &Move::WriteBack},
      {"reset mark", true, &Move::ResetMark},
      {"adopt", true, &Move::Adopt},
      {"point back", true, &Move::PointBack},
      {"lift fences", true, &Move::LiftFences},
      {"forget cutover", true, &Move::ForgetCutover},
      {"rest", true, &Move::Rest},
  }};

  State& s_;
  Runner& r_;
  const Bug bug_;
  std::string broken_;
};

class Explorer {
 public:
  Explorer(const Bounds& bounds, Bug bug) : bug_(bug) {
    State first;
    for (std::uint8_t key = 0; key < kKeys; ++key) {
      Datum& datum = first.data.at(key);
      datum.source = static_cast<std::uint8_t>(key == kKeys - 1 ? 0 : 2 + key);
      datum.truth = datum.source;
    }
    first.writes_left = bounds.writes;
    first.crashes_left = bounds.crashes;
    first.takeovers_left = bounds.takeovers;
    Reach(first, kRoot, "");
  }

  Exploration Run() {
    for (std::size_t at = 0; at < states_.size() && out_.broken.empty(); ++at) {
      Expand(at);
    }
    out_.states = states_.size();
    if (out_.broken.empty()) {
      RequireWaysHome();
    }
    return std::move(out_);
  }

 private:
  static constexpr std::uint32_t kRoot = UINT32_MAX;
  struct Arrival {
    std::uint32_t from;
    std::string_view by;  // the name of a step or happening
  };
  struct Hash {
    const std::deque<State>& states;
    std::size_t operator()(std::uint32_t index) const {
      return std::hash<std::string_view>{}(
          {reinterpret_cast<const char*>(&states[index]), sizeof(State)});
    }
  };
  struct Equal {
    const std::deque<State>& states;
    bool operator()(std::uint32_t a, std::uint32_t b) const {
      return std::memcmp(&states[a], &states[b], sizeof(State)) == 0;
    }
  };

  void Reach(const State& state, std::uint32_t from, std::string_view by, std::string broken = {}) {
    states_.push_back(state);
    const auto index = static_cast<std::uint32_t>(states_.size() - 1);
    const auto [known, made] = index_.emplace(index, index);
    if (!made) {
      states_.pop_back();
    } else {
      arrivals_.push_back({from, by});
      broken = broken.empty() ? Broken(state) : broken;
    }
    if (from != kRoot) {
      edges_.emplace_back(known->second, from);
      ++out_.transitions;
    }
    if (!broken.empty() && out_.broken.empty()) {
      out_.broken = std::move(broken);
      Retrace(from, by);
    }
  }

  void Retrace(std::uint32_t from, std::string_view by) {
    out_.way.emplace_back(by);
    for (std::uint32_t at = from; at != kRoot; at = arrivals_[at].from) {
      out_.way.emplace_back(arrivals_[at].by);
    }
    std::ranges::reverse(out_.way);
  }

  void Expand(std::size_t at) {
    const State state = states_[at];
    const auto from = static_cast<std::uint32_t>(at);
    bool started = false;  // two that are away are alike
    for (std::size_t i = 0; i < kRunners; ++i) {
      if (state.runners.at(i).step == Step::kAway) {
        if (!std::exchange(started, true)) {
          Start(state, i, from);
        }
      } else {
        State next = state;
        const std::string_view name = Move::NameOf(next.runners.at(i).step);
        std::string broken = Move(next, next.runners.at(i), bug_).Take();
        Reach(next, from, name, std::move(broken));
        if (state.crashes_left > 0) {
          State dead = state;
          dead.runners.at(i) = Runner{};
          --dead.crashes_left;
          Reach(dead, from, "crash");
        }
      }
    }
    Write(state, from);
    if (AtRest(state) && state.cut_over && !state.revert_wanted) {
      State next = state;
      next.revert_wanted = true;
      Reach(next, from, "revert is ordered");
    }
  }

  /// The lease; a runner that lost it may still be about, and writes nothing.
  static bool IsHeld(const State& state) {
    return std::ranges::any_of(state.runners, [&](const Runner& runner) {
      return runner.step != Step::kAway && runner.epoch == state.epoch;
    });
  }

  static bool AtRest(const State& state) {
    return !IsHeld(state) && (state.reverted || (state.cut_over && !state.revert_wanted &&
                                                 state.cutover == CutoverStep::kComplete));
  }

  /// A runner begins: nobody holds the lease, or its holder was not heard of for too long.
  void Start(const State& state, std::size_t which, std::uint32_t from) {
    if (AtRest(state)) {
      return;
    }
    const bool held = IsHeld(state);
    if (held && state.takeovers_left == 0) {
      return;
    }
    State next = state;
    if (held) {
      --next.takeovers_left;
    }
    next.runners.at(which) = Runner{};
    next.runners.at(which).step = Step::kSettle;
    next.runners.at(which).epoch = ++next.epoch;
    Reach(next, from, held ? "take-over" : "start");
  }

  /// The application changes or deletes one document where its pointer leads.
  void Write(const State& state, std::uint32_t from) {
    if (state.writes_left == 0 || state.reverted) {
      return;
    }
    for (std::size_t key = 0; key < kKeys; ++key) {
      State next = state;
      --next.writes_left;
      Datum& datum = next.data.at(key);
      if (state.flipped) {
        WriteThere(next, datum, from);
      } else if (!state.fence) {
        datum.event = true;
        // A document that was deleted comes back as it first was.
        datum.source = static_cast<std::uint8_t>(datum.source == 0 ? 2 + key : datum.source + 1);
        datum.truth = datum.source;
        Reach(next, from, "the application writes");
        if (state.data.at(key).source != 0) {
          datum.source = 0;
          datum.truth = 0;
          Reach(next, from, "the application deletes");
        }
      }
    }
  }

  void WriteThere(State& next, Datum& datum, std::uint32_t from) {
    if (next.new_fence || datum.item == 0) {
      return;
    }
    datum.item_dirty = true;
    datum.written_there = true;
    if ((datum.item & kAppWrote) == 0) {
      State changed = next;
      Datum& one = changed.data.at(static_cast<std::size_t>(&datum - next.data.data()));
      one.item = static_cast<std::uint8_t>(one.item | kAppWrote);
      one.truth = one.item;
      Reach(changed, from, "the application writes on the new side");
    }
    datum.item = 0;
    datum.marked = false;
    datum.truth = 0;
    Reach(next, from, "the application deletes on the new side");
  }

  std::string Broken(const State& state) const {
    for (const Datum& datum : state.data) {
      if (const auto broken = BrokenDatum(state, datum); !broken.empty()) {
        return std::string(broken);
      }
    }
    if (!AtRest(state)) {
      return {};
    }
    if (state.fence != state.cut_over || state.new_fence || state.flipped != state.cut_over) {
      return "at rest, and fences and pointer do not fit the side that the application is on";
    }
    return {};
  }

  static std::string_view BrokenDatum(const State& state, const Datum& datum) {
    const std::size_t tenant = TenantOf(datum.item);
    if (datum.marked && !datum.written_there && datum.vectors.at(tenant) != datum.item &&
        (datum.item & kAppWrote) == 0) {
      return "an item is marked whose vector was not confirmed";
    }
    if (datum.item != 0 && datum.vectors.at(1 - tenant) != 0 && !datum.moving) {
      return "tenant isolation: a vector stands in another tenant's namespace";
    }
    if (!datum.written_there && datum.source != datum.truth) {
      return "the old side is not as the application wrote it";
    }
    if (datum.written_there && datum.item != datum.truth) {
      return "what the application wrote on the new side was overwritten";
    }
    const bool under_cutover = state.flipped && state.cutover != CutoverStep::kReverting;
    const bool must_be_right = under_cutover || (AtRest(state) && !IsPending(datum));
    if (must_be_right && !datum.written_there && !IsRight(datum)) {
      return "a document is lost or stale behind the pointer";
    }
    return {};
  }

  /// From every state the end can be reached: nothing hangs for ever.
  void RequireWaysHome() {
    std::vector<std::vector<std::uint32_t>> back(states_.size());
    for (const auto& [to, from] : edges_) {
      back[to].push_back(from);
    }
    std::vector<bool> home(states_.size());
    std::deque<std::uint32_t> queue;
    for (std::uint32_t i = 0; i < states_.size(); ++i) {
      if (AtRest(states_[i])) {
        home[i] = true;
        queue.push_back(i);
      }
    }
    while (!queue.empty()) {
      for (const std::uint32_t from : back[queue.front()]) {
        if (!home[from]) {
          home[from] = true;
          queue.push_back(from);
        }
      }
      queue.pop_front();
    }
    const auto stuck = std::ranges::find(home, false);
    if (stuck != home.end()) {
      out_.broken = "a state from which no way leads to an end";
      Retrace(static_cast<std::uint32_t>(stuck - home.begin()), "stuck");
    }
  }

  const Bug bug_;
  std::deque<State> states_;
  std::unordered_map<std::uint32_t, std::uint32_t, Hash, Equal> index_{1024, Hash{states_},
                                                                       Equal{states_}};
  std::vector<Arrival> arrivals_;                               // by state
  std::vector<std::pair<std::uint32_t, std::uint32_t>> edges_;  // to, from
  Exploration out_;
};

}  // namespace

Exploration Explore(const Bounds& bounds, Bug bug) {
  return Explorer(bounds, bug).Run();
}

}  // namespace rehome::sim
