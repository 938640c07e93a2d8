// Phase 4, backward: the application returns to the old side with everything that it wrote on the
// new one. What was written there goes back into the legacy collection where the mapping inverts
// for it exactly; where it does not, it is saved and named. The legacy collection's before-images
// are saved first.
#include <fmt/format.h>

#include <ranges>

#include "flow/remover.h"
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
  OwnedHistory history;
};

class WriteBack {
 public:
  explicit WriteBack(Session& session)
      : session_(session), legacy_{LedgerTarget::Store::kDocuments, session.plan().items.from} {}

  Status Apply(const std::vector<Value>& ids) {
    REHOME_TRY_ASSIGN(
        auto legacy, session_.source().FindByIds(session_.plan().items.from, ids, session_.call()));
    REHOME_TRY_ASSIGN(auto items,
                      session_.target().FindByIds(session_.plan().items.to, ids, session_.call()));
    REHOME_TRY_ASSIGN(auto histories,
                      session_.ledger().Find(session_.flow().ItemsTarget(), ids, session_.call()));
    for (std::size_t i = 0; i < ids.size(); ++i) {
      REHOME_TRY(One({.id = ids[i],
                      .legacy = std::move(legacy[i]),
                      .item = std::move(items[i]),
                      .history = std::move(histories[i])}));
    }
    return {};
  }

  Counts counts;
  std::vector<Value> adopted;  // written back: their vectors are of the text before

 private:
  Status One(const Pair& pair) {
    if (!pair.item) {
      const OwnedHistory::Step* last = pair.history.LastDone();
      return pair.legacy && last != nullptr && last->after ? DeleteLegacy(pair) : Status{};
    }
    if (Judge(pair.history, DocumentDigest(pair.item->view())) == Ownership::kOurs) {
      return {};
    }
    // Other organizations' documents in the same collection are not this run's to carry.
    if (!session_.run().namespaces.contains(StringField(pair.item->view(), "org_id"))) {
      return {};
    }
    const auto legacy =
        Invert(session_.mapper(), session_.plan().items, pair.legacy, pair.item->view());
    return legacy ? WriteLegacy(pair, *legacy) : SetAside(pair);
  }

  Status SaveBeforeImage(const Pair& pair) {
    return pair.legacy ? session_.saved().Add("legacy document before the write-back", legacy_.name,
                                              *pair.legacy, session_.call())
                       : Status{};
  }

  static std::unexpected<Error> Changed(std::string_view collection) {
    return Fail(ErrorCode::kAborted,
                fmt::format("a document of {} changed while it was written back", collection),
                "run `rehome revert` again");
  }

  /// Needs no intent: digests leave the mark out.
  Status ResetMark(const Document& item) {
    const std::string& collection = session_.plan().items.to;
    const Write write = Write::Replace(item, WithMark(item.view(), ""));
    REHOME_TRY_ASSIGN(
        const auto results,
        session_.target().Apply(collection, {&write, 1}, {.bypass_fence = true}, session_.call()));
    return results.front().applied() ? Status{} : Changed(collection);
  }

  Status WriteJournaled(const LedgerTarget& target, DocumentStore& store, const LedgerEntry& entry,
                        const Write& write) {
    REHOME_TRY_ASSIGN(const auto batch,
                      session_.ledger().Open(target, {&entry, 1}, session_.call()));
    REHOME_TRY_ASSIGN(const auto results, store.Apply(target.name, {&write, 1},
                                                      {.bypass_fence = true}, session_.call()));
    REHOME_TRY(session_.ledger().Close(batch, {results.front().applied()}, session_.call()));
    return results.front().applied() ? Status{} : Changed(target.name);
  }

  Status WriteLegacy(const Pair& pair, const Document& legacy) {
    REHOME_TRY(SaveBeforeImage(pair));
    const auto before =
        pair.legacy ? std::optional(DocumentDigest(pair.legacy->view())) : std::nullopt;
    if (pair.legacy != legacy) {
      REHOME_TRY(WriteJournaled(
          legacy_, session_.source(),
          {.id = pair.id, .before = before, .after = DocumentDigest(legacy.view()), .text = {}},
          pair.legacy ? Write::Replace(*pair.legacy, legacy) : Write::Insert(legacy)));
    }
    // The item is the mapping's image of the legacy document again: from here on it is ours, and
    // embedded anew. The mark goes first: once it is ours, nobody looks at its vector again.
    REHOME_TRY(ResetMark(*pair.item));
    const Md5Digest digest = DocumentDigest(pair.item->view());
    const LedgerEntry ours{.id = pair.id, .before = digest, .after = digest, .text = {}};
    REHOME_TRY_ASSIGN(const auto batch, session_.ledger().Open(session_.flow().ItemsTarget(),
                                                               {&ours, 1}, session_.call()));
    REHOME_TRY(session_.ledger().Close(batch, {true}, session_.call()));
    REHOME_TRY(SaveChangedVector(*pair.item));
    adopted.push_back(pair.id);
    ++counts["written back"];
    return {};
  }

  /// The application's own vector of an item that is embedded anew.
  Status SaveChangedVector(const Document& item) {
    REHOME_TRY_ASSIGN(const TenantNamespace ns,
                      session_.flow().NamespaceOf(StringField(item.view(), "org_id")));
    const std::string id = StringField(item.view(), "item_id");
    REHOME_TRY_ASSIGN(const auto present,
                      session_.target_vectors().Fetch(ns.name(), {&id, 1}, session_.call()));
    const Value key = Value::String(id);
    REHOME_TRY_ASSIGN(const auto histories,
                      session_.ledger().Find({LedgerTarget::Store::kVectors, ns.name()}, {&key, 1},
                                             session_.call()));
    if (present.empty() ||
        Judge(histories.front(), VectorDigest(present.front())) == Ownership::kOurs) {
      return {};
    }
    return session_.saved().Add("changed after cutover, embedded anew", ns.name(), present.front(),
                                session_.call());
  }

  Status DeleteLegacy(const Pair& pair) {
    REHOME_TRY(SaveBeforeImage(pair));
    const Mapped mapped = session_.mapper().Map(pair.legacy->view());
    if (const Item* item = std::get_if<Item>(&mapped)) {
      REHOME_TRY_ASSIGN(const TenantNamespace ns, session_.flow().NamespaceOf(item->tenant.org_id));
      REHOME_TRY(RemoveVectors(session_.flow(), ns, {&item->item_id, 1}, session_.call()));
    }
    REHOME_TRY(WriteJournaled(
        legacy_, session_.source(),
        {.id = pair.id, .before = DocumentDigest(pair.legacy->view()), .after = {}, .text = {}},
        Write::Delete(*pair.legacy)));
    ++counts["deleted on the old side too"];
    return {};
  }

  /// Does not invert: the item is kept in rehome_saved and removed; where a legacy document stands,
  /// it maps again.
  Status SetAside(const Pair& pair) {
    REHOME_TRY(session_.saved().Add("changed after cutover, does not map back",
                                    session_.plan().items.to, *pair.item, session_.call()));
    REHOME_TRY_ASSIGN(const TenantNamespace ns,
                      session_.flow().NamespaceOf(StringField(pair.item->view(), "org_id")));
    const std::string vector_id = StringField(pair.item->view(), "item_id");
    REHOME_TRY(RemoveVectors(session_.flow(), ns, {&vector_id, 1}, session_.call()));
    REHOME_TRY(WriteJournaled(
        session_.flow().ItemsTarget(), session_.target(),
        {.id = pair.id, .before = DocumentDigest(pair.item->view()), .after = {}, .text = {}},
        Write::Delete(*pair.item)));
    ++counts["saved aside"];
    return {};
  }

  Session& session_;
  const LedgerTarget legacy_;
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

Status PointersBack(Session& session) {
  for (PointerRecord& pointer : session.run().cutover->pointers | std::views::reverse) {
    REHOME_TRY(FlipBack(pointer, session.stores(), session.call()));
    pointer.flipped = false;
    REHOME_TRY(session.Save());
  }
  return {};
}

Status DrainToQuiet(Session& session, WriteBack& back, Millis quiet) {
  constexpr int kTurnsMax = 100;
  for (int turn = 0; turn < kTurnsMax; ++turn) {
    REHOME_TRY_ASSIGN(
        const Drained drained,
        DrainReverse(
            session, [&](const std::vector<Value>& ids) { return back.Apply(ids); }, quiet));
    if (drained.ids.empty() && drained.caught_up) {
      return {};
    }
  }
  session.events().Warn(
      "the new side is still written to; `rehome run --online` carries on, or stop that writer");
  return {};
}

}  // namespace

Result<Counts> UndoCutover(Session& session) {
  RunRecord& run = session.run();
  // Without a cutover the application never was on the new side: nothing there is its own.
  const bool watched = run.cutover && run.positions.contains("reverse");
  WriteBack back(session);
  const bool resumed =
      !run.cutover || run.cutover->reverse;  // what the attempt before set aside is not in `back`
  if (run.cutover) {
    // Once the new collection's fence may be up, nothing more can be carried there: what the legacy
    // side holds by then is mapped after the fences are down.
    if (run.IsCutOver() && !resumed) {
      REHOME_TRY(DrainForward(session, VectorMode::kNow));
    }
    REHOME_TRY(LiftWriteBlock(session));  // what goes back is written there
    REHOME_TRY(IntendRevert(session));
    REHOME_TRY(RaiseFences(session));
    if (watched) {
      REHOME_TRY(DrainToQuiet(session, back, Millis{0}));
    }
    run.cutover->state = CutoverRecord::State::kVerified;
    REHOME_TRY(session.Save());
    REHOME_TRY(PointersBack(session));
    REHOME_TRY(LiftFences(session));
  }
  // From here on the legacy side leads: what did not map back is mapped from it again.
  const bool was_live = run.IsCutOver();
  run.cut_over_at.reset();
  REHOME_TRY(session.Save());
  if (watched) {
    REHOME_TRY(DrainToQuiet(session, back, was_live ? session.plan().cutover.quiet : Millis{0}));
  }
  REHOME_TRY(ForgetReverse(session));
  run.cutover.reset();
  REHOME_TRY(session.Save());
  REHOME_TRY(Reconcile(session.flow(), back.adopted, VectorMode::kNow, session.call()));
  if (resumed || back.counts.contains("saved aside")) {
    REHOME_TRY(SweepForward(session, VectorMode::kNow));
  }
  Counts out = back.counts;
  out["pointers back"] = 1;
  return out;
}

}  // namespace rehome
