// What the journal's records say after they were written and read.
#include <gtest/gtest.h>

#include "journal/names.h"
#include "journal/run_record.h"
#include "journal/saved.h"
#include "model/extended_json.h"
#include "sim/memory_document_store.h"
#include "tests/support/journal.h"

namespace rehome {
namespace {

using testing_support::kCall;

/// A run in which every field differs from its default.
RunRecord FullRun() {
  const WallTime at{Millis{1'700'000'000'123}};
  RunRecord run;
  run.run_id = "2026-11-23T11:49:02.123Z-abc";
  run.plan_name = "plan";
  run.fingerprint = "f";
  run.fingerprint_text = "a: 1\nb: \"ü\"\n";
  run.resolved_plan = R"({"name":"plan"})";
  run.state = RunState::kCutOver;
  run.epoch = 7;
  run.created_at = at;
  run.updated_at = at + Millis{1};
  run.At(Phase::kItems) = {.state = PhaseState::kUndoing,
                           .started_at = at,
                           .seconds = 1.25,
                           .counts = {{"items", 101}, {"a.b $c", -1}}};
  run.restore_points.push_back({.phase = Phase::kItems,
                                .at = at,
                                .digest = "101:00ff",
                                .counts = {{"items", 101}},
                                .positions = {{"feed", "12"}},
                                .pointers = {{".env KEY", "old"}},
                                .undo = "rehome rollback --phase 2"});
  run.namespaces = {{"org.with.dots", "ns"}, {"$org", "ns2"}};
  run.created_collections = {"items", "orgs"};
  run.cutover = CutoverRecord{.state = CutoverRecord::State::kVerified,
                              .reverse = true,
                              .pointers = {{.kind = "env_file",
                                            .where = ".env",
                                            .id = "",
                                            .key = "KEY",
                                            .old_value = "",
                                            .new_value = "new",
                                            .old_written = "'old'",
                                            .flipped = true},
                                           {.kind = "document",
                                            .where = "settings",
                                            .id = R"({"$numberInt":"1"})",
                                            .key = "k",
                                            .old_value = std::nullopt,
                                            .new_value = "\"v\"",
                                            .old_written = "",
                                            .flipped = false}},
                              .fences = {{.collection = "jobs",
                                          .on_target = true,
                                          .kind = FenceKind::kValidator,
                                          .undo = DocumentBuilder().Int32("v", 1).Finish(),
                                          .raised = true,
                                          .by_hooks = true}},
                              .write_pause_ms = 4200,
                              .after_hooks_ran = true};
  run.positions = {{"forward", "3"}, {"reverse", "none"}};
  run.watermarks = {{"applied_through", "3"}};
  run.backup = "backups/1";
  run.retirements = {{.backup = "backups/2",
                      .manifest_sha256 = std::string(64, 'a'),
                      .dropped = {"a", "b"},
                      .emptied = {}},
                     {.backup = "backups/3",
                      .manifest_sha256 = std::string(64, 'a'),
                      .dropped = {},
                      .emptied = {"legacy"}}};
  run.items_reconciled = true;
  run.changed_while_read = {"5", R"({"$oid":"0123456789abcdef01234567"})"};
  run.cut_over_at = at;
  run.last_straggler_at = at + Millis{2};
  run.audit_number = 9;
  run.audit_hash = "hash";
  run.last_error = "what failed";
  run.last_hint = "what to do";
  return run;
}

TEST(RunRecord, ComesBackFromTheJournalAsItWas) {
  sim::MemoryDocumentStore store;
  for (const RunRecord& run : {RunRecord(), FullRun()}) {
    const Document written = run.ToDocument();
    const auto read = RunRecord::FromDocument(written.view());
    ASSERT_TRUE(read);
    EXPECT_EQ(ToExtendedJson(read->ToDocument().view(), JsonMode::kCanonical),
              ToExtendedJson(written.view(), JsonMode::kCanonical));
  }
  const RunRecord full = FullRun();
  const auto read = RunRecord::FromDocument(full.ToDocument().view());
  ASSERT_TRUE(read->cutover);
  EXPECT_EQ(read->cutover->pointers.front().old_value, "");
  EXPECT_FALSE(read->cutover->pointers.back().old_value);
  EXPECT_EQ(read->namespaces, full.namespaces);
  EXPECT_EQ(read->At(Phase::kItems).counts, full.At(Phase::kItems).counts);
  EXPECT_EQ(read->cut_over_at, full.cut_over_at);
}

TEST(RunRecord, OfAnotherJournalVersionIsRefusedInWords) {
  DocumentBuilder other;
  const Document full = FullRun().ToDocument();
  for (const auto& [key, value] : full.view()) {
    if (key == "journal_version") {
      other.Int64(key, value.AsInt64() + 1);
    } else {
      other.Append(key, value);
    }
  }
  const auto read = RunRecord::FromDocument(other.Finish().view());
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_FALSE(read.error().hint.empty());
}

TEST(RunRecord, WithAWordThatNobodyKnowsIsRefusedAndNotTakenForAFreshOne) {
  const RunRecord run = FullRun();
  const std::string good = run.ToDocument().bytes();
  for (const std::string_view word : {Name(run.state), Name(run.At(Phase::kItems).state)}) {
    std::string bad = good;
    bad.at(bad.find(word) + 1) ^= 1;
    const auto read = RunRecord::FromDocument(Document::Parse(bad).value_or(Document()).view());
    ASSERT_FALSE(read) << word;
    EXPECT_EQ(read.error().code, ErrorCode::kFailedPrecondition);
    EXPECT_TRUE(read.error().message.contains("does not know")) << read.error().message;
  }
}

TEST(RunRecord, LatestIsTheNewestOfThatPlanAlone) {
  sim::MemoryDocumentStore store;
  RunRecord run = FullRun();
  for (const char* id : {"2026-02", "2026-03", "2026-01"}) {
    run.run_id = id;
    std::optional<Document> stands;
    ASSERT_TRUE(SaveRun(store, run, stands, kCall));
  }
  run.plan_name = "another";
  run.run_id = "2026-04";
  std::optional<Document> stands;
  ASSERT_TRUE(SaveRun(store, run, stands, kCall));
  EXPECT_EQ((*LatestRun(store, "plan", kCall))->run_id, "2026-03");
  EXPECT_FALSE(LatestRun(store, "unknown", kCall)->has_value());
}

TEST(Saved, KeepsEveryVersionOnceAndEveryByte) {
  sim::MemoryDocumentStore store;
  Saved saved(store, "run");
  const Document first = DocumentBuilder().Int32("_id", 1).String("v", "a").Finish();
  const Document second = DocumentBuilder().Int32("_id", 1).String("v", "\xFF").Finish();
  for (int repeat = 0; repeat < 2; ++repeat) {
    ASSERT_TRUE(saved.Add("why", "items", {&first, 1}, kCall));
    ASSERT_TRUE(saved.Add("why", "items", {&second, 1}, kCall));
    ASSERT_TRUE(saved.Add("another reason", "items", {&first, 1}, kCall));
  }
  EXPECT_EQ(saved.List(kCall)->size(), 3U);
  EXPECT_TRUE(Saved(store, "another run").List(kCall)->empty());
  const Value run = Value::String("run");
  const auto stored = store.FindByField(journal::kSaved, "run", {&run, 1}, 10, kCall);
  EXPECT_TRUE(std::ranges::any_of(*stored, [&](const Document& document) {
    return document.Find("bson")->AsBinary() == second.bytes();
  }));
}

TEST(Saved, TellsAVectorFromADocumentOfThatPlace) {
  sim::MemoryDocumentStore store;
  Saved saved(store, "run");
  const VectorRecord record{.id = "1", .values = {0.1F, -0.0F}, .sparse = {}, .metadata = {}};
  ASSERT_TRUE(saved.Add("why", "ns", {&record, 1}, kCall));
  const Document document = DocumentBuilder().String("_id", "1").Finish();
  ASSERT_TRUE(saved.Add("why", "ns", {&document, 1}, kCall));
  const auto list = saved.List(kCall);
  ASSERT_EQ(list->size(), 2U);
  const bool first_is_vector = (*list)[0].json == VectorJson(record);
  EXPECT_EQ((*list)[first_is_vector ? 0 : 1].json, VectorJson(record));
  EXPECT_EQ((*list)[first_is_vector ? 1 : 0].json, R"({"_id":"1"})");
}

}  // namespace
}  // namespace rehome
