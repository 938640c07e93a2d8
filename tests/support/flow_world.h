#pragma once
// flow_world.h — two stores in memory, a plan of two organizations and a journal: what the stages of
// flow/ work on, without phases. Source documents say their organization in `team`.
#include <fmt/format.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "flow/context.h"
#include "flow/item_writer.h"
#include "flow/vector_writer.h"
#include "model/extended_json.h"
#include "model/fields.h"
#include "model/item.h"
#include "plan/load.h"
#include "sim/memory_document_store.h"
#include "sim/memory_vector_store.h"

namespace rehome::testing_support {

inline constexpr std::string_view kFlowPlan = R"(
rehome: 1
name: flow
documents: sqlite:unused.db
vectors: local:unused
tenants:
  organizations: [{ org_id: org_red, slug: red }, { org_id: org_blue, slug: blue }]
  profiles: [{ profile_id: prof_red, org_id: org_red }, { profile_id: prof_blue, org_id: org_blue }]
  assign:
    - { match: { field: team, equals: red }, org_id: org_red, profile_id: prof_red }
    - { match: { field: team, equals: blue }, org_id: org_blue, profile_id: prof_blue }
items:
  from: jobs
  to: job_items
  id: "job_{_id}"
  fields: { title: title }
index:
  namespace: "jobs_{org.slug}"
  embedder: { provider: hashing, dimensions: 2 }
  text: "{title}"
  metadata: [org_id, title]
cutover: { env_file: { path: .env, set: { NAMESPACE: jobs_red } } }
limits: { workers: 3 }
)";

/// Vectors out of a text's length and first character. Refuses every call that holds a text with
/// "refuse" in it, and where it refuses everything every call.
class PickyEmbedder final : public Embedder {
 public:
  std::string Provider() const override { return "picky"; }
  std::string Model() const override { return "1"; }
  int Dimension() const override { return 2; }
  bool Normalised() const override { return false; }
  Result<Embeddings> Embed(std::span<const std::string> texts, TextRole /*role*/,
                           const Call& /*call*/) override {
    ++calls;
    Embeddings out;
    for (const std::string& text : texts) {
      if (refuses_everything || text.find("refuse") != std::string::npos) {
        return Fail(ErrorCode::kInvalidArgument, "refused: " + text);
      }
      out.vectors.push_back({static_cast<float>(text.size() + 1),
                             text.empty() ? 1.0F : static_cast<float>(text.front())});
      out.tokens += text.size();
    }
    return out;
  }
  std::uint64_t CountTokens(std::string_view text) const override { return text.size(); }
  double DollarsPerMillionTokens() const override { return 0; }

  int calls = 0;
  bool refuses_everything = false;
};

class FlowWorld {
 public:
  static Plan MakePlan() {
    const LoadedPlan loaded =
        ParsePlan(kFlowPlan, "flow.yaml", {}, [](const std::string&) { return std::nullopt; });
    CHECK(loaded.plan.has_value());
    return *loaded.plan;
  }
  explicit FlowWorld(sim::MemoryVectorStore::Options vector_options = {})
      : vectors(std::make_shared<sim::MemoryVectorStore>(std::move(vector_options))) {
    CHECK(Ledger::Prepare(*target, call).has_value());
    CHECK(Quarantine::Prepare(*target, call).has_value());
    CHECK(target
              ->EnsureIndex(plan.items.to,
                            {.name = "item_id_unique", .paths = {"item_id"}, .unique = true}, call)
              .has_value());
    run.run_id = "run";
    for (const Organization& organization : plan.tenants.organizations) {
      run.namespaces.emplace(organization.org_id, plan.NamespaceOf(organization.org_id).name());
    }
  }
  FlowWorld(const FlowWorld&) = delete;
  FlowWorld& operator=(const FlowWorld&) = delete;

  static Document Job(int id, std::string_view team, std::string_view title) {
    return DocumentBuilder().Int32("_id", id).String("team", team).String("title", title).Finish();
  }
  void PutSource(const Document& job) { Put(*source, plan.items.from, job); }
  void RemoveSource(int id) { Remove(*source, plan.items.from, id); }
  /// Another program's writes of items.
  void PutItem(const Document& item) { Put(*target, plan.items.to, item); }
  void RemoveItem(int id) { Remove(*target, plan.items.to, id); }

  [[nodiscard]] std::optional<Document> ItemOf(int id) {
    const Value key = Value::Int32(id);
    auto found = target->FindByIds(plan.items.to, {&key, 1}, call);
    CHECK(found.has_value());
    return found->front();
  }
  /// The item's text under `field`; empty where there is no item.
  [[nodiscard]] std::string Field(int id, std::string_view field) {
    const auto item = ItemOf(id);
    return item ? StringField(item->view(), field) : "";
  }
  [[nodiscard]] bool IsMarkedItem(int id) {
    const auto item = ItemOf(id);
    return item && IsMarked(item->view());
  }
  [[nodiscard]] std::optional<VectorRecord> VectorOf(std::string_view ns, int id) {
    const std::vector<std::string> ids{fmt::format("job_n~{}", id)};
    auto found = vectors->Fetch(ns, ids, call);
    CHECK(found.has_value());
    return found->empty() ? std::nullopt : std::optional(found->front());
  }
  [[nodiscard]] std::optional<QuarantineRecord> Quarantined(int id) {
    auto found = quarantine.Find(Value::Int32(id), call);
    CHECK(found.has_value());
    return *found;
  }
  [[nodiscard]] std::vector<SavedDatum> SavedData() {
    auto found = saved.List(call);
    CHECK(found.has_value());
    return *found;
  }

  /// Source documents, put and written as phase 2 does.
  Result<ItemsWritten> Write(const std::vector<Document>& jobs) {
    for (const Document& job : jobs) {
      PutSource(job);
    }
    return WriteItems(flow, PrepareItems(mapper, jobs), call);
  }
  /// Every item of those ids as phase 3 writes it.
  Result<VectorsWritten> Embed(const std::vector<int>& ids) {
    std::vector<Document> items;
    for (const int id : ids) {
      items.push_back(ItemOf(id).value());
    }
    REHOME_TRY_ASSIGN(const EmbeddedBatch embedded, EmbedItems(flow, std::move(items), call));
    return WriteVectors(flow, embedded.items, call);
  }

  Call call;
  const Plan plan = MakePlan();
  const Mapper mapper = Mapper::Compile(plan).value();
  std::shared_ptr<sim::MemoryDocumentStore> source = std::make_shared<sim::MemoryDocumentStore>();
  std::shared_ptr<sim::MemoryDocumentStore> target = std::make_shared<sim::MemoryDocumentStore>();
  std::shared_ptr<sim::MemoryVectorStore> vectors;
  std::shared_ptr<PickyEmbedder> embedder = std::make_shared<PickyEmbedder>();
  Stores stores{.source_documents = source,
                .target_documents = target,
                .source_vectors = vectors,
                .target_vectors = vectors,
                .embedder = embedder};
  RunRecord run;
  Ledger ledger{*target, "run", 1};
  Quarantine quarantine{*target, "run"};
  Saved saved{*target, "run"};
  int pauses = 0;
  int pauses_max = 3;  // then a stop is asked for
  FlowContext flow{.plan = plan,
                   .mapper = mapper,
                   .stores = stores,
                   .run = run,
                   .ledger = ledger,
                   .quarantine = quarantine,
                   .saved = saved,
                   .contract_hash = "contract",
                   .pause = [this](int) { return ++pauses <= pauses_max; }};

 private:
  void Put(DocumentStore& store, const std::string& collection, const Document& document) {
    const rehome::Write write = rehome::Write::Put(document);
    CHECK(store.Apply(collection, {&write, 1}, {}, call).has_value());
  }
  void Remove(DocumentStore& store, const std::string& collection, int id) {
    const Value key = Value::Int32(id);
    const auto found = store.FindByIds(collection, {&key, 1}, call);
    CHECK(found.has_value() && found->front().has_value());
    const rehome::Write write = rehome::Write::Delete(*found->front());
    CHECK(store.Apply(collection, {&write, 1}, {}, call).has_value());
  }
};

/// A copy with one string field replaced.
inline Document With(const Document& document, std::string_view field, std::string_view text) {
  DocumentBuilder out;
  for (const auto& [key, value] : document.view()) {
    if (key == field) {
      out.String(key, text);
    } else {
      out.Append(key, value);
    }
  }
  return out.Finish();
}

}  // namespace rehome::testing_support
