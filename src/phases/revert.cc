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
    REHOME_TRY(WriteLegacy(batch));
    REHOME_TRY(DeleteLegacy(batch.deleted));
    REHOME_TRY(SetAside(batch.overtaken, "changed after the revert, and on the old side too"));
    return SetAside(batch.aside, "changed after cutover, does not map back");
  }

  Counts counts;
  std::vector<Value> adopted;  // written back: their vectors are of the text before

 private:
  /// What the ids of one look come to. A document of the new side either maps back to a legacy one
  /// (`written`, `images`), or does not (`aside`), or is older than that (`overtaken`), or is gone
  /// (`deleted`: its legacy documents).
  struct Batch {
    std::vector<Pair> written;
    std::vector<Document> images;
    std::vector<Document> aside;
    std::vector<Document> overtaken;
    std::vector<Document> deleted;
  };

  /// Every pointer is back, or where a plan has none the fences are down: the application writes on the
  /// old side again, and a document that changed there since it was carried is not taken back to what
  /// a late write on the new side knew of it.
  [[nodiscard]] bool OldSideLeads() const {
    const RunRecord& run = session_.run();
    const std::vector<PointerRecord>& pointers = run.cutover->pointers;
    return pointers.empty()
               ? !run.IsCutOver()
               : run.cutover->reverse && std::ranges::none_of(pointers, &PointerRecord::flipped);
  }

  /// Where the old side leads: whether the legacy document is neither what was written back last, nor what the item was carried
  /// from, nor what it says now.
  [[nodiscard]] bool IsOvertaken(const Pair& pair) const {
    if (!OldSideLeads() || !pair.legacy ||
        Judge(pair.legacy_history, DocumentDigest(pair.legacy->view())) == Ownership::kOurs) {
      return false;
    }
    const Mapped mapped = session_.mapper().Map(pair.legacy->view());
    const Item* now = std::get_if<Item>(&mapped);
    const std::optional<Md5Digest> digest =
        now == nullptr ? std::nullopt : std::optional(DocumentDigest(now->document.view()));
    const OwnedHistory::Step* last = pair.item_history.LastDone();
    const bool is_as_carried = digest && last != nullptr && last->after == digest;
    const bool is_the_same = digest && pair.item && DocumentDigest(pair.item->view()) == digest;
    return !is_as_carried && !is_the_same;
  }

  [[nodiscard]] const Call& call() const { return session_.call(); }

  void Sort(Pair pair, Batch& batch) {
    if (!pair.item) {
      const OwnedHistory::Step* last = pair.item_history.LastDone();
      if (pair.legacy && last != nullptr && last->after && !IsOvertaken(pair)) {
        batch.deleted.push_back(*std::move(pair.legacy));
      }
      return;
    }
    // Other organizations' documents in the same collection are not this run's to carry.
    if (Judge(pair.item_history, DocumentDigest(pair.item->view())) == Ownership::kOurs ||
        !session_.run().namespaces.contains(StringField(pair.item->view(), "org_id"))) {
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

  [[nodiscard]] Status RequireAll(const std::vector<WriteResult>& results) const {
    if (std::ranges::all_of(results, &WriteResult::applied)) {
      return {};
    }
    return Fail(
        ErrorCode::kAborted,
        fmt::format("a document of {} changed while it was written back", legacy_.target.name),
        "run `rehome revert` again");
  }

  Status WriteLegacy(const Batch& batch) {
    std::vector<LedgerEntry> entries;
    std::vector<Write> writes;
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
      }
    }
    REHOME_TRY_ASSIGN(const auto results,
                      WriteJournaled(legacy_, entries, writes, kThroughFence, call()));
    REHOME_TRY(RequireAll(results));
    return Adopt(batch.written);
  }

  /// The items are the mapping's images of their legacy documents again: from here on they are ours,
  /// and embedded anew. The marks go first: once an item is ours, nobody looks at its vector again.
  /// An item that the application wrote meanwhile is not: a later lap names it.
  Status Adopt(const std::vector<Pair>& written) {
    std::vector<Write> resets;
    for (const Pair& pair : written) {
      resets.push_back(Write::Replace(*pair.item, WithMark(pair.item->view(), "")));
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
        const Md5Digest digest = DocumentDigest(written[i].item->view());
        items.push_back(*written[i].item);
        ours.push_back({.id = written[i].id, .before = digest, .after = digest, .text = {}});
      }
    }
    REHOME_TRY_ASSIGN(const auto batch, session_.ledger().Open(items_.target, ours, call()));
    REHOME_TRY(session_.ledger().Close(batch, std::vector<bool>(ours.size(), true), call()));
    REHOME_TRY(SaveChangedVectors(items));
    std::ranges::transform(ours, std::back_inserter(adopted), &LedgerEntry::id);
    counts["written back"] += static_cast<std::int64_t>(ours.size());
    return {};
  }

  /// The application's own vectors of items that are embedded anew.
  Status SaveChangedVectors(const std::vector<Document>& items) {
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
      REHOME_TRY_ASSIGN(
          const auto histories,
          session_.ledger().Find({LedgerTarget::Store::kVectors, ns.name()}, keys, call()));
      std::vector<VectorRecord> changed;
      for (std::size_t i = 0; i < present.size(); ++i) {
        if (Judge(histories[i], VectorDigest(present[i])) != Ownership::kOurs) {
          changed.push_back(std::move(present[i]));
        }
      }
      REHOME_TRY(
          session_.saved().Add("changed after cutover, embedded anew", ns.name(), changed, call()));
    }
    return {};
  }

  Status DeleteLegacy(const std::vector<Document>& doomed) {
    std::vector<Document> items;
    for (const Document& legacy : doomed) {
      Mapped mapped = session_.mapper().Map(legacy.view());
      if (Item* item = std::get_if<Item>(&mapped)) {
        items.push_back(std::move(item->document));
      }
    }
    REHOME_TRY(RemoveVectorsOf(session_.flow(), items, call()));
    REHOME_TRY_ASSIGN(const auto results, DeleteJournaled(legacy_, doomed, kThroughFence, call()));
    REHOME_TRY(RequireAll(results));
    if (!doomed.empty()) {
      counts["deleted on the old side too"] += static_cast<std::int64_t>(doomed.size());
    }
    return {};
  }

  /// They are not written back: kept in rehome_saved and removed; where a legacy document stands, it
  /// maps again. One that the application wrote meanwhile stays: a later lap names it.
  Status SetAside(const std::vector<Document>& items, std::string_view why) {
    REHOME_TRY(session_.saved().Add(why, items_.target.name, items, call()));
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

/// One lap of what the application wrote on the new side: how many ids it named.
Result<std::size_t> WriteBackLap(Session& session, WriteBack& back, Millis wait) {
  REHOME_TRY_ASSIGN(
      const Drained drained,
      DrainReverse(session, [&](const std::vector<Value>& ids) { return back.Apply(ids); }, wait));
  return drained.named;
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
  if (run.cutover && !MayBeFlipped(*run.cutover)) {
    REHOME_TRY(Cancel(session));
    return Counts{};
  }
  // Without a cutover the application never was on the new side: nothing there is its own.
  const bool watched = run.cutover && run.positions.contains("reverse");
  WriteBack back(session);
  std::int64_t pointers = 0;
  const bool resumed =
      !run.cutover || run.cutover->reverse;  // what the attempt before set aside is not in `back`
  if (run.cutover) {
    // Once the new collection's fence may be up, nothing more can be carried there: what the legacy
    // side holds by then is mapped after the fences are down.
    if (run.IsCutOver() && !resumed) {
      REHOME_TRY(DrainForward(session, VectorMode::kNow));
    }
    if (Status left = LeaveNewSide(session, back, watched); !left) {
      OpenNewSide(session);
      return std::unexpected(std::move(left).error());
    }
    pointers = static_cast<std::int64_t>(run.cutover->pointers.size());
    REHOME_TRY(LiftFences(session));
  }
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
