#pragma once
// phase_world.h — a plan over stores in memory, seen through decorators that refuse every write:
// what the preflight and the forecast look at.
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/atomic_file.h"
#include "base/random.h"
#include "decorators/read_only.h"
#include "model/extended_json.h"
#include "phases/session.h"
#include "plan/load.h"
#include "ports/silent_sink.h"
#include "sim/memory_document_store.h"
#include "sim/memory_vector_store.h"
#include "tests/support/json.h"

namespace rehome::testing_support {

using sim::MemoryDocumentStore;
using sim::MemoryVectorStore;

/// Vectors out of a text's length. Counts its calls.
class CountingEmbedder final : public Embedder {
 public:
  explicit CountingEmbedder(std::string provider, int dimension)
      : provider_(std::move(provider)), dimension_(dimension) {}
  std::string Provider() const override { return provider_; }
  std::string Model() const override { return "counting"; }
  int Dimension() const override { return dimension_; }
  bool Normalised() const override { return false; }
  Result<Embeddings> Embed(std::span<const std::string> texts, TextRole /*role*/,
                           const Call& /*call*/) override {
    ++calls;
    Embeddings out;
    for (const std::string& text : texts) {
      out.vectors.emplace_back(static_cast<std::size_t>(dimension_),
                               static_cast<float>(text.size()));
    }
    return out;
  }
  std::uint64_t CountTokens(std::string_view text) const override { return text.size(); }
  double DollarsPerMillionTokens() const override { return 2; }

  int calls = 0;

 private:
  const std::string provider_;
  const int dimension_;
};

class PhaseWorld {
 public:
  static constexpr int kDimension = 4;

  PhaseWorld() {
    std::filesystem::create_directories(dir);
    CHECK(WriteFileAtomically(dir / ".env", "PINECONE_NAMESPACE=proposals\n").has_value());
    const auto loaded = LoadPlan(std::string(REHOME_SOURCE_DIR) + "/plans/portfolio.yaml", {},
                                 [this](const std::string& name) { return Variable(name); });
    CHECK(loaded.has_value() && loaded->plan.has_value());
    plan = *loaded->plan;
    for (const char* name : {"chunks", "embeddings", "proposals"}) {
      Insert(name, R"({"_id": 1})");
    }
    AddVector("proposals", "legacy", {});
  }
  PhaseWorld(const PhaseWorld&) = delete;
  PhaseWorld& operator=(const PhaseWorld&) = delete;
  ~PhaseWorld() { std::filesystem::remove_all(dir); }

  void Insert(std::string_view collection, std::string_view json) {
    const Write write = Write::Insert(Json(json));
    const auto results = documents->Apply(collection, {&write, 1}, {}, {});
    CHECK(results.has_value() && results->front().applied());
  }
  /// A document that the plan maps.
  void InsertSource(int id) {
    Insert(plan.items.from,
           R"({"_id": )" + std::to_string(id) +
               R"(, "company_name": "Acme", "job_title": "Need a shop", "outcome": "good"})");
  }
  void AddVector(std::string_view ns, std::string id, Metadata metadata) {
    const VectorRecord record{.id = std::move(id),
                              .values = std::vector<float>(kDimension, 1),
                              .sparse = {},
                              .metadata = std::move(metadata)};
    CHECK(vectors->Upsert(ns, {&record, 1}, {}).has_value());
  }

  [[nodiscard]] Deps MakeDeps() {
    const auto read_documents = std::make_shared<ReadOnlyDocumentStore>(documents);
    const auto read_vectors = std::make_shared<ReadOnlyVectorStore>(vectors);
    return Deps{
        .stores = {.source_documents = read_documents,
                   .target_documents = read_documents,
                   .source_vectors = read_vectors,
                   .target_vectors = read_vectors,
                   .embedder = embedder},
        .chat = {},
        .legacy_embedder = {},
        .scratch = {},
        .clock = clock,
        .events = sink,
        .stop = stop.get_token(),
        .self = {},
        .run_hook = [this](const std::vector<std::string>&) -> Result<int> { return hook_status; },
        .http_status = [this](const std::string&) -> Result<int> { return http_status; },
        .has_program = [](const std::string& program) { return program == "known"; }};
  }

  std::filesystem::path dir =
      std::filesystem::temp_directory_path() / ("rehome_phase_world_" + RandomHex(8));
  Plan plan;
  std::shared_ptr<MemoryDocumentStore> documents = std::make_shared<MemoryDocumentStore>();
  std::shared_ptr<MemoryVectorStore> vectors = std::make_shared<MemoryVectorStore>();
  std::shared_ptr<CountingEmbedder> embedder =
      std::make_shared<CountingEmbedder>("hashing", kDimension);
  ManualClock clock;
  SilentSink sink;
  std::stop_source stop;
  int hook_status = 0;
  int http_status = 503;

 private:
  std::optional<std::string> Variable(const std::string& name) const {
    if (name == "APP_ENV_FILE") {
      return (dir / ".env").string();
    }
    return name == "BACKUP_DIR" ? std::optional((dir / "backups").string()) : std::nullopt;
  }
};

}  // namespace rehome::testing_support
