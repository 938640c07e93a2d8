// text → embed → intent → upsert → confirm → mark, and the way back.
#include "flow/vector_writer.h"

#include <gtest/gtest.h>

#include "tests/support/flow_world.h"

namespace rehome {
namespace {

using sim::MemoryVectorStore;
using testing_support::FlowWorld;
using testing_support::With;

const TenantNamespace kRed = Plan::JournaledNamespace("jobs_red");
const std::vector<std::string> kFirst{"job_n~1"};

/// What another program upserts under the id of item 1.
VectorRecord Theirs() {
  return {.id = kFirst.front(), .values = {9, 9}, .sparse = {}, .metadata = {}};
}

TEST(EmbedItems, FindsTheOneTextThatIsRefused) {
  FlowWorld world;
  std::vector<Document> jobs;
  for (int id = 0; id < 9; ++id) {
    jobs.push_back(world.Job(id, "red", id == 4 ? "please refuse" : "fine"));
  }
  ASSERT_TRUE(world.Write(jobs));
  std::vector<Document> items;
  for (int id = 0; id < 9; ++id) {
    items.push_back(*world.ItemOf(id));
  }
  const auto embedded = EmbedItems(world.flow, items, world.call);
  ASSERT_TRUE(embedded);
  EXPECT_EQ(embedded->items.size(), 8U);
  EXPECT_EQ(embedded->refused, (std::vector{Value::Int32(4)}));
  EXPECT_EQ(embedded->refusal, "refused: please refuse");
}

TEST(EmbedItems, StopsWhereTheEmbedderRefusesAPlainTextToo) {
  FlowWorld world;
  std::vector<Document> items;
  for (int id = 0; id < 9; ++id) {
    ASSERT_TRUE(world.Write({world.Job(id, "red", "fine")}));
    items.push_back(*world.ItemOf(id));
  }
  world.embedder->refuses_everything = true;
  world.embedder->calls = 0;
  const auto embedded = EmbedItems(world.flow, items, world.call);
  ASSERT_FALSE(embedded);
  EXPECT_EQ(embedded.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(world.embedder->calls, 2);
  world.embedder->refuses_everything = false;
  EXPECT_EQ(EmbedItems(world.flow, items, world.call)->items.size(), 9U);
}

TEST(WriteVectors, MarksWhatIsConfirmedAndRepeatsToTheSame) {
  FlowWorld world;
  ASSERT_TRUE(world.Write({world.Job(1, "red", "a"), world.Job(2, "blue", "b")}));
  const Document unmarked = *world.ItemOf(1);
  ASSERT_TRUE(world.Embed({1, 2}));
  EXPECT_EQ(world.Field(1, "embedding_id"), "job_n~1");
  EXPECT_TRUE(world.VectorOf("jobs_blue", 2));
  const auto before = world.VectorOf("jobs_red", 1);
  const auto embedded = EmbedItems(world.flow, {unmarked}, world.call);
  const auto again = WriteVectors(world.flow, embedded->items, world.call);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->marked, 1U);  // by the attempt whose reply was lost
  EXPECT_EQ(world.VectorOf("jobs_red", 1), before);
}

TEST(WriteVectors, WritesToSeveralNamespacesAtOnce) {
  FlowWorld world;
  world.flow.namespaces_at_once = 8;
  std::vector<int> ids;
  for (int id = 0; id < 40; ++id) {
    ASSERT_TRUE(world.Write({world.Job(id, id % 2 == 0 ? "red" : "blue", "a")}));
    ids.push_back(id);
  }
  ASSERT_TRUE(world.Embed(ids));
  for (const int id : ids) {
    EXPECT_TRUE(world.IsMarkedItem(id));
    EXPECT_TRUE(world.VectorOf(id % 2 == 0 ? "jobs_red" : "jobs_blue", id));
  }
  const Ledger next(*world.target, "run", 2);
  EXPECT_TRUE(next.LeftOpen(world.call)->empty());
}

TEST(WriteVectors, AForeignVectorInOneNamespaceKeepsAllAsTheyAre) {
  FlowWorld world;
  ASSERT_TRUE(world.Write({world.Job(1, "red", "a"), world.Job(2, "blue", "b")}));
  const VectorRecord theirs = Theirs();
  ASSERT_TRUE(world.vectors->Upsert("jobs_red", {&theirs, 1}, world.call));
  const auto written = world.Embed({1, 2});
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_FALSE(world.VectorOf("jobs_blue", 2));
  const Ledger next(*world.target, "run", 2);
  EXPECT_TRUE(next.LeftOpen(world.call)->empty());
}

TEST(WriteVectors, HandsBackAnItemThatChangedBeforeItsMark) {
  FlowWorld world;
  ASSERT_TRUE(world.Write({world.Job(1, "red", "a")}));
  const auto embedded = EmbedItems(world.flow, {*world.ItemOf(1)}, world.call);
  world.PutItem(With(*world.ItemOf(1), "title", "meanwhile"));
  const auto written = WriteVectors(world.flow, embedded->items, world.call);
  ASSERT_TRUE(written);
  EXPECT_EQ(written->changed, (std::vector{Value::Int32(1)}));
  EXPECT_FALSE(world.IsMarkedItem(1));
}

TEST(WriteVectors, LeavesNoVectorOfAnItemThatWasDeletedBeforeItsMark) {
  FlowWorld world;
  ASSERT_TRUE(world.Write({world.Job(1, "red", "a"), world.Job(2, "red", "b")}));
  const auto embedded = EmbedItems(world.flow, {*world.ItemOf(1), *world.ItemOf(2)}, world.call);
  world.RemoveItem(1);
  const auto written = WriteVectors(world.flow, embedded->items, world.call);
  ASSERT_TRUE(written);
  EXPECT_EQ(written->changed, (std::vector{Value::Int32(1)}));
  EXPECT_FALSE(world.VectorOf("jobs_red", 1));
  EXPECT_TRUE(world.VectorOf("jobs_red", 2));
}

TEST(WriteVectors, RefusesAForeignVectorAndTouchesNothing) {
  FlowWorld world;
  ASSERT_TRUE(world.Write({world.Job(1, "red", "a")}));
  const VectorRecord theirs = Theirs();
  ASSERT_TRUE(world.vectors->Upsert("jobs_red", {&theirs, 1}, world.call));
  const auto written = world.Embed({1});
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(world.VectorOf("jobs_red", 1), theirs);
  EXPECT_FALSE(world.IsMarkedItem(1));
}

TEST(WriteVectors, SavesAVectorThatSomebodyChangedBeforeItWritesItsOwnAgain) {
  FlowWorld world;
  ASSERT_TRUE(world.Write({world.Job(1, "red", "a")}));
  const Document unmarked = *world.ItemOf(1);
  ASSERT_TRUE(world.Embed({1}));
  const auto ours = world.VectorOf("jobs_red", 1);
  const VectorRecord theirs = Theirs();
  ASSERT_TRUE(world.vectors->Upsert("jobs_red", {&theirs, 1}, world.call));
  const auto embedded = EmbedItems(world.flow, {unmarked}, world.call);
  ASSERT_TRUE(WriteVectors(world.flow, embedded->items, world.call));
  EXPECT_EQ(world.VectorOf("jobs_red", 1), ours);
  ASSERT_EQ(world.SavedData().size(), 1U);
  EXPECT_EQ(world.SavedData().front().json, VectorJson(theirs));
}

TEST(WriteVectors, WaitsForALateIndexByItsSequenceNumberOrByReadingBack) {
  for (const bool tells_lsn : {true, false}) {
    int reads = 0;
    FlowWorld world(MemoryVectorStore::Options{
        .dimension = 2, .tells_lsn = tells_lsn, .indexes = [&reads] { return ++reads % 3 == 0; }});
    world.pauses_max = 100;
    ASSERT_TRUE(world.Write({world.Job(1, "red", "a")}));
    ASSERT_TRUE(world.Embed({1})) << tells_lsn;
    EXPECT_TRUE(world.IsMarkedItem(1));
    EXPECT_GT(world.pauses, 0);
  }
}

TEST(WriteVectors, AStopWhileItWaitsLeavesTheItemUnmarkedAndItsIntentOpen) {
  FlowWorld world(MemoryVectorStore::Options{.dimension = 2, .indexes = [] { return false; }});
  ASSERT_TRUE(world.Write({world.Job(1, "red", "a")}));
  const auto written = world.Embed({1});
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::kCancelled);
  EXPECT_FALSE(world.IsMarkedItem(1));
  const Ledger next(*world.target, "run", 2);
  EXPECT_EQ(next.LeftOpen(world.call)->size(), 1U);
}

TEST(RemoveVectors, RemovesOursSavesTheChangedLeavesTheForeign) {
  FlowWorld world;
  ASSERT_TRUE(world.Write({world.Job(1, "red", "a"), world.Job(2, "red", "b")}));
  ASSERT_TRUE(world.Embed({1, 2}));
  const VectorRecord changed = Theirs();
  VectorRecord foreign = Theirs();
  foreign.id = "foreign";
  ASSERT_TRUE(world.vectors->Upsert("jobs_red", std::vector{changed, foreign}, world.call));
  const std::vector<std::string> ids{"job_n~1", "job_n~2", "foreign", "absent"};
  const auto removed = RemoveVectors(world.flow, kRed, ids, world.call);
  ASSERT_TRUE(removed);
  EXPECT_EQ(removed->removed, 2U);
  EXPECT_EQ(removed->saved, 1U);
  EXPECT_EQ(removed->foreign, (std::vector<std::string>{"foreign"}));
  EXPECT_EQ(world.vectors->Fetch("jobs_red", ids, world.call)->size(), 1U);
  EXPECT_EQ(world.SavedData().front().json, VectorJson(changed));
  const auto again = RemoveVectors(world.flow, kRed, ids, world.call);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->removed, 0U);
}

}  // namespace
}  // namespace rehome
