// Sabotage: a small finished migration, one corruption planted at a time, and the exact findings of
// all checks.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <set>

#include "adapters/hashing/hashing_embedder.h"
#include "backup/backup.h"
#include "base/atomic_file.h"
#include "checks/all.h"
#include "checks/check.h"
#include "flow/item_writer.h"
#include "flow/target_shape.h"
#include "flow/vector_writer.h"
#include "journal/audit.h"
#include "journal/names.h"
#include "model/extended_json.h"
#include "model/item.h"
#include "plan/load.h"
#include "ports/silent_sink.h"
#include "sim/memory_document_store.h"
#include "sim/memory_vector_store.h"
#include "tests/support/scratch_directory.h"

namespace rehome {
namespace {

namespace fs = std::filesystem;
using Class = DiscrepancyClass;

constexpr std::string_view kPlan = R"(rehome: 1
name: sabotage
documents: { source: "sqlite:a.db", target: "sqlite:b.db" }
vectors: local:v
backup: { dir: b, collections: [old, asked], namespaces: [legacy] }
tenants:
  organizations: [{ org_id: org_a, slug: a, name: A }, { org_id: org_b, slug: b, name: B }]
  profiles: [{ profile_id: prof_a, org_id: org_a, name: P }, { profile_id: prof_b, org_id: org_b, name: Q }]
  assign:
    - match: { field: side, equals: b }
      org_id: org_b
      profile_id: prof_b
    - default: { org_id: org_a, profile_id: prof_a }
items:
  from: old
  to: new
  id: "it_{_id}"
  fields: { title: title, tags: { from: tags, take: 3 }, url: url }
  schema:
    bsonType: object
    required: [title, tags]
    properties: { title: { bsonType: string, minLength: 1 }, tags: { bsonType: array } }
index:
  namespace: "ns_{org.slug}"
  embedder: { provider: hashing, dimensions: 64 }
  text: "{title}. {tags}"
  metadata: [org_id, item_id, title, tags, url]
verify: { probes: { from: asked, field: text, top_k: 3 }, recall_min: 0.95, reembed: 20, proposals: { generator: template } }
cutover: { env_file: { path: .env, set: { NS: ns_a } } }
retire: { after: 24h, collections: [old], namespaces: [legacy] }
limits: { workers: 1 }
)";

template <class T>
T Ok(Result<T> result) {
  EXPECT_TRUE(result.has_value()) << (result ? "" : result.error().message);
  CHECK(result.has_value());
  return *std::move(result);
}
void Ok(const Status& status) {
  EXPECT_TRUE(status.has_value()) << (status ? "" : status.error().message);
  CHECK(status.has_value());
}

/// Passes everything on; some records read otherwise than any index would take them.
class TamperedVectorStore final : public VectorStore {
 public:
  std::string Identity() const override { return inner.Identity(); }
  Result<IndexInfo> Describe(const Call& call) override { return inner.Describe(call); }
  Result<std::optional<Lsn>> Upsert(std::string_view ns, std::span<const VectorRecord> records,
                                    const Call& call) override {
    return inner.Upsert(ns, records, call);
  }
  Result<std::vector<VectorRecord>> Fetch(std::string_view ns, std::span<const std::string> ids,
                                          const Call& call) override {
    REHOME_TRY_ASSIGN(auto records, inner.Fetch(ns, ids, call));
    for (VectorRecord& record : records) {
      if (const auto found = tampered.find(record.id); found != tampered.end()) {
        record.values = found->second;
      }
    }
    std::erase_if(records,
                  [&](const VectorRecord& record) { return unreadable.contains(record.id); });
    return records;
  }
  Result<std::optional<Lsn>> Delete(std::string_view ns, std::span<const std::string> ids,
                                    const Call& call) override {
    return inner.Delete(ns, ids, call);
  }
  Result<IdPage> ListIds(std::string_view ns, std::string_view token, const Call& call) override {
    return inner.ListIds(ns, token, call);
  }
  Result<std::vector<QueryMatch>> Query(std::string_view ns, std::span<const float> vector,
                                        int top_k, bool with_metadata, const Call& call) override {
    REHOME_TRY_ASSIGN(auto matches, inner.Query(ns.empty() && answers_unscoped ? "ns_a" : ns,
                                                vector, top_k, with_metadata, call));
    std::erase_if(matches, [&](const QueryMatch& match) { return unfound.contains(match.id); });
    matches.resize(std::min(matches.size(), matches_max));
    return matches;
  }
  Result<std::optional<Lsn>> IndexedLsn(std::string_view ns, const Call& call) override {
    return inner.IndexedLsn(ns, call);
  }

  sim::MemoryVectorStore inner{{.page_count = 2}};
  std::map<std::string, std::vector<float>> tampered;
  std::set<std::string> unreadable;
  std::set<std::string> unfound;
  std::size_t matches_max = SIZE_MAX;  // of an answer, however many are asked for
  bool answers_unscoped = false;
};

PointerRecord Pointer(std::optional<std::string> value) {
  PointerRecord out;
  out.kind = "env_file";
  out.where = ".env";
  out.key = "NS";
  out.old_value = std::move(value);
  out.new_value = "ns_a";
  return out;
}

Value Id(int number) {
  return Value::Int32(number);
}
std::string It(int number) {
  return ItemId("it_{_id}", Id(number).view());
}

/// `document` with `key` set (appended where it is new), or without it.
Document With(const Document& document, std::string_view key, const std::optional<Value>& value) {
  DocumentBuilder builder;
  bool placed = false;
  for (const auto& [name, old] : document.view()) {
    if (name != key) {
      builder.Append(name, old);
    } else if (value) {
      builder.Append(name, *value);
      placed = true;
    }
  }
  if (value && !placed) {
    builder.Append(key, *value);
  }
  return builder.Finish();
}

/// The application as it is after phase 3: seven sources of org_a, three of org_b, one that does
/// not map.
struct World {
  static Plan ThePlan() {
    LoadedPlan loaded =
        ParsePlan(kPlan, "sabotage.yaml", {}, [](const std::string&) { return std::nullopt; });
    for (const PlanProblem& problem : loaded.problems) {
      ADD_FAILURE() << problem.mark.line << ": " << problem.message;
    }
    CHECK(loaded.plan.has_value());
    return *std::move(loaded.plan);
  }

  World() {
    stores.source_documents = source;
    stores.target_documents = target;
    stores.source_vectors = vectors;
    stores.target_vectors = vectors;
    stores.embedder = std::shared_ptr<Embedder>(Ok(HashingEmbedder::Create(64)));
    flow.contract_hash = ContractHash(plan, *stores.embedder);
    run.run_id = "run";
    for (const Phase phase : {Phase::kPrepare, Phase::kTenants, Phase::kItems, Phase::kVectors}) {
      run.At(phase).state = PhaseState::kDone;
    }
    Migrate();
    BackUp();
    Ok(AppendAudit(*target, clock, {"run", "first", "run"}, {}, call));
    Ok(AppendAudit(*target, clock, {"run", "second", "run"}, {}, call));
    Ok(AppendAudit(*target, clock, {"run", "third", "run"}, {}, call));
  }
  static Document Source(int number) {
    constexpr std::array kTitles{
        "Shop for violins", "Clinic booking", "Bank ledger",   "Hotel search",    "Game server",
        "School portal",    "News reader",    "Ferry tickets", "Parcel tracking", "Museum guide"};
    const Document tags =
        ArrayBuilder().String("C++").String(fmt::format("tag{}", number)).Finish();
    DocumentBuilder builder;
    builder.Append("_id", Id(number));
    if (number <= 10) {
      builder.String("title", kTitles.at(static_cast<std::size_t>(number - 1)));
    }
    return builder.Array("tags", tags)
        .String("side", number > 7 && number <= 10 ? "b" : "a")
        .Finish();
  }

  void Migrate() {
    for (const TargetIndex& index : TargetIndexes(plan)) {
      Ok(target->EnsureIndex(index.collection, index.spec, call));
    }
    std::vector<Document> sources;
    for (int number = 1; number <= 11; ++number) {
      sources.push_back(Source(number));
      Put(*source, "old", sources.back());
    }
    Put(*source, "asked",
        DocumentBuilder().String("_id", "q1").String("text", "a booking portal in C++").Finish());
    for (const Organization& organization : plan.tenants.organizations) {
      Put(*target, "organizations", organization.document);
      run.namespaces.emplace(organization.org_id, plan.NamespaceOf(organization.org_id).name());
    }
    for (const Profile& profile : plan.tenants.profiles) {
      Put(*target, "freelancer_profiles", profile.document);
    }
    const ItemsWritten written = Ok(WriteItems(flow, PrepareItems(mapper, sources), call));
    CHECK(written.inserted == 10 && written.quarantined == 1);
    std::vector<Document> items;
    for (int number = 1; number <= 10; ++number) {
      items.push_back(ItemOf(number));
    }
    const EmbeddedBatch embedded = Ok(EmbedItems(flow, std::move(items), call));
    CHECK(Ok(WriteVectors(flow, embedded.items, call)).marked == 10);
  }

  void BackUp() {
    BackupRequest request;
    request.documents = source.get();
    request.vectors = vectors.get();
    request.collections = {"old", "asked"};
    request.namespaces = {"legacy"};
    request.dir = dir;
    const BackupResult backup = Ok(CreateBackup(request, clock, sink, call));
    run.backup = backup.path.string();
    RestorePoint point;
    point.digest = backup.manifest_sha256;
    run.restore_points.push_back(std::move(point));
  }

  void Put(DocumentStore& store, std::string_view collection, const Document& document) {
    const Write write = Write::Put(document);
    Ok(store.Apply(collection, {&write, 1}, {}, call));
  }
  Document Find(DocumentStore& store, std::string_view collection, const Value& id) {
    const auto found = Ok(store.FindByIds(collection, {&id, 1}, call));
    CHECK(found.front().has_value());
    return *found.front();
  }
  void Drop(DocumentStore& store, std::string_view collection, const Value& id) {
    const Write write = Write::Delete(Find(store, collection, id));
    Ok(store.Apply(collection, {&write, 1}, {}, call));
  }
  Document ItemOf(int number) { return Find(*target, "new", Id(number)); }
  void SetItem(int number, std::string_view key, const std::optional<Value>& value) {
    Put(*target, "new", With(ItemOf(number), key, value));
  }
  void SetSource(int number, std::string_view key, const std::optional<Value>& value) {
    Put(*source, "old", With(Find(*source, "old", Id(number)), key, value));
  }
  VectorRecord Vector(const std::string& id, std::string_view ns = "ns_a") {
    const auto found = Ok(vectors->inner.Fetch(ns, {&id, 1}, call));
    CHECK(found.size() == 1);
    return found.front();
  }
  void PutVector(const VectorRecord& record, std::string_view ns = "ns_a") {
    Ok(vectors->Upsert(ns, {&record, 1}, call));
  }
  void DropVector(const std::string& id, std::string_view ns = "ns_a") {
    Ok(vectors->Delete(ns, {&id, 1}, call));
  }
  void EditVector(int number, const std::function<void(VectorRecord&)>& edit) {
    VectorRecord record = Vector(It(number));
    edit(record);
    PutVector(record);
  }
  std::vector<float> Embedded(std::string text) {
    return Ok(stores.embedder->Embed({&text, 1}, TextRole::kPassage, call)).vectors.front();
  }
  void CutOver() {
    run.cut_over_at = clock.Now();
    run.cutover.emplace();
    run.cutover->state = CutoverRecord::State::kComplete;
    run.cutover->pointers.push_back(Pointer("legacy"));
  }

  std::shared_ptr<sim::MemoryDocumentStore> source = std::make_shared<sim::MemoryDocumentStore>(
      sim::MemoryDocumentStore::Options{.identity = "memory:source"});
  std::shared_ptr<sim::MemoryDocumentStore> target = std::make_shared<sim::MemoryDocumentStore>();
  std::shared_ptr<TamperedVectorStore> vectors = std::make_shared<TamperedVectorStore>();
  Plan plan = ThePlan();
  Mapper mapper = Ok(Mapper::Compile(plan));
  Stores stores;
  RunRecord run;
  Ledger ledger{*target, "run", 1};
  Quarantine quarantine{*target, "run"};
  Saved saved{*target, "run"};
  FlowContext flow{.plan = plan,
                   .mapper = mapper,
                   .stores = stores,
                   .run = run,
                   .ledger = ledger,
                   .quarantine = quarantine,
                   .saved = saved,
                   .contract_hash = {},
                   .pause = [](int) { return true; }};
  ManualClock clock;
  SilentSink sink;
  Call call;
  const ScratchDirectory scratch;
  const fs::path dir = scratch.path();
  CheckContext context{.flow = flow,
                       .run = run,
                       .events = sink,
                       .pending = {},
                       .pointers = [] { return Result<std::vector<PointerRecord>>(); },
                       .only = {},
                       .call = {}};
};

/// "check class id field" of everything that was found.
std::multiset<std::string> Found(const Verification& verification) {
  std::multiset<std::string> out;
  for (const CheckResult& check : verification.checks) {
    std::uint64_t total = 0;
    for (const auto& [name, count] : check.totals) {
      total += count;
    }
    EXPECT_EQ(total, check.discrepancies.size());
    for (const Discrepancy& one : check.discrepancies) {
      out.insert(
          fmt::format("{} {} {} {}", check.check, Name(one.discrepancy_class), one.id, one.field));
    }
  }
  return out;
}

const CheckResult& Named(const Verification& verification, std::string_view name) {
  const auto found = std::ranges::find(verification.checks, name, &CheckResult::check);
  CHECK(found != verification.checks.end());
  return *found;
}

TEST(Checks, CleanRunHasNoFindingsAndSkipsNothing) {
  World world;
  const Verification verification = Ok(Verify(world.context, {}));
  EXPECT_TRUE(verification.passed) << InWords(verification);
  EXPECT_EQ(Found(verification), std::multiset<std::string>{});
  EXPECT_EQ(verification.checks.size(), AllChecks().size());
  for (const CheckResult& check : verification.checks) {
    EXPECT_EQ(check.skipped, "") << check.check;
    EXPECT_FALSE(check.found.empty()) << check.check;
  }
  EXPECT_NE(Named(verification, "proposals").notes.front().find("Clinic booking"),
            std::string::npos);
}

struct Sabotage {
  std::string name;
  std::function<void(World&)> plant;
  std::multiset<std::string> expected;  // empty: numbers alone do not fit
};
void PrintTo(const Sabotage& sabotage, std::ostream* out) {
  *out << sabotage.name;
}

class SabotageTest : public ::testing::TestWithParam<Sabotage> {};

TEST_P(SabotageTest, IsNamedExactly) {
  World world;
  GetParam().plant(world);
  const Verification verification = Ok(Verify(world.context, {}));
  EXPECT_FALSE(verification.passed);
  EXPECT_EQ(Found(verification), GetParam().expected);
  EXPECT_FALSE(InWords(verification).empty());
}

void FlipBit(const fs::path& file) {
  std::string bytes = Ok(ReadFile(file));
  bytes.at(bytes.size() / 2) ^= 1;
  std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
}

std::vector<Sabotage> InItems() {
  return {
      {"LostItem",
       [](World& w) { w.Drop(*w.target, "new", Id(3)); },
       {"digests missing it_n~3 ", "orphans extra it_n~3 "}},
      {"LostItemAndVector",
       [](World& w) {
         w.Drop(*w.target, "new", Id(3));
         w.DropVector("it_n~3");
       },
       {"digests missing it_n~3 "}},
      {"FieldDropped",
       [](World& w) { w.SetItem(2, "tags", {}); },
       {"digests differing it_n~2 tags", "schema differing it_n~2 ",
        "vectors stale it_n~2 rehome_text"}},
      {"FieldAdded",
       [](World& w) { w.SetItem(2, "more", Value::Bool(true)); },
       {"digests differing it_n~2 more"}},
      {"TypeChanged",
       [](World& w) { w.SetItem(2, "url", Value::Int32(1)); },
       {"digests differing it_n~2 url", "vectors differing it_n~2 url"}},
      {"TextChanged",
       [](World& w) { w.SetItem(2, "title", Value::String("x")); },
       {"digests differing it_n~2 title", "vectors stale it_n~2 rehome_text"}},
      {"WrongOrganization",
       [](World& w) { w.SetItem(1, "org_id", Value::String("org_b")); },
       {"tenants misplaced it_n~1 profile_id", "digests misplaced it_n~1 org_id",
        "orphans misplaced it_n~1 ", "isolation misplaced it_n~1 "}},
      {"NoOrganization",
       [](World& w) { w.SetItem(1, "org_id", Value::String("org_x")); },
       {"tenants misplaced it_n~1 org_id", "digests misplaced it_n~1 org_id",
        "orphans misplaced it_n~1 ", "isolation misplaced it_n~1 "}},
      {"WrongProfile",
       [](World& w) { w.SetItem(1, "profile_id", Value::String("prof_b")); },
       {"tenants misplaced it_n~1 profile_id", "digests misplaced it_n~1 profile_id"}},
      {"NoProfile",
       [](World& w) { w.SetItem(1, "profile_id", Value::String("prof_x")); },
       {"tenants misplaced it_n~1 profile_id", "digests misplaced it_n~1 profile_id"}},
      {"MarkLost",
       [](World& w) { w.Put(*w.target, "new", WithMark(w.ItemOf(5).view(), "")); },
       {"counts differing it_n~5 is_embedded"}},
      {"MarkOfAnother",
       [](World& w) { w.Put(*w.target, "new", WithMark(w.ItemOf(5).view(), "it_n~6")); },
       {"counts differing it_n~5 embedding_id"}},
      {"BodiesSwapped",
       [](World& w) {
         const Document one = w.ItemOf(1);
         w.SetItem(1, "url", Value::String("u"));
         w.Put(*w.target, "new", With(w.ItemOf(2), "url", Value::String("v")));
       },
       {"digests differing it_n~1 url", "digests differing it_n~2 url",
        "vectors differing it_n~1 url", "vectors differing it_n~2 url"}},
      {"ItemWithoutSource",
       [](World& w) {
         w.Put(*w.target, "new",
               With(With(WithMark(w.ItemOf(1).view(), "it_99"), "_id", Id(99)), "item_id",
                    Value::String("it_99")));
       },
       {"digests extra it_99 ", "orphans missing it_99 "}},
      {"ItemIdTwice",
       [](World& w) {
         Ok(w.target->DropIndex("new", "item_id_unique", w.call));
         w.Put(*w.target, "new", With(w.ItemOf(1), "_id", Id(99)));
       },
       {"digests extra it_n~1 ", "orphans duplicate it_n~1 item_id",
        "schema missing new.item_id_unique "}},
      {"NoIndexOnTheSlug",
       [](World& w) { Ok(w.target->DropIndex("organizations", "slug_unique", w.call)); },
       {"schema missing organizations.slug_unique "}},
  };
}

std::vector<Sabotage> InSourceAndJournal() {
  return {
      {"SourceChanged",
       [](World& w) { w.SetSource(4, "title", Value::String("new")); },
       {"digests differing it_n~4 title"}},
      {"SourceDeleted",
       [](World& w) { w.Drop(*w.source, "old", Id(4)); },
       {"digests extra it_n~4 "}},
      {"SourceAdded",
       [](World& w) { w.Put(*w.source, "old", With(World::Source(1), "_id", Id(50))); },
       {"digests missing it_n~50 "}},
      {"SourceNoLongerMaps",
       [](World& w) { w.SetSource(4, "title", {}); },
       {"digests extra it_n~4 "}},
      {"QuarantineLost",
       [](World& w) {
         const Value id = Id(11);
         Ok(w.quarantine.Remove({&id, 1}, w.call));
       },
       {R"(digests missing {"$numberInt":"11"} )"}},
      {"QuarantineOutdated",
       [](World& w) { w.SetSource(11, "side", Value::String("z")); },
       {R"(digests stale {"$numberInt":"11"} )"}},
      {"QuarantineOfNothing",
       [](World& w) { w.Drop(*w.source, "old", Id(11)); },
       {R"(digests extra {"$numberInt":"11"} )"}},
      {"OrganizationMissing",
       [](World& w) { w.Drop(*w.target, "organizations", Value::String("org_b")); },
       {"tenants missing org_b "}},
      {"OrganizationEdited",
       [](World& w) {
         w.Put(*w.target, "organizations",
               With(w.Find(*w.target, "organizations", Value::String("org_b")), "slug",
                    Value::String("x")));
       },
       {"tenants differing org_b slug"}},
      {"ProfileMissing",
       [](World& w) { w.Drop(*w.target, "freelancer_profiles", Value::String("prof_a")); },
       {"tenants missing prof_a "}},
      {"AuditEntryEdited",
       [](World& w) {
         w.Put(*w.target, journal::kAudit,
               With(w.Find(*w.target, journal::kAudit, Value::Int64(2)), "action",
                    Value::String("x")));
       },
       {"audit differing entry 2 "}},
      {"AuditEntryRemoved",
       [](World& w) { w.Drop(*w.target, journal::kAudit, Value::Int64(2)); },
       {"audit missing entry 2 "}},
      {"BackupBitFlipped",
       [](World& w) { FlipBit(fs::path(w.run.backup) / "documents/asked.json"); },
       {"backup differing documents/asked.json "}},
      {"BackupFileMissing",
       [](World& w) { fs::remove(fs::path(w.run.backup) / "documents/old.json"); },
       {"backup missing documents/old.json "}},
      {"BackupFileExtra",
       [](World& w) { std::ofstream(fs::path(w.run.backup) / "documents/more.json") << "{}\n"; },
       {"backup extra documents/more.json "}},
      {"BackupManifestEdited",
       [](World& w) { FlipBit(fs::path(w.run.backup) / "manifest.json"); },
       {"backup differing manifest.json "}},
      {"BackupOfAnotherRun",
       [](World& w) {
         w.SetSource(11, "side", Value::String("a"));
         w.clock.Advance(Millis{5000});
         BackupRequest request;
         request.documents = w.source.get();
         request.collections = {"old"};
         request.dir = w.dir;
         w.run.backup = Ok(CreateBackup(request, w.clock, w.sink, w.call)).path.string();
       },
       {"backup differing manifest.json sha256"}},
  };
}

std::vector<Sabotage> InVectors() {
  return {
      {"LostVector", [](World& w) { w.DropVector("it_n~5"); }, {"orphans missing it_n~5 "}},
      {"DoubledVector",
       [](World& w) {
         VectorRecord r = w.Vector("it_n~5");
         r.id = "it_5x";
         w.PutVector(r);
       },
       {"orphans extra it_5x "}},
      {"VectorInTwoNamespaces",
       [](World& w) { w.PutVector(w.Vector("it_n~5"), "ns_b"); },
       {"orphans misplaced it_n~5 ", "isolation misplaced it_n~5 "}},
      {"VectorInWrongNamespace",
       [](World& w) {
         w.PutVector(w.Vector("it_n~5"), "ns_b");
         w.DropVector("it_n~5");
       },
       {"orphans misplaced it_n~5 ", "isolation misplaced it_n~5 "}},
      {"VectorInUnknownNamespace",
       [](World& w) { w.PutVector(w.Vector("it_n~5"), "ns_zzz"); },
       {"orphans misplaced it_n~5 "}},
      {"OrphanInUnknownNamespace",
       [](World& w) {
         VectorRecord r = w.Vector("it_n~5");
         r.id = "ghost";
         w.PutVector(r, "ns_zzz");
       },
       {"orphans extra ghost "}},
      {"OlderText",
       [](World& w) {
         w.EditVector(5, [&](VectorRecord& r) {
           r.values = w.Embedded("older");
           r.metadata["rehome_text"] = Md5("older").Hex();
           r.metadata["rehome_values"] = ValuesDigest(r.values).Hex();
         });
       },
       {"vectors stale it_n~5 rehome_text"}},
      {"TextStampEdited",
       [](World& w) {
         w.EditVector(5, [](VectorRecord& r) { r.metadata["rehome_text"] = Md5("x").Hex(); });
       },
       {"vectors stale it_n~5 rehome_text"}},
      {"OtherContract",
       [](World& w) {
         w.EditVector(5, [](VectorRecord& r) { r.metadata["rehome_contract"] = Md5("x").Hex(); });
       },
       {"vectors stale it_n~5 rehome_contract"}},
      {"StampMissing",
       [](World& w) {
         w.EditVector(5, [](VectorRecord& r) { r.metadata.erase("rehome_contract"); });
       },
       {"vectors differing it_n~5 rehome_contract"}},
      {"MetadataTruncated",
       [](World& w) { w.EditVector(5, [](VectorRecord& r) { r.metadata.erase("tags"); }); },
       {"vectors differing it_n~5 tags"}},
      {"MetadataEdited",
       [](World& w) {
         w.EditVector(5, [](VectorRecord& r) { r.metadata["title"] = std::string("x"); });
       },
       {"vectors differing it_n~5 title"}},
      {"MetadataAdded",
       [](World& w) { w.EditVector(5, [](VectorRecord& r) { r.metadata["more"] = true; }); },
       {"vectors differing it_n~5 more"}},
      {"MetadataOfAnotherTenant",
       [](World& w) {
         w.EditVector(5, [](VectorRecord& r) { r.metadata["org_id"] = std::string("org_b"); });
       },
       {"vectors differing it_n~5 org_id"}},
      {"IdsSwapped",
       [](World& w) {
         VectorRecord a = w.Vector("it_n~5");
         VectorRecord b = w.Vector("it_n~6");
         std::swap(a.id, b.id);
         w.PutVector(a);
         w.PutVector(b);
       },
       {"vectors differing it_n~5 item_id", "vectors differing it_n~6 item_id"}},
      {"ValuesOfAnother",
       [](World& w) {
         w.EditVector(5, [&](VectorRecord& r) { r.values = w.Vector("it_n~6").values; });
       },
       {"vectors differing it_n~5 rehome_values"}},
      {"OneBitOfOneValue",
       [](World& w) {
         w.EditVector(5, [](VectorRecord& r) { r.values[3] = std::nextafter(r.values[3], 1.0F); });
       },
       {"vectors differing it_n~5 rehome_values"}},
      {"AnotherModelUnderTheSameName",
       [](World& w) {
         w.EditVector(5, [](VectorRecord& r) {
           std::ranges::rotate(r.values, r.values.begin() + 1);
           r.metadata["rehome_values"] = ValuesDigest(r.values).Hex();
         });
       },
       {"vectors stale it_n~5 values"}},
      {"ZeroVector",
       [](World& w) {
         w.EditVector(5, [](VectorRecord& r) { std::ranges::fill(r.values, 0.0F); });
       },
       {"vectors differing it_n~5 values"}},
      {"WrongLength",
       [](World& w) {
         w.EditVector(5, [](VectorRecord& r) {
           for (float& value : r.values) {
             value *= 2;
           }
         });
       },
       {"vectors differing it_n~5 values"}},
      {"SparseValuesAdded",
       [](World& w) { w.EditVector(5, [](VectorRecord& r) { r.sparse = {{1}, {1.0F}}; }); },
       {"vectors differing it_n~5 sparse_values"}},
      {"NotANumber",
       [](World& w) {
         w.vectors->tampered["it_n~5"] =
             std::vector<float>(64, std::numeric_limits<float>::quiet_NaN());
       },
       {"vectors differing it_n~5 values"}},
      {"Infinite",
       [](World& w) {
         w.vectors->tampered["it_n~5"] =
             std::vector<float>(64, std::numeric_limits<float>::infinity());
       },
       {"vectors differing it_n~5 values"}},
      {"WrongDimension",
       [](World& w) { w.vectors->tampered["it_n~5"] = std::vector<float>(63, 0.1F); },
       {"vectors differing it_n~5 values"}},
      {"ListedButNotFetched",
       [](World& w) { w.vectors->unreadable.insert("it_n~5"); },
       {"vectors missing it_n~5 "}},
      {"NotFoundByItself",
       [](World& w) { w.vectors->unfound.insert("it_n~5"); },
       {"retrieval missing it_n~5 "}},
      {"LowRecall",
       [](World& w) { w.vectors->matches_max = 1; },
       {"retrieval differing org_a recall", "retrieval differing org_b recall"}},
      {"AnswersWithoutNamespace",
       [](World& w) { w.vectors->answers_unscoped = true; },
       {"isolation misplaced  namespace"}},
  };
}

std::string NameOf(const ::testing::TestParamInfo<Sabotage>& info) {
  return info.param.name;
}
INSTANTIATE_TEST_SUITE_P(Items, SabotageTest, ::testing::ValuesIn(InItems()), NameOf);
INSTANTIATE_TEST_SUITE_P(SourceAndJournal, SabotageTest, ::testing::ValuesIn(InSourceAndJournal()),
                         NameOf);
INSTANTIATE_TEST_SUITE_P(Vectors, SabotageTest, ::testing::ValuesIn(InVectors()), NameOf);

TEST(Checks, WhatAFeedNamesIsPendingAndFailsOnlyWithoutARunner) {
  World world;
  world.Put(*world.source, "old", With(World::Source(1), "_id", Id(50)));
  world.SetSource(4, "title", Value::String("new"));
  world.context.pending = [](std::span<const Value> ids) -> Result<std::vector<bool>> {
    std::vector<bool> out;
    std::ranges::transform(ids, std::back_inserter(out),
                           [](const Value& id) { return id == Id(50) || id == Id(4); });
    return out;
  };
  const std::multiset<std::string> expected{"digests pending it_n~4 title",
                                            "digests pending it_n~50 "};
  const Verification alone = Ok(Verify(world.context, {}));
  EXPECT_EQ(Found(alone), expected);
  EXPECT_FALSE(alone.passed);
  world.context.pending_fails = false;
  const Verification beside = Ok(Verify(world.context, {}));
  EXPECT_EQ(Found(beside), expected);
  EXPECT_TRUE(beside.passed) << InWords(beside);
  world.Drop(*world.target, "new", Id(6));
  EXPECT_FALSE(Ok(Verify(world.context, {})).passed);
}

TEST(Checks, WhatTheApplicationDoesAfterCutoverIsCountedAndPasses) {
  World world;
  world.CutOver();
  world.context.pointers = [&] { return Result<std::vector<PointerRecord>>({Pointer("ns_a")}); };
  world.Put(*world.target, "new",
            WithMark(With(world.ItemOf(2), "title", Value::String("edited")).view(), ""));
  world.Drop(*world.target, "new", Id(3));
  world.DropVector("it_n~3");
  world.Put(
      *world.target, "new",
      WithMark(With(With(world.ItemOf(1), "_id", Id(70)), "item_id", Value::String("it_70")).view(),
               ""));
  world.Put(*world.target, "organizations",
            With(world.Find(*world.target, "organizations", Value::String("org_b")), "name",
                 Value::String("x")));
  const Verification verification = Ok(Verify(world.context, {}));
  EXPECT_TRUE(verification.passed) << InWords(verification);
  const std::multiset<std::string> expected{"counts changed_after_cutover it_n~2 is_embedded",
                                            "counts changed_after_cutover it_70 is_embedded",
                                            "tenants changed_after_cutover org_b name",
                                            "digests changed_after_cutover it_n~2 ",
                                            "digests changed_after_cutover it_n~3 ",
                                            "digests changed_after_cutover it_70 ",
                                            "vectors changed_after_cutover it_n~2 rehome_text"};
  EXPECT_EQ(Found(verification), expected);
  EXPECT_EQ(verification.checks.size(), AllChecks().size());
}

TEST(Checks, AStampThatIsGoneOrAnotherIsNamed) {
  World world;
  const Value org = Value::String("org_a");
  world.plan.stamps = {{.collection = "letters", .set = {{"org_id", org}}}};
  const auto letter = [](std::int32_t id, std::string_view org_id) {
    return DocumentBuilder().Int32("_id", id).String("org_id", org_id).Finish();
  };
  world.Put(*world.source, "letters", letter(1, "org_a"));
  EXPECT_TRUE(Ok(Verify(world.context, {"tenants"})).passed);
  world.Put(*world.source, "letters", letter(2, "org_b"));
  world.Put(*world.source, "letters", DocumentBuilder().Int32("_id", 3).Finish());
  EXPECT_EQ(
      Found(Ok(Verify(world.context, {"tenants"}))),
      (std::multiset<std::string>{"tenants differing 2 org_id", "tenants differing 3 org_id"}));
  world.CutOver();
  EXPECT_TRUE(Ok(Verify(world.context, {"tenants"})).passed);
}

TEST(Checks, AnItemThatTheApplicationLeftAloneIsStillJudgedAfterCutover) {
  World world;
  world.CutOver();
  world.SetSource(4, "title", Value::String("a straggler"));
  const Verification verification = Ok(Verify(world.context, {"digests"}));
  EXPECT_EQ(Found(verification), std::multiset<std::string>{"digests differing it_n~4 title"});
}

TEST(Checks, AStragglerThatDoesNotMapStandsBesideTheItemThatTheApplicationChanged) {
  World world;
  world.CutOver();
  world.context.pointers = [&] { return Result<std::vector<PointerRecord>>({Pointer("ns_a")}); };
  world.SetSource(4, "title", {});
  const Document straggler = world.Find(*world.source, "old", Id(4));
  const Quarantined aside{{Id(4), QuarantineReason::kSchema, "", DocumentDigest(straggler.view())},
                          &straggler};
  Ok(world.quarantine.Add({&aside, 1}, world.call));
  EXPECT_EQ(Found(Ok(Verify(world.context, {"digests"}))).count("digests duplicate it_n~4 "), 1U);
  world.Put(*world.target, "new",
            WithMark(With(world.ItemOf(4), "title", Value::String("edited")).view(), ""));
  const Verification verification = Ok(Verify(world.context, {"digests", "counts"}));
  EXPECT_TRUE(verification.passed) << InWords(verification);
}

TEST(Checks, ARetiredSourceLeavesTheJournalAsJudge) {
  World world;
  world.CutOver();
  world.run.retirements = {
      {.backup = world.run.backup, .manifest_sha256 = {}, .dropped = {"old"}, .emptied = {}}};
  world.run.At(Phase::kRetire).state = PhaseState::kDone;
  Ok(world.source->DropCollection("old", world.call));
  world.context.pointers = [] { return Result<std::vector<PointerRecord>>({Pointer("ns_a")}); };
  EXPECT_EQ(Found(Ok(Verify(world.context, {}))), std::multiset<std::string>{});
  world.SetItem(2, "url", Value::String("x"));
  world.DropVector("it_n~3");
  const Verification verification = Ok(Verify(world.context, {}));
  const std::multiset<std::string> expected{"digests changed_after_cutover it_n~2 ",
                                            "vectors changed_after_cutover it_n~2 url",
                                            "orphans missing it_n~3 "};
  EXPECT_EQ(Found(verification), expected);
  EXPECT_FALSE(verification.passed);
}

TEST(Checks, ReaderThreadsFindTheSame) {
  World world;
  world.plan.limits.workers = 4;
  world.SetItem(2, "url", Value::String("x"));
  world.Drop(*world.source, "old", Id(10));
  const std::multiset<std::string> expected{"digests differing it_n~2 url",
                                            "digests extra it_n~10 "};
  EXPECT_EQ(Found(Ok(Verify(world.context, {"digests"}))), expected);
}

TEST(Checks, ABackupThatIsGoneIsNamed) {
  World world;
  fs::remove_all(world.run.backup);
  EXPECT_EQ(Found(Ok(Verify(world.context, {"backup"}))),
            std::multiset<std::string>{fmt::format("backup missing {} ", world.run.backup)});
}

TEST(Checks, APointerThatSaysSomethingElseIsNamed) {
  World world;
  world.CutOver();
  world.context.pointers = [] { return Result<std::vector<PointerRecord>>({Pointer("legacy")}); };
  EXPECT_EQ(Found(Ok(Verify(world.context, {"pointers"}))),
            std::multiset<std::string>{"pointers differing .env NS"});
  world.context.pointers = [] {
    return Result<std::vector<PointerRecord>>(Fail(ErrorCode::kFailedPrecondition, "no such file"));
  };
  EXPECT_EQ(Found(Ok(Verify(world.context, {"pointers"}))),
            std::multiset<std::string>{"pointers missing .env "});
}

TEST(Checks, ADeltaLooksAtItsIdsAlone) {
  World world;
  world.SetItem(2, "url", Value::String("x"));
  world.SetItem(3, "url", Value::String("x"));
  world.DropVector("it_n~4");
  world.PutVector(world.Vector("it_n~5"), "ns_b");
  world.context.only = std::vector{Id(3), Id(5)};
  const std::multiset<std::string> expected{
      "digests differing it_n~3 url", "vectors differing it_n~3 url", "orphans misplaced it_n~5 "};
  const Verification delta = Ok(VerifyDelta(world.context));
  EXPECT_EQ(Found(delta), expected);
  EXPECT_FALSE(delta.passed);
  EXPECT_FALSE(Named(delta, "counts").passed);
  world.context.only = std::vector<Value>{};
  EXPECT_EQ(Found(Ok(VerifyDelta(world.context))), std::multiset<std::string>{});
}

TEST(Checks, ASampleFindsNothingWhereNothingIsWrong) {
  World world;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    world.context.seed = seed;
    world.context.sample = 0.3;
    const Verification verification = Ok(Verify(world.context, {}));
    EXPECT_TRUE(verification.passed) << seed << ": " << InWords(verification);
  }
}

TEST(Checks, OrganizationsOutsideThePlanAreLeftAside) {
  World world;
  world.Put(*world.target, "organizations",
            DocumentBuilder()
                .String("_id", "org_c")
                .String("org_id", "org_c")
                .String("slug", "c")
                .Finish());
  world.Put(*world.target, "new",
            DocumentBuilder()
                .String("_id", "c1")
                .String("item_id", "c1")
                .String("org_id", "org_c")
                .Finish());
  VectorRecord record = world.Vector("it_n~5");
  record.id = "c1";
  world.PutVector(record, "ns_c");
  const Verification verification = Ok(Verify(world.context, {}));
  EXPECT_TRUE(verification.passed) << InWords(verification);
  EXPECT_EQ(Found(verification), std::multiset<std::string>{});
  EXPECT_FALSE(Named(verification, "orphans").notes.empty());
  EXPECT_FALSE(Named(verification, "counts").notes.empty());
}

/// The notes of the retrieval check about the legacy namespace.
std::vector<std::string> LegacyNotes(World& world) {
  std::vector<std::string> notes = Ok(CheckRetrieval(world.context)).notes;
  std::erase_if(notes, [](const std::string& note) { return !note.contains("legacy"); });
  return notes;
}

TEST(Checks, LegacyAnswersAreTracedToTheirItemsForEachTenant) {
  World world;
  EXPECT_EQ(LegacyNotes(world),
            (std::vector<std::string>{"no overlap with the legacy namespaces was measured: "
                                      "verify.legacy_embedder is not configured"}));
  world.context.legacy_embedder = world.stores.embedder.get();
  // Two vectors for each document, found over a record and a part of it; and one that nothing is of.
  const std::string question = "a booking portal in C++";
  for (const int number : {2, 8}) {
    for (const char* part : {"first", "second"}) {
      const std::string name = fmt::format("{}-{}", number, part);
      world.PutVector({.id = "vec_" + name,
                       .values = world.Embedded(question + " " + name),
                       .sparse = {},
                       .metadata = {}},
                      "legacy");
      world.Put(*world.source, "embeddings",
                DocumentBuilder().String("_id", name).String("vector", "vec_" + name).Finish());
      world.Put(*world.source, "parts",
                DocumentBuilder().String("_id", name).Append("of", Id(number)).Finish());
    }
  }
  world.PutVector({.id = "stray", .values = world.Embedded(question), .sparse = {}, .metadata = {}},
                  "legacy");
  world.plan.verify.probes->top_k = 5;
  EXPECT_EQ(LegacyNotes(world),
            (std::vector<std::string>{"5 of 5 answers of the legacy namespace legacy lead to no "
                                      "item (verify.legacy_trail says how they do)"}));
  const auto path = [](std::string_view text) { return Ok(ParseFieldPath(text)); };
  world.plan.verify.legacy_trail = {
      {.from = "embeddings", .where = path("vector"), .take = path("_id")},
      {.from = "parts", .where = path("_id"), .take = path("of")}};
  EXPECT_EQ(LegacyNotes(world),
            (std::vector<std::string>{
                "org_a: 1 of 1 items that the legacy namespace legacy answers are answered on the "
                "new side too",
                "org_b: 1 of 1 items that the legacy namespace legacy answers are answered on the "
                "new side too",
                "1 of 5 answers of the legacy namespace legacy lead to no item "
                "(verify.legacy_trail says how they do)"}));
  // Seven items in org_a: with fewer answers asked for, the new side need not give the same.
  world.vectors->unfound = {"it_n~2"};
  const auto notes = LegacyNotes(world);
  ASSERT_FALSE(notes.empty());
  EXPECT_TRUE(notes.front().starts_with("org_a: 0 of 1 items")) << notes.front();
}

TEST(Checks, WhatHasNotRunIsSkippedWithItsReason) {
  World world;
  for (const Phase phase : {Phase::kTenants, Phase::kItems, Phase::kVectors}) {
    world.run.At(phase).state = PhaseState::kPending;
  }
  world.run.backup.clear();
  const Verification verification = Ok(Verify(world.context, {}));
  EXPECT_TRUE(verification.passed);
  for (const CheckResult& check : verification.checks) {
    EXPECT_EQ(check.skipped.empty(), check.check == "audit" || check.check == "pointers")
        << check.check;
  }
}

TEST(Checks, AnUnknownNameIsRefusedAndTheKnownOnesAreListed) {
  World world;
  const auto refused = Verify(world.context, {"digests", "digest"});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(refused.error().hint.find("isolation"), std::string::npos);
}

TEST(Checks, AStopIsNoVerdict) {
  World world;
  std::stop_source stop;
  stop.request_stop();
  world.context.call.stop = stop.get_token();
  const auto stopped = Verify(world.context, {});
  ASSERT_FALSE(stopped.has_value());
  EXPECT_EQ(stopped.error().code, ErrorCode::kCancelled);
}

TEST(Checks, WhatIsRightByTheNextLookWasBetweenTwoWrites) {
  World world;
  const Document whole = world.ItemOf(2);
  world.SetItem(2, "title", Value::String("half way"));
  world.context.clock = &world.clock;
  world.context.recheck = [&](int round) {
    if (round == 2) {
      world.Put(*world.target, "new", whole);
    }
    return true;
  };
  const Verification verification = Ok(Verify(world.context, {"digests", "vectors"}));
  EXPECT_TRUE(verification.passed) << InWords(verification);
  EXPECT_EQ(Found(verification), std::multiset<std::string>{});
}

/// Remembers in memory what a journal would keep.
class RememberedProgress final : public CheckProgress {
 public:
  explicit RememberedProgress(Clock& clock) : clock_(clock) {}
  std::optional<Clean> Find(std::string_view part) const override {
    const auto found = parts.find(std::string(part));
    return found == parts.end() ? std::nullopt : std::optional(found->second);
  }
  Status Note(std::string_view part, Clean clean) override {
    parts.insert_or_assign(std::string(part), std::move(clean));
    return {};
  }
  const std::vector<Value>& changed() const override { return named; }
  WallTime FirstSeen(std::string_view id) override {
    return seen.emplace(id, clock_.Now()).first->second;
  }

  std::map<std::string, Clean> parts;
  std::vector<Value> named;
  std::map<std::string, WallTime> seen;

 private:
  Clock& clock_;
};

TEST(Checks, WhatFailsEachTimeStandsWithItsAge) {
  World world;
  world.SetItem(2, "title", Value::String("for good"));
  RememberedProgress progress(world.clock);
  world.context.clock = &world.clock;
  world.context.progress = &progress;
  int rounds = 0;
  world.context.recheck = [&](int) {
    ++rounds;
    world.clock.Advance(Millis{100});
    return true;
  };
  const Verification verification = Ok(Verify(world.context, {"digests"}));
  EXPECT_FALSE(verification.passed);
  EXPECT_EQ(Found(verification), std::multiset<std::string>{"digests differing it_n~2 title"});
  EXPECT_GT(rounds, 1);
  EXPECT_EQ(Named(verification, "digests").ages.at("it_n~2"), Millis{100} * rounds);
}

TEST(Checks, AnInterruptedPassIsGoneOnWithAndWhatWasWrittenSinceIsLookedAt) {
  World world;
  RememberedProgress progress(world.clock);
  world.context.progress = &progress;
  world.Drop(*world.source, "old", Id(11));  // the one in quarantine
  Ok(world.quarantine.Remove(std::vector{Id(11)}, world.call));
  EXPECT_TRUE(Ok(Verify(world.context, {"digests", "vectors"})).passed);
  const auto parts = progress.parts;
  EXPECT_FALSE(parts.empty());
  // Past every feed: what was found clean is not read again.
  const Document whole = world.ItemOf(2);
  world.SetItem(2, "more", Value::Bool(true));
  EXPECT_TRUE(Ok(Verify(world.context, {"digests"})).passed);
  // A feed names it.
  progress.named = {Id(2)};
  const Verification named = Ok(Verify(world.context, {"digests"}));
  EXPECT_EQ(Found(named), std::multiset<std::string>{"digests differing it_n~2 more"});
  EXPECT_FALSE(Named(named, "digests").notes.empty());
  progress.parts.clear();
  progress.named.clear();
  EXPECT_EQ(Found(Ok(Verify(world.context, {"digests"}))),
            std::multiset<std::string>{"digests differing it_n~2 more"});
  world.Put(*world.target, "new", whole);
  // A write to the index moves its LSN: no part of it is taken as known.
  progress.parts = parts;
  world.EditVector(3, [](VectorRecord& record) { record.metadata.erase("rehome_text"); });
  EXPECT_FALSE(Ok(Verify(world.context, {"vectors"})).passed);
}

TEST(Vectors, AFieldThatDiffersIsShownOnBothSides) {
  World world;
  world.EditVector(3, [](VectorRecord& record) { record.metadata["title"] = "Another"; });
  const Verification found = Ok(Verify(world.context, {"vectors"}));
  const std::vector<Discrepancy>& named = Named(found, "vectors").discrepancies;
  ASSERT_EQ(named.size(), 1U);
  EXPECT_EQ(named.front().detail, R"(expected "Bank ledger", found "Another")");
}

TEST(CheckResult, NamesSoManyOfAClassAndCountsThemAll) {
  CheckResult result;
  for (std::size_t i = 0; i < CheckResult::kNamedMax + 5; ++i) {
    result.Add({Class::kChangedAfterCutover, fmt::format("{}", i), "", ""});
  }
  EXPECT_TRUE(result.passed);
  result.Add({Class::kMissing, "x", "", ""});
  EXPECT_FALSE(result.passed);
  EXPECT_EQ(result.discrepancies.size(), CheckResult::kNamedMax + 1);
  EXPECT_EQ(result.totals.at("changed_after_cutover"), CheckResult::kNamedMax + 5);
}

}  // namespace
}  // namespace rehome
