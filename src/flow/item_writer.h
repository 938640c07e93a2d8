#pragma once
// item_writer.h — the store hop of phase 2: intents → insert → outcome. The common case, nothing
// there yet, costs one write per store and batch; whatever else it meets is handed back for
// reconcile.h to judge.
#include <vector>

#include "base/digest.h"
#include "flow/context.h"

namespace rehome {

/// One source document and what the mapping made of it.
struct MappedRow {
  Document source;
  Mapped mapped;
  Md5Digest item_digest;  // valid if mapped is an Item
  /// Needed for few of them, so made when asked for.
  [[nodiscard]] Md5Digest SourceDigest() const;
};

/// Maps a batch: pure, safe on any thread.
[[nodiscard]] std::vector<MappedRow> MapRows(const Mapper& mapper, std::vector<Document> sources);

/// Source documents made ready to be written.
struct ItemBatch {
  std::vector<LedgerEntry> entries;  // one per write
  std::vector<Write> writes;
  std::vector<MappedRow> unmappable;
};

/// Maps a batch and keeps of what maps only what is written: pure, safe on any thread.
[[nodiscard]] ItemBatch PrepareItems(const Mapper& mapper, std::vector<Document> sources);

struct ItemsWritten {
  std::uint64_t inserted = 0;
  std::uint64_t present = 0;  // stood there already, equal
  std::uint64_t quarantined = 0;
  SetDigest written;  // items that stand there now
  /// Ids that stand there otherwise, whose item_id another has, or that no longer map: reconcile
  /// them.
  std::vector<Value> unresolved;
};

/// Writes one batch. Repeating it changes nothing.
[[nodiscard]] Result<ItemsWritten> WriteItems(FlowContext& flow, const ItemBatch& batch,
                                              const Call& call);

}  // namespace rehome
