// phase_items.cc — how fast phase 2 is against a bare copy of the same documents through the same
// store, in one run, and how much memory it takes. Usage: phase_items [COUNT] [DIRECTORY]. Prints
// documents per second and ratios, with one worker and with two; the journal, both digests and the
// mapping of six fields are included.
#include <fmt/format.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>

#include "adapters/hashing/hashing_embedder.h"
#include "adapters/sqlite/sqlite_document_store.h"
#include "bench/workload.h"
#include "phases/phases.h"
#include "plan/load.h"
#include "sim/memory_vector_store.h"

namespace rehome::bench {
namespace {

constexpr std::size_t kBatchCount = 1000;
constexpr std::size_t kBatchBytes = 4U << 20U;
constexpr std::string_view kSource = "jobs";

constexpr std::string_view kPlan = R"(rehome: 1
name: bench
documents: sqlite:bench.db
vectors: local:bench
backup: { dir: backups, collections: [jobs], namespaces: [old] }
tenants:
  organizations: [{ org_id: org, name: Org, slug: org }]
  profiles: [{ profile_id: prof, org_id: org, name: Prof }]
  assign: { org_id: org, profile_id: prof }
items:
  from: jobs
  to: items
  id: "port_{_id}"
  fields:
    company_name:  { first_non_empty: [company_name, job_title] }
    deliverables:  { extract: deliverables, from: [job_title, task_type] }
    skills:        { from: skills_required, take: 10 }
    portfolio_url: { from: "portfolio_urls[0]" }
    industry:      { first_non_empty: [industry, { extract: industry, from: [job_title, company_name] }] }
    budget:        { from: budget }
index:
  namespace: "portfolio_{org.slug}"
  embedder: { provider: hashing, dimensions: 64 }
  text: "{company_name}: {deliverables}"
  metadata: [org_id, item_id]
retire: { after: 24h, collections: [jobs], namespaces: [old] }
)";

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

class Silence final : public EventSink {
  void PhaseStarted(Phase) override {}
  void PhaseFinished(Phase, PhaseState, double) override {}
  void Advanced(const Progress&) override {}
  void Note(std::string) override {}
  void Warn(std::string) override {}
};

double Seconds(Clock& clock, const std::function<void()>& work) {
  const SteadyTime start = clock.Steady();
  work();
  return std::chrono::duration<double>(clock.Steady() - start).count();
}

double PeakMebibytes() {
  rusage usage{};
  static_cast<void>(getrusage(RUSAGE_SELF, &usage));
  return static_cast<double>(usage.ru_maxrss) / 1024.0;
}

void Load(DocumentStore& store, std::uint64_t count) {
  for (std::uint64_t first = 0; first < count; first += kBatchCount) {
    std::vector<Write> writes;
    for (std::uint64_t i = first; i < std::min(count, first + kBatchCount); ++i) {
      writes.push_back(Write::Insert(JobDocument(i)));
    }
    Need(store.Apply(kSource, writes, {}, {}));
  }
}

/// What a user's script would do: read, insert, nothing else.
void BareCopy(DocumentStore& store) {
  const auto cursor = Need(store.Scan(kSource, {}, {}));
  while (true) {
    auto documents = Need(cursor->Next(kBatchCount, kBatchBytes));
    if (documents.empty()) {
      return;
    }
    std::vector<Write> writes;
    for (Document& document : documents) {
      writes.push_back(Write::Insert(std::move(document)));
    }
    Need(store.Apply("copy", writes, {}, {}));
  }
}

double RunPhase(const std::shared_ptr<DocumentStore>& store, int workers, Clock& clock) {
  const std::string workers_text = std::to_string(workers);
  LoadedPlan loaded = ParsePlan(kPlan, "bench.yaml",
                                {{"limits.workers", workers_text},
                                 {"name", "bench" + workers_text},
                                 {"items.to", "items" + workers_text}},
                                [](const std::string&) { return std::nullopt; });
  for (const PlanProblem& problem : loaded.problems) {
    fmt::print(stderr, "plan line {}: {}\n", problem.mark.line, problem.message);
  }
  Silence events;
  const auto vectors = std::make_shared<sim::MemoryVectorStore>();
  const Deps deps{.stores = {.source_documents = store,
                             .target_documents = store,
                             .source_vectors = vectors,
                             .target_vectors = vectors,
                             .embedder = Need(HashingEmbedder::Create(64))},
                  .chat = {},
                  .legacy_embedder = {},
                  .scratch = {},
                  .clock = clock,
                  .events = events,
                  .stop = {},
                  .self = ThisProcess(),
                  .run_hook = {}};
  const auto session = Need(Session::Open(*loaded.plan, PlanRule::kMustMatch, true, deps));
  return Seconds(clock, [&] { Need(RunItems(*session, false)); });
}

void Main(std::uint64_t count, const std::filesystem::path& dir) {
  SystemClock clock;
  std::filesystem::create_directories(dir);
  const std::filesystem::path file = dir / "phase_items.db";
  std::filesystem::remove(file);
  const std::shared_ptr<DocumentStore> store =
      Need(SqliteDocumentStore::Open(file, OpenMode::kReadWrite, clock));
  Load(*store, count);
  const double before = PeakMebibytes();
  const double copy = Seconds(clock, [&] { BareCopy(*store); });
  const auto rate = [&](double seconds) { return static_cast<double>(count) / seconds; };
  fmt::print("{} documents\nbare copy              {:>9.0f} documents/s\n", count, rate(copy));
  for (const int workers : {1, 2}) {
    const double phase = RunPhase(store, workers, clock);
    fmt::print("phase 2, {} worker{}     {:>9.0f} documents/s   {:.2f} of the bare copy\n", workers,
               workers == 1 ? " " : "s", rate(phase), copy / phase);
  }
  fmt::print("peak resident memory   {:.0f} MiB ({:.0f} MiB after loading)\n", PeakMebibytes(),
             before);
  std::filesystem::remove(file);
}

}  // namespace
}  // namespace rehome::bench

int main(int argc, char** argv) {
  const std::uint64_t count = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 100'000;
  rehome::bench::Main(count, argc > 2 ? argv[2] : std::filesystem::temp_directory_path());
  return 0;
}
