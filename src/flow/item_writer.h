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

struct ItemsWritten {
  std::uint64_t inserted = 0;
  std::uint64_t present = 0;  // stood there already, equal
  std::uint64_t quarantined = 0;
  SetDigest written;  // items that stand there now
  std::vector<Value>
      unresolved;  // ids that stand there otherwise, or no longer map: reconcile them
};

/// Writes one batch, whose items are used up. Repeating it changes nothing.
[[nodiscard]] Result<ItemsWritten> WriteItems(FlowContext& flow, std::span<MappedRow> rows,
                                              const Call& call);

}  // namespace rehome
