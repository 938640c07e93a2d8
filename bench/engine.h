#pragma once
// engine.h — a plan of six fields over the jobs of workload.h, and the engine on it: what the
// benchmarks of phases, verification and backups share.
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/hashing/hashing_embedder.h"
#include "adapters/sqlite/sqlite_document_store.h"
#include "bench/workload.h"
#include "phases/phases.h"
#include "plan/load.h"
#include "ports/silent_sink.h"
#include "sim/memory_vector_store.h"

namespace rehome::bench {

inline constexpr std::size_t kBatchCount = 1000;
inline constexpr std::size_t kBatchBytes = 4U << 20U;
inline constexpr std::string_view kSource = "jobs";

inline constexpr std::string_view kPlan = R"(rehome: 1
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

inline double Seconds(Clock& clock, const std::function<void()>& work) {
  const SteadyTime start = clock.Steady();
  work();
  return std::chrono::duration<double>(clock.Steady() - start).count();
}

/// The most memory that the process ever held.
inline double PeakMebibytes() {
  rusage usage{};
  static_cast<void>(getrusage(RUSAGE_SELF, &usage));
  return static_cast<double>(usage.ru_maxrss) / 1024.0;
}

inline void Load(DocumentStore& store, std::uint64_t count) {
  for (std::uint64_t first = 0; first < count; first += kBatchCount) {
    std::vector<Write> writes;
    for (std::uint64_t i = first; i < std::min(count, first + kBatchCount); ++i) {
      writes.push_back(Write::Insert(JobDocument(i)));
    }
    Need(store.Apply(kSource, writes, {}, {}));
  }
}

/// What a user's script would do: read, insert, nothing else.
inline void BareCopy(DocumentStore& store) {
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

/// A session of a plan of its own for so many workers; its items go to "items" and that number.
/// `events`, `clock` and `store` outlive it.
inline std::unique_ptr<Session> OpenSession(const std::shared_ptr<DocumentStore>& store,
                                            int workers, Clock& clock, EventSink& events) {
  const std::string workers_text = std::to_string(workers);
  LoadedPlan loaded = ParsePlan(kPlan, "bench.yaml",
                                {{"limits.workers", workers_text},
                                 {"name", "bench" + workers_text},
                                 {"items.to", "items" + workers_text}},
                                [](const std::string&) { return std::nullopt; });
  for (const PlanProblem& problem : loaded.problems) {
    fmt::print(stderr, "plan line {}: {}\n", problem.mark.line, problem.message);
  }
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
  return Need(Session::Open(*loaded.plan, PlanRule::kMustMatch, true, deps));
}

}  // namespace rehome::bench
