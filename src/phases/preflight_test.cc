#include "phases/preflight.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "model/item.h"
#include "tests/support/phase_world.h"

namespace rehome {
namespace {

using rehome::sim::MemoryDocumentStore;
using rehome::sim::MemoryVectorStore;
using rehome::testing_support::CountingEmbedder;
using rehome::testing_support::Json;
using rehome::testing_support::PhaseWorld;
using Severity = Finding::Severity;

Result<PreflightReport> LookWith(PhaseWorld& world, const Deps& deps) {
  const auto compiled = CompiledPlan::Compile(world.plan);
  CHECK(compiled.has_value());
  return RunPreflight(*compiled->plan, compiled->mapper, deps, nullptr);
}

PreflightReport LookAt(PhaseWorld& world) {
  auto report = LookWith(world, world.MakeDeps());
  CHECK(report.has_value());
  return *std::move(report);
}

bool Has(const PreflightReport& report, Severity severity, std::string_view check,
         std::string_view words) {
  return std::ranges::any_of(report.findings, [&](const Finding& finding) {
    return finding.severity == severity && finding.check.starts_with(check) &&
           finding.message.find(words) != std::string::npos &&
           (severity == Severity::kOk || !finding.hint.empty());
  });
}

std::string Shown(const PreflightReport& report) {
  std::string out;
  for (const Finding& finding : report.findings) {
    out += std::to_string(static_cast<int>(finding.severity)) + " " + finding.check + ": " +
           finding.message + "\n";
  }
  return out;
}

struct Case {
  std::string_view name;
  std::function<void(PhaseWorld&)> change;
  Severity severity;
  std::string_view check;
  std::string_view words;
};

void ExpectFindings(const std::vector<Case>& cases) {
  for (const Case& one : cases) {
    PhaseWorld world;
    world.InsertSource(1);
    one.change(world);
    const PreflightReport report = LookAt(world);
    EXPECT_TRUE(Has(report, one.severity, one.check, one.words)) << one.name << "\n"
                                                                 << Shown(report);
    EXPECT_EQ(report.passed(), one.severity != Severity::kError) << one.name << "\n"
                                                                 << Shown(report);
    EXPECT_FALSE(report.unreachable) << one.name;
  }
}

/// Makes a collection anew with MongoDB's options.
std::function<void(PhaseWorld&)> WithOptions(std::string options) {
  return [options = std::move(options)](PhaseWorld& world) {
    ASSERT_TRUE(world.documents->DropCollection("chunks", {}).has_value());
    ASSERT_TRUE(world.documents->CreateCollection("chunks", Json(options), {}).has_value());
  };
}

TEST(Preflight, PassesOnASoundPlanAndNamesWhatItDetected) {
  PhaseWorld world;
  world.InsertSource(1);
  const PreflightReport report = LookAt(world);
  EXPECT_TRUE(report.passed()) << Shown(report);
  for (const std::string_view check :
       {"documents", "vectors", "source training_data", "change feed", "fence", "index dimension",
        "namespace proposals", "quota", "backup directory", "lease", "journal", "tenants"}) {
    EXPECT_TRUE(Has(report, Severity::kOk, check, "")) << check << "\n" << Shown(report);
  }
  EXPECT_FALSE(std::filesystem::exists(world.plan.backup.dir));
}

TEST(Preflight, JudgesTheSource) {
  ExpectFindings({
      {"absent", [](PhaseWorld& w) { w.plan.items.from = "nothing"; }, Severity::kError,
       "source nothing", "no such collection"},
      {"empty",
       [](PhaseWorld& w) {
         ASSERT_TRUE(w.documents->CreateCollection("empty", Document(), {}).has_value());
         w.plan.items.from = "empty";
       },
       Severity::kWarning, "source empty", "empty"},
      {"absent to back up", [](PhaseWorld& w) { w.plan.backup.collections.emplace_back("typo"); },
       Severity::kWarning, "legacy collections", "typo"},
      {"view", WithOptions(R"({"viewOn": "x"})"), Severity::kError, "collection chunks", "view"},
      {"time series", WithOptions(R"({"timeseries": {"timeField": "t"}})"), Severity::kError,
       "collection chunks", "time-series"},
      {"capped", WithOptions(R"({"capped": true})"), Severity::kWarning, "collection chunks",
       "capped"},
      {"collation", WithOptions(R"({"collation": {"locale": "de"}})"), Severity::kWarning,
       "collection chunks", "collation"},
      {"plain", WithOptions(R"({"capped": false, "collation": {"locale": "simple"}})"),
       Severity::kOk, "legacy collections", "chunks 0"},
      {"ttl",
       [](PhaseWorld& w) {
         ASSERT_TRUE(
             w.documents
                 ->RestoreIndex(
                     "chunks",
                     Json(R"({"v": 2, "key": {"t": 1}, "name": "ttl", "expireAfterSeconds": 5})"),
                     {})
                 .has_value());
       },
       Severity::kWarning, "collection chunks", "ttl"},
      {"no feed",
       [](PhaseWorld& w) {
         w.documents = std::make_shared<MemoryDocumentStore>(
             MemoryDocumentStore::Options{.identity = "m", .has_feed = false});
         w.InsertSource(1);
       },
       Severity::kWarning, "change feed", "no change feed"},
      {"no legacy vectors", [](PhaseWorld& w) { w.plan.retire.namespaces.emplace_back("gone"); },
       Severity::kWarning, "namespace gone", "no vectors"},
  });
}  // NOLINT(clang-analyzer-cplusplus.NewDeleteLeaks): of the functions in the table

TEST(Preflight, JudgesWhetherTheOplogOutlastsThePhasesThatDoNotReadTheFeed) {
  const auto with_oplog = [](double hours) {
    return [hours](PhaseWorld& w) {
      w.documents = std::make_shared<MemoryDocumentStore>(
          MemoryDocumentStore::Options{.identity = "m", .oplog_hours = hours});
      w.InsertSource(1);
      w.plan.limits.documents_per_s = 1.0 / 900;
      w.plan.limits.vectors_per_s = 1.0 / 900;
    };
  };
  ExpectFindings({
      {"too short", with_oplog(0.8), Severity::kWarning, "change feed", "0.8 h of writes"},
      {"young, and phases that are soon done",
       [](PhaseWorld& w) {
         w.documents = std::make_shared<MemoryDocumentStore>(
             MemoryDocumentStore::Options{.identity = "m", .oplog_hours = 0.0});
         w.InsertSource(1);
         w.plan.limits.vectors_per_s = 1;
       },
       Severity::kOk, "change feed", "0.0 h of writes"},
      {"long enough", with_oplog(1.1), Severity::kOk, "change feed", "1.1 h of writes"},
  });
}

TEST(Preflight, JudgesTheIndexAndTheEmbedder) {
  ExpectFindings({
      {"dimension",
       [](PhaseWorld& w) { w.embedder = std::make_shared<CountingEmbedder>("hashing", 8); },
       Severity::kError, "index dimension", "4 dimensions"},
      {"metric", [](PhaseWorld& w) { w.plan.index.metric = "euclidean"; }, Severity::kError,
       "index metric", "cosine"},
      {"lexical on a real index",
       [](PhaseWorld& w) {
         w.plan.vectors.target.address = "https://index.example";
         w.plan.vectors.source = w.plan.vectors.target;
       },
       Severity::kWarning, "embedder", "lexical, for trials"},
      {"no key",
       [](PhaseWorld& w) {
         w.plan.index.embedder.provider = "openai";
         w.plan.index.embedder.url.clear();
       },
       Severity::kError, "embedder", "API key"},
      {"not called",
       [](PhaseWorld& w) {
         w.plan.index.embedder.provider = "openai";
         w.plan.index.embedder.api_key = Secret("k");
       },
       Severity::kOk, "embedder", "not called"},
  });
}

TEST(Preflight, JudgesWhatTheTargetHolds) {
  ExpectFindings({
      {"foreign vector", [](PhaseWorld& w) { w.AddVector("portfolio_default-org", "v1", {}); },
       Severity::kError, "namespace portfolio_default-org", "v1"},
      {"stamped, but unknown",
       [](PhaseWorld& w) {
         w.AddVector("portfolio_default-org", "v1",
                     {{std::string(kStampContract), std::string("c")}});
       },
       Severity::kError, "namespace portfolio_default-org", "knows no run"},
      {"another organization's namespace",
       [](PhaseWorld& w) { w.AddVector("portfolio_acme", "v1", {}); }, Severity::kOk,
       "namespace portfolio_acme", "1 vectors"},
      {"equal _id",
       [](PhaseWorld& w) {
         w.Insert(w.plan.items.to, R"({"_id": 1, "item_id": "x", "org_id": "org_acme"})");
       },
       Severity::kError, "target portfolio_items", "same _id"},
      {"equal item_id",
       [](PhaseWorld& w) {
         w.Insert(w.plan.items.to, R"({"_id": "z", "item_id": ")" +
                                       ItemId(w.plan.items.id, Value::Int32(1).view()) +
                                       R"(", "org_id": "org_acme"})");
       },
       Severity::kError, "target portfolio_items", "item_id"},
      {"of our organization",
       [](PhaseWorld& w) {
         w.Insert(w.plan.items.to, R"({"_id": "z", "item_id": "z", "org_id": "org_default"})");
       },
       Severity::kError, "target portfolio_items", "org_default"},
      {"of another organization",
       [](PhaseWorld& w) {
         w.Insert(w.plan.items.to, R"({"_id": "z", "item_id": "z", "org_id": "org_acme"})");
       },
       Severity::kOk, "target portfolio_items", "1 of other organizations"},
      {"organization",
       [](PhaseWorld& w) { w.Insert("organizations", R"({"_id": "org_default"})"); },
       Severity::kError, "tenants organizations", "org_default"},
      {"slug",
       [](PhaseWorld& w) { w.Insert("organizations", R"({"_id": 7, "slug": "default-org"})"); },
       Severity::kError, "tenants organizations", "slug"},
      {"profile",
       [](PhaseWorld& w) {
         w.Insert("freelancer_profiles", R"({"_id": 7, "profile_id": "prof_default"})");
       },
       Severity::kError, "tenants freelancer_profiles", "profile_id"},
      {"unique index",
       [](PhaseWorld& w) {
         ASSERT_TRUE(w.documents
                         ->EnsureIndex("portfolio_items",
                                       {.name = "url", .paths = {"portfolio_url"}, .unique = true},
                                       {})
                         .has_value());
       },
       Severity::kWarning, "unique keys", "portfolio_url"},
  });
}

TEST(Preflight, JudgesTheMachineAndTheApplication) {
  ExpectFindings({
      {"backup below a file", [](PhaseWorld& w) { w.plan.backup.dir = w.dir / ".env" / "backups"; },
       Severity::kError, "backup directory", "no directory"},
      {"no env file", [](PhaseWorld& w) { w.plan.cutover.env_file->path = w.dir / "absent"; },
       Severity::kWarning, "env file", "exit 3"},
      {"key absent", [](PhaseWorld& w) { w.plan.cutover.env_file->set = {{"OTHER", "x"}}; },
       Severity::kWarning, "env file", "not set"},
      {"key set already",
       [](PhaseWorld& w) { w.plan.cutover.env_file->set = {{"PINECONE_NAMESPACE", "proposals"}}; },
       Severity::kWarning, "env file", "already"},
      {"pointer document",
       [](PhaseWorld& w) {
         w.plan.cutover.documents = {{"settings", Value::Int32(1), {{"ns", Value::String("x")}}}};
       },
       Severity::kError, "pointers", "settings"},
      {"no such hook", [](PhaseWorld& w) { w.plan.cutover.hooks.before = {{"unknown"}}; },
       Severity::kError, "hook before", "unknown"},
      {"hook", [](PhaseWorld& w) { w.plan.cutover.hooks.before = {{"known", "x"}}; }, Severity::kOk,
       "hook before", "not run"},
      {"retention", [](PhaseWorld& w) { w.plan.retire.after = std::chrono::hours{1}; },
       Severity::kWarning, "retention", "under 24 h"},
      {"application not known", [](PhaseWorld&) {}, Severity::kWarning, "application", "not known"},
      {"stands still by url",
       [](PhaseWorld& w) {
         w.plan.maintenance = MaintenancePlan{.file = {}, .url = "http://app", .command = {}};
       },
       Severity::kOk, "application", "stands still"},
      {"at work by url",
       [](PhaseWorld& w) {
         w.plan.maintenance = MaintenancePlan{.file = {}, .url = "http://app", .command = {}};
         w.http_status = 200;
       },
       Severity::kWarning, "application", "at work"},
      {"at work by command",
       [](PhaseWorld& w) {
         w.plan.maintenance = MaintenancePlan{.file = {}, .url = {}, .command = {"probe"}};
         w.hook_status = 1;
       },
       Severity::kWarning, "application", "at work"},
      {"stands still by file",
       [](PhaseWorld& w) {
         w.plan.maintenance = MaintenancePlan{.file = w.dir / ".env", .url = {}, .command = {}};
       },
       Severity::kOk, "application", "stands still"},
  });
}

/// A store that nobody reaches.
class Unreachable {
 public:
  template <class F>
  auto Run(const Operation& /*operation*/, const Call& call, F attempt) -> decltype(attempt(call)) {
    return Fail(ErrorCode::kUnauthenticated, "the credentials were refused",
                "correct the password");
  }
};

TEST(Preflight, AnUnreachableStoreIsAFindingAndTheOthersAreStillLookedAt) {
  PhaseWorld world;
  world.InsertSource(1);
  world.plan.retire.after = std::chrono::hours{1};
  Deps deps = world.MakeDeps();
  deps.stores.source_documents = std::make_shared<InterceptedDocumentStore<Unreachable>>(
      world.documents, std::make_shared<Unreachable>());
  deps.stores.target_documents = deps.stores.source_documents;
  const auto report = LookWith(world, deps);
  ASSERT_TRUE(report.has_value());
  EXPECT_TRUE(report->unreachable);
  EXPECT_TRUE(Has(*report, Severity::kError, "documents", "refused"));
  EXPECT_TRUE(Has(*report, Severity::kWarning, "retention", ""));
  EXPECT_TRUE(Has(*report, Severity::kOk, "index metric", ""));
  EXPECT_EQ(std::ranges::count(report->findings, Severity::kError, &Finding::severity), 1)
      << Shown(*report);
}

TEST(Preflight, WhatTheRunWroteIsNotForeign) {
  PhaseWorld world;
  world.InsertSource(1);
  RunRecord run;
  run.run_id = "r";
  run.plan_name = world.plan.name;
  run.fingerprint = world.plan.Fingerprint();
  const auto compiled = CompiledPlan::Compile(world.plan);
  const Value id = Value::Int32(1);
  const auto source = world.documents->FindByIds(world.plan.items.from, {&id, 1}, {});
  const Item item = std::get<Item>(compiled->mapper.Map(source->front()->view()));
  Ledger ledger(*world.documents, run.run_id, 1);
  const LedgerEntry entry{.id = Value::Int32(1),
                          .before = {},
                          .after = DocumentDigest(item.document.view()),
                          .text = {}};
  const auto batch =
      ledger.Open({LedgerTarget::Store::kDocuments, world.plan.items.to}, {&entry, 1}, {});
  ASSERT_TRUE(ledger.Close(*batch, {true}, {}).has_value());
  const Write write = Write::Insert(item.document);
  ASSERT_TRUE(world.documents->Apply(world.plan.items.to, {&write, 1}, {}, {}).has_value());

  const auto look = [&](const RunRecord* known) {
    return RunPreflight(*compiled->plan, compiled->mapper, world.MakeDeps(), known).value();
  };
  EXPECT_TRUE(Has(look(&run), Severity::kOk, "target portfolio_items", "1 items of this run"));
  EXPECT_TRUE(Has(look(nullptr), Severity::kError, "target portfolio_items", "same _id"));
  run.state = RunState::kRetired;
  run.fingerprint = "another";
  EXPECT_TRUE(Has(look(&run), Severity::kError, "target portfolio_items", "same _id"));
}

TEST(Preflight, StopsWhenAsked) {
  PhaseWorld world;
  world.stop.request_stop();
  const auto report = LookWith(world, world.MakeDeps());
  EXPECT_FALSE(report.has_value() && report->passed());
}

}  // namespace
}  // namespace rehome
