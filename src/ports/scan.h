#pragma once
// scan.h — the walk through a collection that digests, copies, sweeps and undoes have in common.
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/pump.h"
#include "ports/document_store.h"

namespace rehome {

/// How much of a collection is in memory at once.
struct ScanBatch {
  std::size_t count_max = 1000;
  std::size_t bytes_max = std::size_t{4} << 20U;
  bool ahead = false;  // the next are read and prepared, on a thread, while some are worked on
};

/// What is walked through; all of it is borrowed.
struct ScanOf {
  DocumentStore& store;
  std::string_view collection;
  const IdRange& range;
};

/// Reads the documents of a range in `_id` order and in batches, none of them empty. `prepare`, a
/// Result<Work>(std::vector<Document>), makes work of each, and `each`, a Status(Work), does it. The
/// first error ends it; a stop between two batches is kCancelled.
template <class Work, class Prepare, class Each>
[[nodiscard]] Status ForEachPrepared(const ScanOf& scan, const Call& call, const Prepare& prepare,
                                     const Each& each, const ScanBatch& batch = {}) {
  const auto open = [&](std::size_t) -> Result<typename Pump<Work>::Source> {
    REHOME_TRY_ASSIGN(auto opened, scan.store.Scan(scan.collection, scan.range, call));
    return [&, cursor = std::shared_ptr<DocumentCursor>(
                   std::move(opened))]() -> Result<std::optional<Work>> {
      REHOME_TRY_ASSIGN(auto documents, cursor->Next(batch.count_max, batch.bytes_max));
      if (documents.empty()) {
        return std::nullopt;
      }
      REHOME_TRY_ASSIGN(Work work, prepare(std::move(documents)));
      return work;
    };
  };
  return Pump<Work>::Run(1, {.threads = batch.ahead ? 1U : 0U, .queued_max = 1}, call.stop, open,
                         each);
}

/// The same with the documents as they are.
template <class Each>
[[nodiscard]] Status ForEachBatch(DocumentStore& store, std::string_view collection,
                                  const IdRange& range, const Call& call, const Each& each,
                                  const ScanBatch& batch = {}) {
  using Documents = std::vector<Document>;
  return ForEachPrepared<Documents>(
      {store, collection, range}, call,
      [](Documents documents) { return Result<Documents>(std::move(documents)); }, each, batch);
}

}  // namespace rehome
