#include "phases/feeds.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <span>
#include <utility>

#include "flow/item_writer.h"
#include "model/fields.h"
#include "model/item.h"
#include "model/sort_key.h"
#include "phases/stamp.h"
#include "ports/scan.h"

namespace rehome {
namespace {

// The saved position where the store has no feed.
constexpr std::string_view kNoFeed = "none";
// What one read may name is carried in the order of its ids, so that documents, items and intents
// that stand together are read and written together: the more, the closer they stand.
constexpr std::size_t kEventsMax = 10'000;
// Documents that are read at once where nobody else divides them.
constexpr std::size_t kCarriedMax = 1000;

/// One of the two feeds of a run: the legacy side, or what the application writes after cutover.
enum class Side : std::uint8_t { kForward, kReverse };

std::string_view Name(Side side) {
  return side == Side::kForward ? "forward" : "reverse";
}

std::vector<std::string> Watched(const Plan& plan, Side side) {
  if (side == Side::kReverse) {
    return {plan.items.to};
  }
  std::vector<std::string> out{plan.items.from};
  for (const StampPlan& stamp : plan.stamps) {
    out.push_back(stamp.collection);
  }
  return out;
}

DocumentStore& StoreOf(Session& session, Side side) {
  return side == Side::kForward ? session.source() : session.target();
}

Status SavePosition(Session& session, Side side, std::string token) {
  session.run().positions.insert_or_assign(std::string(Name(side)), std::move(token));
  return session.Save();
}

/// The ids that `events` name of `collection`, each once, in their order.
std::vector<Value> Named(const std::vector<ChangeEvent>& events, std::string_view collection) {
  std::map<std::string, Value> by_key;
  for (const ChangeEvent& event : events) {
    if (event.collection == collection) {
      by_key.try_emplace(SortKey(event.id.view()), event.id);
    }
  }
  std::vector<Value> ids;
  ids.reserve(by_key.size());
  for (auto& [key, id] : by_key) {
    ids.push_back(std::move(id));
  }
  return ids;
}

/// Calls `each` with so many of `ids` at a time.
Status InParts(const std::vector<Value>& ids, const ApplyIds& each) {
  for (auto rest = std::span(ids); !rest.empty();) {
    const auto part = rest.first(std::min(rest.size(), kCarriedMax));
    REHOME_TRY(each({part.begin(), part.end()}));
    rest = rest.subspan(part.size());
  }
  return {};
}

/// Events of stamped collections: what was written there gets its tenant fields at once.
Status StampNamed(Session& session, const std::vector<ChangeEvent>& events) {
  for (const StampPlan& stamp : session.plan().stamps) {
    REHOME_TRY(InParts(Named(events, stamp.collection), [&](const std::vector<Value>& ids) {
      return StampIds(session, stamp, ids);
    }));
  }
  return {};
}

/// One lap of a feed, from its saved position to where the feed stood when this began, in slices.
Status DrainFeed(Session& session, Side side, const ApplyIds& apply, Millis wait, Drained& out) {
  const ItemsPlan& items = session.plan().items;
  const std::string& collection = side == Side::kForward ? items.from : items.to;
  REHOME_TRY_ASSIGN(const auto feed,
                    StoreOf(session, side).OpenFeed(Watched(session.plan(), side), session.call()));
  while (true) {
    const ChangePosition position{session.run().positions.at(std::string(Name(side)))};
    auto read = feed->Read(position, kEventsMax, std::exchange(wait, Millis{0}), session.call());
    if (!read) {
      out.lost = read.error().code == ErrorCode::kFailedPrecondition;
      return std::unexpected(std::move(read).error());
    }
    const ChangeBatch batch = *std::move(read);
    if (side == Side::kForward) {
      REHOME_TRY(StampNamed(session, batch.events));
    }
    const std::vector<Value> ids = Named(batch.events, collection);
    if (!ids.empty()) {
      REHOME_TRY(apply(ids));
      out.named += ids.size();
    }
    if (side == Side::kForward) {
      session.run().watermarks.insert_or_assign("applied_through", batch.position.token);
    }
    if (batch.position != position) {
      REHOME_TRY(SavePosition(session, side, batch.position.token));
    }
    REHOME_TRY(feed->Release(batch.position, session.call()));
    if (batch.caught_up) {
      return {};
    }
  }
}

/// Ids of the batch whose item is not what the mapping of the source gives now, or still waits for
/// its vector although phase 3 passed.
Result<std::vector<Value>> Differing(Session& session, VectorMode mode,
                                     std::vector<Document> sources) {
  const auto rows = MapRows(session.mapper(), std::move(sources));
  std::vector<Value> ids;
  for (const MappedRow& row : rows) {
    ids.emplace_back(row.source.Id());
  }
  REHOME_TRY_ASSIGN(const auto items,
                    session.target().FindByIds(session.plan().items.to, ids, session.call()));
  REHOME_TRY_ASSIGN(const auto histories,
                    session.ledger().Find(session.flow().ItemsTarget(), ids, session.call()));
  std::vector<Value> out;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const bool mapped = std::holds_alternative<Item>(rows[i].mapped);
    const OwnedHistory::Step* last = histories[i].LastDone();
    bool equal = false;
    if (mapped && items[i] && DocumentDigest(items[i]->view()) == rows[i].item_digest) {
      equal = mode == VectorMode::kLater || !session.run().IsDone(Phase::kVectors) ||
              IsMarked(items[i]->view());
    } else if (mapped) {
      // As it was carried: what differs now is the application's, on the new side.
      equal = session.run().IsCutOver() && last != nullptr && last->after == rows[i].item_digest;
    } else {
      REHOME_TRY_ASSIGN(const auto record, session.quarantine().Find(ids[i], session.call()));
      equal = !items[i] && record && record->digest == rows[i].SourceDigest();
    }
    if (!equal) {
      out.push_back(ids[i]);
    }
  }
  return out;
}

/// Ids of the batch of items whose source is gone.
Result<std::vector<Value>> Orphaned(Session& session, const std::vector<Document>& items) {
  const std::vector<Value> ids = IdsOf(items);
  REHOME_TRY_ASSIGN(const auto sources,
                    session.source().FindByIds(session.plan().items.from, ids, session.call()));
  REHOME_TRY_ASSIGN(const auto histories,
                    session.ledger().Find(session.flow().ItemsTarget(), ids, session.call()));
  std::vector<Value> out;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (!sources[i] && histories[i].LastDone() != nullptr) {
      out.push_back(ids[i]);
    }
  }
  return out;
}

/// Ids in quarantine whose source is gone, or whose item stands there: a scan that was cut off had put
/// them aside, the next one could map them.
Result<std::vector<Value>> QuarantinedForNothing(Session& session) {
  REHOME_TRY_ASSIGN(const std::vector<Value> ids, session.quarantine().ListIds(session.call()));
  REHOME_TRY_ASSIGN(const auto sources,
                    session.source().FindByIds(session.plan().items.from, ids, session.call()));
  REHOME_TRY_ASSIGN(const auto items,
                    session.target().FindByIds(session.plan().items.to, ids, session.call()));
  std::vector<Value> out;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (!sources[i] || items[i]) {
      out.push_back(ids[i]);
    }
  }
  return out;
}

/// Reads a collection in batches and applies the ids that `find` picks out of each.
template <class Find>
Status Sweep(Session& session, DocumentStore& store, const std::string& collection,
             const ApplyIds& apply, Drained& out, const Find& find) {
  return ForEachBatch(store, collection, {}, session.call(),
                      [&](std::vector<Document>&& documents) -> Status {
                        REHOME_TRY_ASSIGN(const std::vector<Value> ids, find(std::move(documents)));
                        if (!ids.empty()) {
                          REHOME_TRY(apply(ids));
                          out.named += ids.size();
                        }
                        return {};
                      });
}

/// Ids of the batch of items that are not as the ledger says.
Result<std::vector<Value>> NotOurs(Session& session, const std::vector<Document>& items) {
  const std::vector<Value> ids = IdsOf(items);
  REHOME_TRY_ASSIGN(const auto histories,
                    session.ledger().Find(session.flow().ItemsTarget(), ids, session.call()));
  std::vector<Value> out;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const bool of_this_run =
        session.run().namespaces.contains(StringField(items[i].view(), "org_id"));
    if (of_this_run && Judge(histories[i], DocumentDigest(items[i].view())) != Ownership::kOurs) {
      out.push_back(ids[i]);
    }
  }
  return out;
}

/// Ids of the batch of sources whose item was written and is gone.
Result<std::vector<Value>> ItemGone(Session& session, const std::vector<Document>& sources) {
  const std::vector<Value> ids = IdsOf(sources);
  REHOME_TRY_ASSIGN(const auto items,
                    session.target().FindByIds(session.plan().items.to, ids, session.call()));
  REHOME_TRY_ASSIGN(const auto histories,
                    session.ledger().Find(session.flow().ItemsTarget(), ids, session.call()));
  std::vector<Value> out;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const OwnedHistory::Step* last = histories[i].LastDone();
    if (!items[i] && last != nullptr && last->after) {
      out.push_back(ids[i]);
    }
  }
  return out;
}

/// The store's head, to read from later; "none", and why, where there is no feed.
Result<std::string> HeadOf(Session& session, Side side) {
  auto feed = StoreOf(session, side).OpenFeed(Watched(session.plan(), side), session.call());
  if (!feed) {
    if (feed.error().code != ErrorCode::kFailedPrecondition) {
      return std::unexpected(std::move(feed).error());
    }
    session.events().Note(
        fmt::format("no {} change feed: changes are found by comparing both sides ({})", Name(side),
                    feed.error().message));
    return std::string(kNoFeed);
  }
  REHOME_TRY_ASSIGN(ChangePosition head, (*feed)->Head(session.call()));
  return std::move(head.token);
}

Status TakePosition(Session& session, Side side) {
  REHOME_TRY_ASSIGN(std::string head, HeadOf(session, side));
  return SavePosition(session, side, std::move(head));
}

Status Forget(Session& session, Side side) {
  session.run().positions.erase(std::string(Name(side)));
  return session.Save();
}

Result<std::string> SavedPosition(Session& session, Side side) {
  const auto saved = session.run().positions.find(Name(side));
  if (saved == session.run().positions.end()) {
    return Fail(ErrorCode::kFailedPrecondition,
                fmt::format("the run has no {} feed position yet", Name(side)),
                "run the phases before first: `rehome run`");
  }
  return saved->second;
}

/// Reconciles and adds up.
ApplyIds Reconciling(Session& session, VectorMode mode, Drained& out, const ApplyIds& note = {}) {
  return [&session, mode, &out, note](const std::vector<Value>& ids) -> Status {
    if (session.run().IsCutOver()) {
      REHOME_TRY(RefuseGoneSource(session));
    }
    if (note) {
      REHOME_TRY(note(ids));
    }
    REHOME_TRY_ASSIGN(const Reconciled reconciled,
                      Reconcile(session.flow(), ids, mode, session.call()));
    out.reconciled.Add(reconciled);
    return {};
  };
}

}  // namespace

Status RefuseGoneSource(Session& session) {
  const std::string& from = session.plan().items.from;
  const std::int64_t moved = session.run().MovedItems();
  if (moved == 0) {
    return {};
  }
  REHOME_TRY_ASSIGN(const auto cursor, session.source().Scan(from, {}, session.call()));
  REHOME_TRY_ASSIGN(const auto any, cursor->Next(1, 1));
  if (!any.empty()) {
    return {};
  }
  // An application may have emptied it, but hardly dropped it; nor deleted so many behind its cutover.
  constexpr std::int64_t kFewItems = 20;
  if (!session.run().IsCutOver() || moved <= kFewItems) {
    REHOME_TRY_ASSIGN(const auto collections, session.source().Collections(session.call()));
    if (std::ranges::find(collections, from, &CollectionInfo::name) != collections.end()) {
      return {};
    }
  }
  return Fail(ErrorCode::kFailedPrecondition,
              fmt::format("{} is gone or empty, and not by `rehome retire`: what follows it would "
                          "delete all {} items; nothing was changed",
                          from, moved),
              "`rehome backup restore` puts it back; then run the same command again");
}

namespace {

Status SweepBothSides(Session& session, VectorMode mode, Drained& out) {
  REHOME_TRY(RefuseGoneSource(session));
  REHOME_TRY(StampWhatLacksIt(session));
  const ApplyIds apply = Reconciling(session, mode, out);
  REHOME_TRY(Sweep(
      session, session.source(), session.plan().items.from, apply, out,
      [&](std::vector<Document> sources) { return Differing(session, mode, std::move(sources)); }));
  REHOME_TRY(Sweep(session, session.target(), session.plan().items.to, apply, out,
                   [&](const std::vector<Document>& items) { return Orphaned(session, items); }));
  // What is in quarantine and gone since is on neither side; what is an item too is equal on both.
  REHOME_TRY_ASSIGN(const std::vector<Value> needless, QuarantinedForNothing(session));
  if (!needless.empty()) {
    REHOME_TRY(apply(needless));
    out.named += needless.size();
  }
  return {};
}

}  // namespace

Status TakeForwardPosition(Session& session) {
  return session.run().positions.contains(Name(Side::kForward))
             ? Status{}
             : TakePosition(session, Side::kForward);
}

Status TakeReversePosition(Session& session) {
  return TakePosition(session, Side::kReverse);
}

bool HasForwardFeed(const RunRecord& run) {
  const auto saved = run.positions.find(Name(Side::kForward));
  return saved != run.positions.end() && saved->second != kNoFeed;
}

Status ForgetForward(Session& session) {
  return Forget(session, Side::kForward);
}
Status ForgetReverse(Session& session) {
  return Forget(session, Side::kReverse);
}

Result<Drained> DrainForward(Session& session, VectorMode mode, Millis wait, const ApplyIds& note) {
  Drained out;
  const ApplyIds apply = Reconciling(session, mode, out, note);
  REHOME_TRY_ASSIGN(const std::string position, SavedPosition(session, Side::kForward));
  if (position == kNoFeed) {
    out.swept = true;
    static_cast<void>(session.clock().SleepFor(wait, session.call().stop));
    REHOME_TRY(SweepBothSides(session, mode, out));
  } else {
    REHOME_TRY(DrainFeed(session, Side::kForward, apply, wait, out));
  }
  return out;
}

Result<Drained> DrainReverse(Session& session, const ApplyIds& apply, Millis wait) {
  Drained out;
  REHOME_TRY_ASSIGN(const std::string position, SavedPosition(session, Side::kReverse));
  std::optional<std::string> head;
  if (position != kNoFeed) {
    const Status drained = DrainFeed(
        session, Side::kReverse, [&](const std::vector<Value>& ids) { return InParts(ids, apply); },
        wait, out);
    if (drained) {
      return out;
    }
    if (!out.lost) {
      return std::unexpected(drained.error());
    }
    // Whoever goes back has no other way: both sides say it as exactly, only not as fast.
    session.events().Note(fmt::format("{}; what was written to {} is found by comparing both sides",
                                      drained.error().message, session.plan().items.to));
    REHOME_TRY_ASSIGN(head, HeadOf(session, Side::kReverse));
  } else {
    static_cast<void>(session.clock().SleepFor(wait, session.call().stop));
  }
  out.swept = true;
  REHOME_TRY(Sweep(session, session.target(), session.plan().items.to, apply, out,
                   [&](const std::vector<Document>& items) { return NotOurs(session, items); }));
  REHOME_TRY(
      Sweep(session, session.source(), session.plan().items.from, apply, out,
            [&](const std::vector<Document>& sources) { return ItemGone(session, sources); }));
  if (head) {
    REHOME_TRY(SavePosition(session, Side::kReverse, *std::move(head)));
  }
  return out;
}

Result<Drained> SweepForward(Session& session, VectorMode mode) {
  Drained out;
  // Saved after the sweep: a sweep that was cut off is owed still, and a lost position says so.
  REHOME_TRY_ASSIGN(std::string head, HeadOf(session, Side::kForward));
  REHOME_TRY(SweepBothSides(session, mode, out));
  REHOME_TRY(SavePosition(session, Side::kForward, std::move(head)));
  return out;
}

Result<LastLap> RunLaps(Clock& clock, Millis longest,
                        const std::function<Result<std::size_t>()>& lap) {
  std::size_t before = SIZE_MAX;
  while (true) {
    const SteadyTime start = clock.Steady();
    REHOME_TRY_ASSIGN(const std::size_t named, lap());
    const auto took = std::chrono::ceil<Millis>(clock.Steady() - start);
    const bool worth_another = took > longest ? named < before - before / 16 : named <= before / 2;
    if (named == 0 || !worth_another) {
      return LastLap{named, took};
    }
    before = named;
  }
}

Status PendingChanges::Follow(const std::string& applied_through, const Call& call) {
  // Its lap begins here: one that an error cut off would end too early.
  REHOME_TRY_ASSIGN(const auto feed,
                    stores_.source_documents->OpenFeed(Watched(plan_, Side::kForward), call));
  if (applied_through != applied_through_) {
    applied_through_ = applied_through;
    reached_ = {applied_through};
    named_.clear();
  }
  while (true) {
    REHOME_TRY_ASSIGN(ChangeBatch batch, feed->Read(reached_, kEventsMax, Millis{0}, call));
    for (const ChangeEvent& event : batch.events) {
      named_.insert(SortKey(event.id.view()));
    }
    reached_ = std::move(batch.position);
    if (batch.caught_up) {
      return {};
    }
  }
}

Result<std::vector<bool>> PendingChanges::Among(std::span<const Value> ids, const Call& call) {
  std::vector<bool> out(ids.size());
  const auto saved = run_.positions.find(Name(Side::kForward));
  if (saved == run_.positions.end() || saved->second == kNoFeed) {
    return out;
  }
  REHOME_TRY(Follow(saved->second, call));
  for (std::size_t i = 0; i < ids.size(); ++i) {
    out[i] = named_.contains(SortKey(ids[i].view()));
  }
  return out;
}

Result<std::optional<std::uint64_t>> PendingChanges::Count(const Call& call) {
  const auto saved = run_.positions.find(Name(Side::kForward));
  if (saved == run_.positions.end() || saved->second == kNoFeed) {
    return std::nullopt;
  }
  REHOME_TRY(Follow(saved->second, call));
  return named_.size();
}

}  // namespace rehome
