// Phase 4, backward: the application returns to the old side with everything that it wrote on the
// new one. What was written there goes back into the legacy collection where the mapping inverts
// for it exactly; where it does not, it is saved and named. The legacy collection's before-images
// are saved first.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <ranges>

#include "flow/journaled_write.h"
#include "flow/vector_writer.h"
#include "mapping/invert.h"
#include "model/fields.h"
#include "model/item.h"
#include "phases/cutover.h"
#include "phases/feeds.h"
#include "phases/fences.h"
#include "phases/pointers.h"

namespace rehome {
namespace {

/// Whether the application was led back: everything that it wrote on the new side until then is back,
/// and so is every pointer. It may write on the old side from then on, which is not to be fenced again.
bool HasLeftNewSide(const CutoverRecord& cutover) {
  return cutover.reverse && cutover.state == CutoverRecord::State::kVerified &&
         std::ranges::none_of(cutover.pointers, &PointerRecord::flipped);
}

/// One document on both sides.
struct Pair {
  Value id;
  std::optional<Document> legacy;
  std::optional<Document> item;
  OwnedHistory legacy_history;  // what was written back; asked for once the old side leads
  OwnedHistory item_history;
};

class WriteBack {
 public:
  explicit WriteBack(Session& session)
      : session_(session),
        legacy_{session.ledger(),
                session.source(),
                {LedgerTarget::Store::kDocuments, session.plan().items.from}},
        items_{session.ledger(), session.target(), session.flow().ItemsTarget()} {}

  Status Apply(const std::vector<Value>& ids) {
    REHOME_TRY_ASSIGN(std::vector<Value> lost, ApplyOnce(ids));
    while (!lost.empty()) {
      if (!OldSideLeads()) {
        return Fail(
            ErrorCode::kAborted,
            fmt::format("a document of {} changed while it was written back", legacy_.target.name),
            "run `rehome revert` again");
      }
      // The application writes there again: what it wrote meanwhile is looked at as well.
      REHOME_TRY_ASSIGN(lost, ApplyOnce(lost));
    }
    return {};
  }

  Counts counts;
  std::vector<Value> adopted;  // written back: their vectors are of the text before

  /// How many documents were written back, deleted or saved aside so far.
  [[nodiscard]] std::int64_t acted() const {
    std::int64_t out = 0;
    for (const auto& [what, count] : counts) {
      out += count;
    }
    return out;
  }

 private:
  /// Those whose legacy documents changed between the look and the write.
  Result<std::vector<Value>> ApplyOnce(const std::vector<Value>& ids) {
    REHOME_TRY_ASSIGN(auto legacy, session_.source().FindByIds(legacy_.target.name, ids, call()));
    REHOME_TRY_ASSIGN(auto items, session_.target().FindByIds(items_.target.name, ids, call()));
    std::vector<OwnedHistory> written_back(ids.size());
    if (OldSideLeads()) {
      REHOME_TRY_ASSIGN(written_back, session_.ledger().Find(legacy_.target, ids, call()));
    }
    REHOME_TRY_ASSIGN(auto histories, session_.ledger().Find(items_.target, ids, call()));
    Batch batch;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      Sort({.id = ids[i],
            .legacy = std::move(legacy[i]),
            .item = std::move(items[i]),
            .legacy_history = std::move(written_back[i]),
            .item_history = std::move(histories[i])},
           batch);
    }
    REHOME_TRY(SaveBeforeImages(batch));
    REHOME_TRY(session_.saved().Add("superseded by a late write of the old side",
                                    items_.target.name, batch.superseded, call()));
    std::vector<Value> lost;
    REHOME_TRY(WriteLegacy(batch, lost));
    REHOME_TRY(DeleteLegacy(batch.deleted, lost));
    REHOME_TRY(SetAside(batch.overtaken, "changed after the revert, and on the old side too"));
    REHOME_TRY(SetAside(batch.aside, "changed after cutover, does not map back"));
    return lost;
  }

  /// What the ids of one look come to. A document of the new side either maps back to a legacy one
  /// (`written`, `images`), or does not (`aside`), or is older than that (`overtaken`), or is gone
  /// (`deleted`: its legacy documents).
  struct Batch {
    std::vector<Pair> written;
    std::vector<Document> images;
    std::vector<Document> aside;
    std::vector<Document> overtaken;
    std::vector<Document> superseded;  // stay where they are
    std::vector<Document> deleted;
  };

  /// Every pointer is back, or where a plan has none the fences are down: the application writes on the
  /// old side again, and a document that changed there since it was carried is not taken back to what
  /// a late write on the new side knew of it.
  [[nodiscard]] bool OldSideLeads() const {
    const RunRecord& run = session_.run();
    return run.cutover->pointers.empty() ? !run.IsCutOver() : HasLeftNewSide(*run.cutover);
  }

  /// Where the old side leads: whether the legacy document is neither what was written back last, nor
  /// what the item was carried from, nor what it says now; or is gone although there was one.
  [[nodiscard]] bool IsOvertaken(const Pair& pair) const {
    if (!OldSideLeads()) {
      return false;
    }
    if (!pair.legacy) {
      return WasWritten(pair.item_history) || WasWritten(pair.legacy_history);
    }
    if (Judge(pair.legacy_history, DocumentDigest(pair.legacy->view())) == Ownership::kOurs) {
      return false;
    }
    const std::optional<Md5Digest> digest = MappedDigest(*pair.legacy);
    const OwnedHistory::Step* last = pair.item_history.LastDone();
    const bool is_as_carried = digest && last != nullptr && last->after == digest;
    const bool is_the_same = digest && pair.item && DocumentDigest(pair.item->view()) == digest;
    return !is_as_carried && !is_the_same;
  }

  /// Of the item that a legacy document maps to now; nothing where it does not map.
  [[nodiscard]] std::optional<Md5Digest> MappedDigest(const Document& legacy) const {
    const Mapped mapped = session_.mapper().Map(legacy.view());
    const Item* item = std::get_if<Item>(&mapped);
    return item == nullptr ? std::nullopt : std::optional(DocumentDigest(item->document.view()));
  }

  /// Whether what was written last was a document.
  [[nodiscard]] static bool WasWritten(const OwnedHistory& history) {
    const OwnedHistory::Step* last = history.LastDone();
    return last != nullptr && last->after;
  }

  [[nodiscard]] const Call& call() const { return session_.call(); }

  void Sort(Pair pair, Batch& batch) {
    if (!pair.item) {
      if (pair.legacy && WasWritten(pair.item_history) && !IsOvertaken(pair)) {
        batch.deleted.push_back(*std::move(pair.legacy));
      }
      return;
    }
    // Other organizations' documents in the same collection are not this run's to carry.
    if (!session_.run().namespaces.contains(StringField(pair.item->view(), "org_id"))) {
      return;
    }
    const Md5Digest stands = DocumentDigest(pair.item->view());
    if (Judge(pair.item_history, stands) == Ownership::kOurs) {
      // As this run wrote it once. But the application may have come back to that, after a late write of
      // the old side had given way to what it said in between.
      if (!OldSideLeads() && pair.legacy && MappedDigest(*pair.legacy) != stands) {
        batch.superseded.push_back(*std::move(pair.item));
      }
      return;
    }
    if (IsOvertaken(pair)) {
      batch.overtaken.push_back(*std::move(pair.item));
      return;
    }
    auto legacy = Invert(session_.mapper(), session_.plan().items, pair.legacy, pair.item->view());
    if (legacy) {
      batch.images.push_back(*std::move(legacy));
      batch.written.push_back(std::move(pair));
    } else {
      batch.aside.push_back(*std::move(pair.item));
    }
  }

  Status SaveBeforeImages(const Batch& batch) {
    std::vector<Document> before = batch.deleted;
    for (const Pair& pair : batch.written) {
      if (pair.legacy) {
        before.push_back(*pair.legacy);
      }
    }
    REHOME_TRY(session_.saved().Add("legacy document before the write-back", legacy_.target.name,
                                    before, call()));
    return {};
  }

  Status WriteLegacy(const Batch& batch, std::vector<Value>& lost) {
    std::vector<LedgerEntry> entries;
    std::vector<Write> writes;
    std::vector<const Pair*> wanted;  // one for each write
    std::vector<const Pair*> standing;
    for (std::size_t i = 0; i < batch.written.size(); ++i) {
      const Pair& pair = batch.written[i];
      const Document& legacy = batch.images[i];
      if (pair.legacy != legacy) {
        entries.push_back({.id = pair.id,
                           .before = pair.legacy
                                         ? std::optional(DocumentDigest(pair.legacy->view()))
                                         : std::nullopt,
                           .after = DocumentDigest(legacy.view()),
                           .text = {}});
        writes.push_back(pair.legacy ? Write::Replace(*pair.legacy, legacy)
                                     : Write::Insert(legacy));
        wanted.push_back(&pair);
      } else {
        standing.push_back(&pair);
      }
    }
    REHOME_TRY_ASSIGN(const auto results,
                      WriteJournaled(legacy_, entries, writes, kThroughFence, call()));
    for (std::size_t i = 0; i < results.size(); ++i) {
      if (results[i].applied()) {
        standing.push_back(wanted[i]);
      } else {
        lost.push_back(wanted[i]->id);
      }
    }
    return Adopt(standing);
  }

  /// The items are the mapping's images of their legacy documents again: from here on they are ours,
  /// and embedded anew. The marks go first: once an item is ours, nobody looks at its vector again.
  /// An item that the application wrote meanwhile is not: a later lap names it.
  Status Adopt(const std::vector<const Pair*>& written) {
    std::vector<Write> resets;
    for (const Pair* pair : written) {
      resets.push_back(Write::Replace(*pair->item, WithMark(pair->item->view(), "")));
    }
    if (resets.empty()) {
      return {};
    }
    // Needs no intent: digests leave the mark out.
    REHOME_TRY_ASSIGN(const auto results,
                      session_.target().Apply(items_.target.name, resets, kThroughFence, call()));
    std::vector<Document> items;
    std::vector<LedgerEntry> ours;
    for (std::size_t i = 0; i < results.size(); ++i) {
      if (IsMade(resets[i], results[i])) {
        items.push_back(*written[i]->item);
        ours.push_back(AsItStands(written[i]->id, DocumentDigest(written[i]->item->view())));
      }
    }
    REHOME_TRY(JournalAsOurs(items_.target, ours));
    REHOME_TRY(AdoptVectors(items, "changed after cutover, embedded anew"));
    std::ranges::transform(ours, std::back_inserter(adopted), &LedgerEntry::id);
    counts["written back"] += static_cast<std::int64_t>(ours.size());
    return {};
  }

  static LedgerEntry AsItStands(Value id, const Md5Digest& digest) {
    return {.id = std::move(id), .before = digest, .after = digest, .text = {}};
  }

  Status JournalAsOurs(const LedgerTarget& target, const std::vector<LedgerEntry>& entries) {
    REHOME_TRY_ASSIGN(const auto batch, session_.ledger().Open(target, entries, call()));
    return session_.ledger().Close(batch, std::vector<bool>(entries.size(), true), call());
  }

  /// The application's own vectors of `items`: saved, and ours from here on, to be written over or
  /// removed. Of an item that it added there is no other.
  Status AdoptVectors(const std::vector<Document>& items, std::string_view why) {
    std::map<TenantNamespace, std::vector<std::string>> by_namespace;
    for (const Document& item : items) {
      REHOME_TRY_ASSIGN(const TenantNamespace ns,
                        session_.flow().NamespaceOf(StringField(item.view(), "org_id")));
      by_namespace[ns].push_back(StringField(item.view(), "item_id"));
    }
    for (const auto& [ns, ids] : by_namespace) {
      REHOME_TRY_ASSIGN(auto present, session_.target_vectors().Fetch(ns.name(), ids, call()));
      std::vector<Value> keys;
      for (const VectorRecord& record : present) {
        keys.push_back(Value::String(record.id));
      }
      const LedgerTarget target{LedgerTarget::Store::kVectors, ns.name()};
      REHOME_TRY_ASSIGN(const auto histories, session_.ledger().Find(target, keys, call()));
      std::vector<VectorRecord> changed;
      std::vector<LedgerEntry> entries;
      for (std::size_t i = 0; i < present.size(); ++i) {
        const Md5Digest digest = VectorDigest(present[i]);
        if (Judge(histories[i], digest) != Ownership::kOurs) {
          entries.push_back(AsItStands(std::move(keys[i]), digest));
          changed.push_back(std::move(present[i]));
        }
      }
      REHOME_TRY(session_.saved().Add(why, ns.name(), changed, call()));
      REHOME_TRY(JournalAsOurs(target, entries));
    }
    return {};
  }

  Status DeleteLegacy(const std::vector<Document>& doomed, std::vector<Value>& lost) {
    std::vector<Document> items;
    for (const Document& legacy : doomed) {
      Mapped mapped = session_.mapper().Map(legacy.view());
      if (Item* item = std::get_if<Item>(&mapped)) {
        items.push_back(std::move(item->document));
      }
    }
    REHOME_TRY(RemoveVectorsOf(session_.flow(), items, call()));
    REHOME_TRY_ASSIGN(const auto results, DeleteJournaled(legacy_, doomed, kThroughFence, call()));
    std::int64_t deleted = 0;
    for (std::size_t i = 0; i < results.size(); ++i) {
      if (results[i].applied()) {
        ++deleted;
      } else {
        lost.emplace_back(doomed[i].Id());
      }
    }
    if (deleted > 0) {
      counts["deleted on the old side too"] += deleted;
    }
    return {};
  }

  /// They are not written back: kept in rehome_saved and removed; where a legacy document stands, it
  /// maps again. One that the application wrote meanwhile stays: a later lap names it.
  Status SetAside(const std::vector<Document>& items, std::string_view why) {
    REHOME_TRY(session_.saved().Add(why, items_.target.name, items, call()));
    REHOME_TRY(AdoptVectors(items, why));
    REHOME_TRY(RemoveVectorsOf(session_.flow(), items, call()));
    REHOME_TRY_ASSIGN(const auto results, DeleteJournaled(items_, items, kThroughFence, call()));
    const auto removed = std::ranges::count_if(results, &WriteResult::applied);
    if (removed > 0) {
      counts["saved aside"] += removed;
    }
    return {};
  }

  static constexpr WriteOptions kThroughFence{.bypass_fence = true};
  Session& session_;
  const JournaledCollection legacy_;
  const JournaledCollection items_;
};

/// Journals the decision: the same pointers with old and new exchanged, a fence on the new
/// collection, and the legacy fence that is still up and goes down with this.
Status IntendRevert(Session& session) {
  RunRecord& run = session.run();
  if (!run.cutover || run.cutover->reverse) {
    return {};
  }
  REHOME_TRY_ASSIGN(FenceRecord fence, PlanFence(session, session.plan().items.to, true));
  run.cutover->reverse = true;
  run.cutover->state = CutoverRecord::State::kIntended;
  run.cutover->fences.push_back(std::move(fence));
  REHOME_TRY(session.Save());
  return session.Audit("revert intended", "pointers back to their old values");
}

/// Whether a pointer may stand on its new value: flips come after the proof under the fence.
bool MayBeFlipped(const CutoverRecord& cutover) {
  return cutover.reverse || cutover.state >= CutoverRecord::State::kVerified;
}

Status PointersBack(Session& session) {
  for (PointerRecord& pointer : session.run().cutover->pointers | std::views::reverse) {
    REHOME_TRY(FlipBack(pointer, session.stores(), session.call()));
    pointer.flipped = false;
    REHOME_TRY(session.Save());
  }
  return {};
}

/// One lap of what the application wrote on the new side: how many ids it named, or where both sides
/// were compared, which names a difference for as long as it stands, how many were acted on.
Result<std::size_t> WriteBackLap(Session& session, WriteBack& back, Millis wait) {
  const std::int64_t before = back.acted();
  REHOME_TRY_ASSIGN(
      const Drained drained,
      DrainReverse(session, [&](const std::vector<Value>& ids) { return back.Apply(ids); }, wait));
  return drained.swept ? static_cast<std::size_t>(back.acted() - before) : drained.named;
}

/// To zero lag where a fence holds, else as near to it as laps come.
Status WriteBackInLaps(Session& session, WriteBack& back) {
  REHOME_TRY(RunLaps(session.clock(), Millis::max(),
                     [&] { return WriteBackLap(session, back, Millis{0}); }));
  return {};
}

/// The pointers are back: what an instance that knows nothing of it still writes on the new side.
Status WriteBackUntilQuiet(Session& session, WriteBack& back, Millis quiet) {
  constexpr int kBusyLaps = 3;  // one alone may name what this runner wrote there itself
  for (int lap = 1;; ++lap) {
    REHOME_TRY_ASSIGN(const std::size_t named, WriteBackLap(session, back, quiet));
    if (named == 0) {
      return {};
    }
    if (lap == kBusyLaps) {
      session.events().Note(fmt::format(
          "the application is on the old side again; {} is still written to: that is carried until "
          "nothing came for {} (restart the instance that writes it; if this is stopped, `rehome "
          "revert` goes on)",
          session.plan().items.to, FormatDuration(quiet)));
    }
  }
}

/// The cutover ends before it moved anything: nothing is to be written back.
Status Cancel(Session& session) {
  REHOME_TRY(LiftFences(session));
  REHOME_TRY(ForgetReverse(session));
  session.run().cutover.reset();
  return session.Save();
}

/// Everything that wants the new side closed: the application goes back with what it wrote there.
Status LeaveNewSide(Session& session, WriteBack& back, bool watched) {
  for (const PointerRecord& pointer : session.run().cutover->pointers) {
    REHOME_TRY(MayFlipBack(pointer, session.stores(), session.call()));
  }
  REHOME_TRY(LiftWriteBlock(session));  // what goes back is written there
  REHOME_TRY(IntendRevert(session));
  REHOME_TRY(RaiseFences(session));
  if (watched) {
    REHOME_TRY(WriteBackInLaps(session, back));
  }
  session.run().cutover->state = CutoverRecord::State::kVerified;
  REHOME_TRY(session.Save());
  return PointersBack(session);
}

/// The application is left where it can write, which the next attempt carries back too.
void OpenNewSide(Session& session) {
  const Session::StopMask mask(session);
  if (Status open = LiftFences(session, Fenced::kNewSide); !open) {
    session.events().Warn(
        fmt::format("{} could not be opened for writing again ({}): `rehome revert` goes on, and "
                    "ends with it open",
                    session.plan().items.to, open.error().message));
  }
}

}  // namespace

Result<Counts> UndoCutover(Session& session) {
  RunRecord& run = session.run();
  if (!run.cutover) {  // put back already: the application is on the old side, and so is all it wrote
    return Counts{};
  }
  if (!MayBeFlipped(*run.cutover)) {
    session.events().Note("the cutover is put back: no pointer was moved, the fence is lifted");
    REHOME_TRY(Cancel(session));
    return Counts{};
  }
  const bool watched = run.positions.contains("reverse");
  WriteBack back(session);
  const bool resumed = run.cutover->reverse;  // what the attempt before set aside is not in `back`
  if (resumed) {
    session.events().Note("an interrupted revert goes on: the application returns to the old side");
  }
  // Once the new collection's fence may be up, nothing more can be carried there: what the legacy
  // side holds by then is mapped after the fences are down.
  if (run.IsCutOver() && !resumed) {
    REHOME_TRY(DrainForward(session, VectorMode::kNow));
  }
  if (HasLeftNewSide(*run.cutover)) {
    REHOME_TRY(PointersBack(session));  // of a flip that was cut off nothing is journaled
  } else if (Status left = LeaveNewSide(session, back, watched); !left) {
    OpenNewSide(session);
    return std::unexpected(std::move(left).error());
  }
  const auto pointers = static_cast<std::int64_t>(run.cutover->pointers.size());
  REHOME_TRY(LiftFences(session));
  // From here on the old side leads: what was not written back is mapped from it again.
  const bool was_live = run.IsCutOver();
  run.cut_over_at.reset();
  REHOME_TRY(session.Save());
  if (watched) {
    REHOME_TRY(was_live || resumed
                   ? WriteBackUntilQuiet(session, back, session.plan().cutover.quiet)
                   : WriteBackInLaps(session, back));
  }
  // Before the revert is over: what was set aside is named by no feed, so whoever resumes sweeps.
  REHOME_TRY(Reconcile(session.flow(), back.adopted, VectorMode::kNow, session.call()));
  if (resumed || back.counts.contains("saved aside")) {
    REHOME_TRY(SweepForward(session, VectorMode::kNow));
  }
  REHOME_TRY(ForgetReverse(session));
  run.cutover.reset();
  REHOME_TRY(session.Save());
  Counts out = back.counts;
  out["pointers back"] = pointers;
  return out;
}

}  // namespace rehome
