#pragma once
// reconcile.h — brings single documents to what the source says now: the one path for changes of a
// live source, for replays out of quarantine, for repairs and for what a bulk pass could not
// decide. It reads the source again, so the order, the number and the contents of events do not
// matter.
//
// Order across the stores, so that a crash leaves nothing that a repeat does not heal:
//   insert, update   item (is_embedded: false) → upsert → confirm → mark
//   other tenant     new namespace: upsert → confirm → item → old namespace: delete → confirm
//   delete           vector → confirmed gone → item
//   not mappable     quarantine, then as delete
// A batch takes each of these steps together, so what it costs in round trips does not grow with it.
// After cutover nothing that the application changed or deleted on the new side is overwritten or
// brought back: what the straggler would have made is saved and named.
#include <string>
#include <vector>

#include "flow/context.h"

namespace rehome {

struct Reconciled {
  std::uint64_t inserted = 0;
  std::uint64_t replaced = 0;
  std::uint64_t deleted = 0;
  std::uint64_t unchanged = 0;
  std::uint64_t quarantined = 0;
  std::uint64_t embedded = 0;
  std::vector<std::string> saved;  // item ids: stragglers kept in rehome_saved, and not before
  std::vector<std::string>
      conflicts;  // item ids that stand there changed or foreign: left as they are
  void Add(const Reconciled& other);
};

enum class VectorMode : std::uint8_t {
  kLater,  // phase 2: items only, phase 3 embeds what is not marked
  kNow,    // every item leaves with its vector confirmed
};
/// kNow once phase 3 has begun: it does not come back to what it has passed.
[[nodiscard]] VectorMode VectorModeOf(const RunRecord& run);

/// What becomes of an item that is ours by its id and was changed since, before cutover.
enum class ChangedItems : std::uint8_t {
  kLeave,           // a conflict: named, left as it is
  kSaveAndReplace,  // kept in rehome_saved, then written as its source says (repair)
};

/// Any number of source ids; worked off in batches, side by side where the target takes several
/// writers and no embedder is asked. Repeating it changes nothing.
[[nodiscard]] Result<Reconciled> Reconcile(FlowContext& flow, std::span<const Value> source_ids,
                                           VectorMode mode, const Call& call,
                                           ChangedItems changed = ChangedItems::kLeave);

/// Removes those of `ids` from `ns` whose item lives in another namespace, or is gone: what a
/// re-route leaves that died on its way, or that the application was faster than.
[[nodiscard]] Status RemoveStrays(FlowContext& flow, const TenantNamespace& ns,
                                  std::span<const std::string> ids, const Call& call);

/// Puts the sources of items aside that mapped but cannot be embedded, and removes the items.
[[nodiscard]] Status SetAside(FlowContext& flow, std::span<const Value> ids,
                              QuarantineReason reason, const std::string& detail, const Call& call);

}  // namespace rehome
