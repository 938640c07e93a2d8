#pragma once
// scan.h — the walk through a collection that digests, copies, sweeps and undoes have in common.
#include <string_view>
#include <utility>
#include <vector>

#include "ports/document_store.h"

namespace rehome {

/// How much of a collection is in memory at once.
struct ScanBatch {
  std::size_t count_max = 1000;
  std::size_t bytes_max = std::size_t{4} << 20U;
};

/// Hands the documents of `range` to `each`, a Status(std::vector<Document>), in `_id` order and in
/// batches, none of them empty. The first error ends it; a stop between two batches is kCancelled.
template <class Each>
[[nodiscard]] Status ForEachBatch(DocumentStore& store, std::string_view collection,
                                  const IdRange& range, const Call& call, Each&& each,
                                  const ScanBatch& batch = {}) {
  REHOME_TRY_ASSIGN(const auto cursor, store.Scan(collection, range, call));
  while (true) {
    if (call.stop.stop_requested()) {
      return Fail(ErrorCode::kCancelled, "stopped on request");
    }
    REHOME_TRY_ASSIGN(auto documents, cursor->Next(batch.count_max, batch.bytes_max));
    if (documents.empty()) {
      return {};
    }
    REHOME_TRY(each(std::move(documents)));
  }
}

}  // namespace rehome
