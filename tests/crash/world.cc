#include "tests/crash/world.h"

#include <fmt/format.h>

#include "adapters/hashing/hashing_embedder.h"
#include "backup/backup.h"
#include "base/atomic_file.h"
#include "base/random.h"
#include "journal/lease.h"
#include "journal/names.h"
#include "journal/run_record.h"
#include "model/extended_json.h"
#include "plan/load.h"

namespace rehome::testing_support {
namespace {

// Far above /proc/sys/kernel/pid_max: LivenessOf says dead.
constexpr std::int64_t kNoSuchPid = 1'000'000'000;
constexpr int kDimension = 16;
constexpr int kDocuments = 12;

constexpr std::string_view kPlan = R"(
rehome: 1
name: crash
documents: "sqlite:{0}/app.db"
vectors: "local:{0}/vectors"
backup: {{ dir: "{0}/backups", collections: [jobs, letters], namespaces: [legacy] }}
tenants:
  organizations: [{{ org_id: org_red, slug: red, name: Red }}, {{ org_id: org_blue, slug: blue, name: Blue }}]
  profiles: [{{ profile_id: prof_red, org_id: org_red }}, {{ profile_id: prof_blue, org_id: org_blue }}]
  assign:
    - match: {{ field: team, equals: red }}
      org_id: org_red
      profile_id: prof_red
    - match: {{ field: team, equals: blue }}
      org_id: org_blue
      profile_id: prof_blue
items:
  from: jobs
  to: job_items
  id: "job_{{_id}}"
  fields:
    client: client
    kind: {{ value: job }}
    topics: {{ from: topics, take: 5 }}
  drop: [team]
  quarantine_max: {1}
stamp: {{ letters: {{ org_id: org_red }} }}
index:
  namespace: "jobs_{{org.slug}}"
  embedder: {{ provider: hashing, dimensions: {2} }}
  text: "{{client}}: {{kind}} {{topics}}"
  metadata: [org_id, item_id, client]
verify: {{ recall_min: 0.5, reembed: 3 }}
cutover:
  env_file: {{ path: "{0}/.env", set: {{ VECTOR_NAMESPACE: jobs_red }} }}
  documents: [{{ collection: settings, id: app, set: {{ items: job_items }} }}]
  quiet: 0s
retire: {{ after: 24h, collections: [jobs], namespaces: [legacy] }}
limits: {{ workers: {3}, embed_in_flight: 3 }}
)";

Plan MakePlan(const std::filesystem::path& directory, const WorldOptions& options) {
  const LoadedPlan loaded =
      ParsePlan(fmt::format(fmt::runtime(kPlan), directory.string(), options.quarantine_max,
                            kDimension, options.workers),
                directory / "plan.yaml", {}, [](const std::string&) { return std::nullopt; });
  for (const PlanProblem& problem : loaded.problems) {
    fmt::print(stderr, "{}:{}: {}\n", problem.mark.line, problem.mark.column, problem.message);
  }
  CHECK(loaded.plan.has_value());
  Plan plan = *loaded.plan;
  if (options.one_tenant) {
    plan.tenants.assign = {{.when = {}, .tenant = {"org_red", "prof_red"}, .mark = {}}};
  }
  return plan;
}

std::string Text(const Document& document) {
  return ToExtendedJson(document.view(), JsonMode::kCanonical) + " " + Md5(document.bytes()).Hex();
}

}  // namespace

WallTime StillClock::Now() {
  const std::scoped_lock lock(mutex_);
  return now_;
}

SteadyTime StillClock::Steady() {
  return SteadyTime{} + (Now() - kStart);
}

void StillClock::Advance(Millis by) {
  const std::scoped_lock lock(mutex_);
  now_ += by;
}

bool StillClock::SleepFor(Millis delay, const std::stop_token& stop) {
  if (delay == kLeaseRenewal) {
    std::unique_lock lock(mutex_);
    stopped_.wait(lock, stop, [] { return false; });
  }
  return !stop.stop_requested();
}

std::string Differences(const WorldState& expected, const WorldState& found) {
  constexpr std::size_t kShownMax = 4000;
  std::string out;
  for (const auto& [what, value] : expected) {
    const auto at = found.find(what);
    if (at == found.end()) {
      out += fmt::format("\n  missing {}: {}", what, value);
    } else if (at->second != value) {
      out += fmt::format("\n  {}: expected {}\n    found {}", what, value, at->second);
    }
  }
  for (const auto& [what, value] : found) {
    if (!expected.contains(what)) {
      out += fmt::format("\n  extra {}: {}", what, value);
    }
  }
  return out.substr(0, kShownMax);
}

Document Job(int number, std::string_view client, std::string_view team) {
  DocumentBuilder builder;
  builder.Append(
      "_id", number % 3 == 0 ? Value::String(fmt::format("job {}", number)) : Value::Int32(number));
  return builder.String("client", client)
      .String("team", team)
      .Array("topics", ArrayBuilder().String("go").String(fmt::format("topic{}", number)).Finish())
      .Finish();
}

World::World(const WorldOptions& options)
    : directory_(std::filesystem::temp_directory_path() / ("rehome-crash-" + RandomHex(8))),
      documents_(std::make_shared<MemoryDocumentStore>(MemoryDocumentStore::Options{
          .identity = "memory:documents", .has_feed = options.has_feed})),
      vectors_(std::make_shared<MemoryVectorStore>(
          MemoryVectorStore::Options{.dimension = kDimension,
                                     .metric = "cosine",
                                     .page_count = 4,
                                     .tells_lsn = true,
                                     .indexes = options.indexes})) {
  std::filesystem::create_directories(directory_);
  auto embedder = HashingEmbedder::Create(kDimension);
  CHECK(embedder.has_value());
  embedder_ = std::shared_ptr<Embedder>(*std::move(embedder));
  plan_ = std::make_unique<Plan>(MakePlan(directory_, options));
  if (options.hook) {
    hook_ = options.hook;
    plan_->cutover.hooks.fence = {{"fence"}};
    plan_->cutover.hooks.unfence = {{"unfence"}};
  }
  for (int number = 1; number < kDocuments; ++number) {
    CHECK(
        PutSource(Job(number, fmt::format("client{}", number), number % 2 == 0 ? "red" : "blue")));
  }
  CHECK(PutSource(Job(kDocuments, "stray", "nobody")));
  for (int number = 0; number < 3; ++number) {
    CHECK(Put("letters", DocumentBuilder().Int32("_id", number).String("text", "Dear").Finish()));
  }
  CHECK(Put("settings", DocumentBuilder().String("_id", "app").String("items", "jobs").Finish()));
  std::vector<VectorRecord> legacy;
  for (int number = 0; number < 5; ++number) {
    legacy.push_back({.id = fmt::format("v{}", number),
                      .values = std::vector<float>(kDimension, 0.25F),
                      .sparse = {},
                      .metadata = {{"n", std::string("x")}}});
  }
  CHECK(vectors_->Upsert("legacy", legacy, {}));
  CHECK(WriteFileAtomically(directory_ / ".env",
                            "# the application's\nVECTOR_NAMESPACE=legacy\nOTHER=1\n"));
}

World::~World() {
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

Status World::Put(std::string_view collection, const Document& document) {
  const Write write = Write::Put(document);
  REHOME_TRY(documents_->Apply(collection, {&write, 1}, {}, {}));
  return {};
}

Status World::Remove(std::string_view collection, const Value& id) {
  const auto found = Find(collection, id);
  if (!found) {
    return {};
  }
  const Write write = Write::Delete(*found);
  REHOME_TRY(documents_->Apply(collection, {&write, 1}, {}, {}));
  return {};
}

bool World::IsFenced(std::string_view collection) {
  const auto fenced = documents_->IsFenced(collection, {});
  return fenced.has_value() && *fenced;
}

std::optional<Document> World::Find(std::string_view collection, const Value& id) {
  auto found = documents_->FindByIds(collection, {&id, 1}, {});
  CHECK(found.has_value());
  return found->front();
}

Deps World::DepsWith(const std::shared_ptr<Faults>& faults) {
  const auto documents = std::make_shared<sim::FaultyDocumentStore>(documents_, faults);
  const auto vectors = std::make_shared<sim::FaultyVectorStore>(vectors_, faults);
  ProcessIdentity self = ThisProcess();
  self.pid = kNoSuchPid + ++processes_;
  return Deps{
      .stores = {.source_documents = documents,
                 .target_documents = documents,
                 .source_vectors = vectors,
                 .target_vectors = vectors,
                 .embedder = embedder_},
      .chat = nullptr,
      .legacy_embedder = nullptr,
      .scratch = [](int dimension, const std::string& metric) -> Result<ScratchStores> {
        return ScratchStores{
            .documents = std::make_shared<MemoryDocumentStore>(),
            .vectors = std::make_shared<MemoryVectorStore>(MemoryVectorStore::Options{
                .dimension = dimension, .metric = metric, .page_count = 100, .tells_lsn = true}),
            .directory = nullptr};
      },
      .clock = clock_,
      .events = events_,
      .stop = {},
      .self = self,
      .run_hook = [this](const std::vector<std::string>& arguments) -> Result<int> {
        return hook_ ? hook_(arguments.front()) : 0;
      }};
}

Status World::Do(const Verb& verb, std::shared_ptr<Faults> faults) {
  const Deps deps = DepsWith(faults);
  REHOME_TRY_ASSIGN(const auto session, Session::Open(*plan_, PlanRule::kMustMatch, true, deps));
  return verb(*session);
}

/// What the backups that the run leans on hold; one that does not verify holds nothing. What phase 5
/// took away in several attempts is in several backups.
void World::AddBackups(const RunRecord& run, WorldState& out) {
  const auto add = [&](const std::string& what, const std::string& path) {
    const auto verified = VerifyBackup(path);
    if (!verified || !verified->passed()) {
      out[what] = "does not verify";
      return;
    }
    for (const CollectionBackup& collection : verified->manifest->collections) {
      if (collection.records > 0) {
        out.try_emplace(what + " of " + collection.name, collection.content.ToString());
      }
    }
    for (const NamespaceBackup& ns : verified->manifest->namespaces) {
      if (ns.records > 0) {
        out.try_emplace(what + " of namespace " + ns.name, ns.digest.ToString());
      }
    }
  };
  if (!run.backup.empty()) {
    add("backup", run.backup);
  }
  for (const Retirement& attempt : run.retirements) {
    add("retire backup", attempt.backup);
  }
}

WorldState World::State() {
  WorldState out;
  const Call call;
  const auto collections = documents_->Collections(call);
  for (const CollectionInfo& collection : *collections) {
    if (collection.name.starts_with(journal::kPrefix) &&
        !collection.name.starts_with("rehome_retired_")) {
      continue;
    }
    std::string about = Text(collection.options);
    for (const Document& index : collection.indexes) {
      about += " " + Text(index);
    }
    about += *documents_->IsFenced(collection.name, call) ? " fenced" : "";
    out["collection " + collection.name] = about;
    const auto cursor = documents_->Scan(collection.name, {}, call);
    for (auto batch = (*cursor)->Next(1000, SIZE_MAX); !batch->empty();
         batch = (*cursor)->Next(1000, SIZE_MAX)) {
      for (const Document& document : *batch) {
        out[collection.name + " " + ToExtendedJson(document.Id(), JsonMode::kCanonical)] =
            Text(document);
      }
    }
  }
  const auto index = vectors_->Describe(call);
  for (const auto& [ns, count] : index->namespaces) {
    std::string token;
    do {
      const IdPage page = *vectors_->ListIds(ns, token, call);
      const auto records = vectors_->Fetch(ns, page.ids, call);
      for (const VectorRecord& record : *records) {
        out["vector " + ns + " " + record.id] = VectorJson(record);
      }
      token = page.next;
    } while (!token.empty());
  }
  out["env file"] = ReadFile(directory_ / ".env").value_or("absent");
  const auto run = LatestRun(*documents_, plan_->name, call);
  CHECK(run.has_value());
  if (*run) {
    out["run"] =
        fmt::format("{} cut over {} cutover {} reverse {}", Name((*run)->state),
                    (*run)->IsCutOver(), (*run)->cutover ? Name((*run)->cutover->state) : "none",
                    (*run)->positions.contains("reverse"));
    for (const RestorePoint& point : (*run)->restore_points) {
      if (point.phase != Phase::kPrepare && point.phase != Phase::kRetire) {
        out[fmt::format("restore point {}", Name(point.phase))] = point.digest;
      }
    }
    AddBackups(**run, out);
    Quarantine quarantine(*documents_, (*run)->run_id);
    const auto quarantined = quarantine.List(call);
    for (const QuarantineRecord& record : *quarantined) {
      out["quarantined " + ToExtendedJson(record.source_id.view(), JsonMode::kCanonical)] =
          fmt::format("{} {}", Name(record.reason), record.digest.Hex());
    }
  }
  return out;
}

}  // namespace rehome::testing_support
