// copy_items.cc — what a bare copy through the store costs: the baseline that phase 2 is compared
// with. Usage: copy_items [COUNT] [DIRECTORY]. Prints documents per second for load, scan and copy.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <functional>
#include <vector>

#include "adapters/sqlite/sqlite_document_store.h"
#include "base/clock.h"
#include "bench/workload.h"
#include "ports/document_store.h"

namespace rehome::bench {
namespace {

constexpr std::size_t kBatchCount = 1000;
constexpr std::size_t kBatchBytes = 64U << 20U;

/// What a benchmark cannot go on without.
template <class T>
T Need(Result<T> result) {
  if (!result) {
    fmt::print(stderr, "{}\n", result.error().message);
    std::exit(1);  // NOLINT(concurrency-mt-unsafe): one thread
  }
  if constexpr (!std::is_void_v<T>) {
    return *std::move(result);
  }
}

/// Wall time says what an operator waits for, processor time what the code costs: they differ on a
/// busy machine.
void Report(std::string_view what, std::uint64_t count, Clock& clock,
            const std::function<void()>& work) {
  const SteadyTime start = clock.Steady();
  const std::clock_t cpu_start = std::clock();
  work();
  const double seconds = std::chrono::duration<double>(clock.Steady() - start).count();
  const double cpu_seconds = static_cast<double>(std::clock() - cpu_start) / CLOCKS_PER_SEC;
  const auto per_second = [&](double s) { return static_cast<double>(count) / s; };
  fmt::print("{:<22} {:>9.0f} documents/s  {:>9.0f} per processor second\n", what,
             per_second(seconds), per_second(cpu_seconds));
}

std::vector<Write> Inserts(std::vector<Document> documents) {
  std::vector<Write> writes;
  writes.reserve(documents.size());
  for (Document& document : documents) {
    writes.push_back(Write::Insert(std::move(document)));
  }
  return writes;
}

void Load(DocumentStore& store, std::string_view collection, std::uint64_t count) {
  for (std::uint64_t first = 0; first < count; first += kBatchCount) {
    std::vector<Document> batch;
    for (std::uint64_t i = first; i < std::min(count, first + kBatchCount); ++i) {
      batch.push_back(JobDocument(i));
    }
    Need(store.Apply(collection, Inserts(std::move(batch)), {}, {}));
  }
}

/// Reads all of `from` and hands each batch to `take`.
void ForEachBatch(DocumentStore& store, std::string_view from,
                  const std::function<void(std::vector<Document>)>& take) {
  const auto cursor = Need(store.Scan(from, {}, {}));
  while (true) {
    std::vector<Document> batch = Need(cursor->Next(kBatchCount, kBatchBytes));
    if (batch.empty()) {
      return;
    }
    take(std::move(batch));
  }
}

void Copy(DocumentStore& store, std::string_view from, std::string_view to) {
  ForEachBatch(store, from, [&](std::vector<Document> batch) {
    Need(store.Apply(to, Inserts(std::move(batch)), {}, {}));
  });
}

int Run(std::uint64_t count, const std::filesystem::path& directory) {
  const std::filesystem::path file = directory / "copy_items.db";
  const auto remove = [&] {
    for (const std::string_view suffix : {"", "-wal", "-shm"}) {
      std::filesystem::remove(file.string() + std::string(suffix));
    }
  };
  remove();
  SystemClock clock;
  {
    const auto store = Need(SqliteDocumentStore::Open(file, OpenMode::kReadWrite, clock));
    Report("make and load", count, clock, [&] { Load(*store, "source", count); });
    Report("scan", count, clock,
           [&] { ForEachBatch(*store, "source", [](const std::vector<Document>&) {}); });
    Report("count", count, clock, [&] { Need(store->Count("source", {})); });
    Report("split into 16 ranges", count, clock,
           [&] { Need(store->SplitRanges("source", 16, {})); });
    // The difference of the two is what the change feed costs: the journal's collections are not
    // fed.
    Report("copy", count, clock, [&] { Copy(*store, "source", "target"); });
    Report("copy without feed", count, clock, [&] { Copy(*store, "source", "rehome_target"); });
    Need(store->EnsureIndex("indexed", {"by_created", {"created_at"}, true}, {}));
    Report("copy, a unique index", count, clock, [&] { Copy(*store, "source", "indexed"); });
  }
  remove();
  return 0;
}

}  // namespace
}  // namespace rehome::bench

int main(int argc, char** argv) {
  const std::uint64_t count = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 100'000;
  const std::filesystem::path directory =
      argc > 2 ? std::filesystem::path(argv[2]) : std::filesystem::temp_directory_path();
  return rehome::bench::Run(count, directory);
}
