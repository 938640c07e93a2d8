// online_changes.cc — how fast an online run applies what the application changes (read again,
// mapped, written, journaled) against phase 2 in the same run. Usage: [MONGODB_URI=mongodb://…/DB]
// online_changes [COUNT] [DIRECTORY] [ROUNDS]; without a server on a SQLite file. Every document is
// changed ROUNDS times in each order. A MongoDB database is written to and emptied of what the
// benchmark made.
#include <fmt/format.h>

#include "adapters/mongodb/mongodb_document_store.h"
#include "bench/cpu_seconds.h"
#include "bench/engine.h"
#include "phases/feeds.h"

namespace rehome::bench {
namespace {

constexpr std::uint64_t kScattered = 7'919;  // a prime

/// Job `number` after so many changes of its title.
Document ChangedJob(std::uint64_t number, int changes) {
  Document job = JobDocument(number);
  if (changes == 0) {
    return job;
  }
  DocumentBuilder out;
  for (const auto& [key, value] : job.view()) {
    if (key == "job_title") {
      out.String(key, fmt::format("Title {} of job {}", changes, number));
    } else {
      out.Append(key, value);
    }
  }
  return out.Finish();
}

/// Changes every document once more; `stride` shares no factor with `count`.
void ChangeAll(DocumentStore& store, std::uint64_t count, std::uint64_t stride, int changes) {
  for (std::uint64_t first = 0; first < count; first += kBatchCount) {
    std::vector<Write> writes;
    for (std::uint64_t i = first; i < std::min(count, first + kBatchCount); ++i) {
      const std::uint64_t number = i * stride % count;
      writes.push_back(
          Write::Replace(ChangedJob(number, changes - 1), ChangedJob(number, changes)));
    }
    Need(store.Apply(kSource, writes, {}, {}));
  }
}

std::uint64_t DrainAll(Session& session) {
  std::uint64_t changes = 0;
  while (true) {
    const Drained drained = Need(DrainForward(session, VectorMode::kLater));
    changes += drained.reconciled.replaced;
    if (drained.named == 0) {
      return changes;
    }
  }
}

void Clean(DocumentStore& store) {
  for (const CollectionInfo& collection : Need(store.Collections({}))) {
    if (collection.name == kSource || collection.name.starts_with("items") ||
        collection.name.starts_with("rehome_")) {
      Need(store.DropCollection(collection.name, {}));
    }
  }
}

void Main(const std::shared_ptr<DocumentStore>& store, std::uint64_t count, long rounds) {
  SystemClock clock;
  SilentSink events;
  Clean(*store);
  Load(*store, count);
  const auto session = OpenSession(store, 2, clock, events);
  const double phase_cpu = CpuSeconds();
  const double phase = Seconds(clock, [&] { Need(RunItems(*session, true)); });
  const double phase_rate = static_cast<double>(count) / phase;
  fmt::print(
      "phase 2, 2 workers               {:>8.0f} documents/s                    {:>5.1f} µs of CPU "
      "each\n",
      phase_rate, 1e6 * (CpuSeconds() - phase_cpu) / static_cast<double>(count));
  int changes = 0;
  for (const auto& [order, stride] : {std::pair{"in order of _id", std::uint64_t{1}},
                                      std::pair{"without locality", kScattered}}) {
    std::uint64_t applied = 0;
    double cpu = 0;
    double drain = 0;
    for (long round = 0; round < rounds; ++round) {
      ChangeAll(*store, count, stride, ++changes);
      const double before = CpuSeconds();
      drain += Seconds(clock, [&] { applied += DrainAll(*session); });
      cpu += CpuSeconds() - before;
    }
    const double rate = static_cast<double>(applied) / drain;
    fmt::print(
        "changes applied, {} {:>8.0f} changes/s   {:.2f} of phase 2   {:>5.1f} µs of CPU each\n",
        order, rate, rate / phase_rate, 1e6 * cpu / static_cast<double>(applied));
  }
  Clean(*store);
}

}  // namespace
}  // namespace rehome::bench

int main(int argc, char** argv) {
  const std::uint64_t count = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 50'000;
  const std::filesystem::path dir = argc > 2 ? argv[2] : std::filesystem::temp_directory_path();
  const long rounds = argc > 3 ? std::max(1L, std::strtol(argv[3], nullptr, 10)) : 1;
  const char* uri = std::getenv("MONGODB_URI");  // NOLINT(concurrency-mt-unsafe): one thread
  rehome::SystemClock clock;
  if (uri != nullptr) {
    rehome::bench::Main(
        rehome::bench::Need(rehome::MongodbDocumentStore::Open(rehome::Secret(uri), clock)), count,
        rounds);
    return 0;
  }
  const std::filesystem::path file = dir / "online_changes.db";
  std::filesystem::remove(file);
  rehome::bench::Main(rehome::bench::Need(rehome::SqliteDocumentStore::Open(
                          file, rehome::OpenMode::kReadWrite, clock)),
                      count, rounds);
  std::filesystem::remove(file);
  return 0;
}
