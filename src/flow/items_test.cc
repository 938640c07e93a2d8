// The store hops of documents: phase 2's writer and the undo of what it wrote.
#include <gtest/gtest.h>

#include "flow/item_writer.h"
#include "flow/remover.h"
#include "tests/support/flow_world.h"

namespace rehome {
namespace {

using testing_support::FlowWorld;
using testing_support::With;

TEST(WriteItems, InsertsOnceAndFindsItsOwnAgain) {
  FlowWorld world;
  const std::vector jobs{world.Job(1, "red", "a"), world.Job(2, "blue", "b")};
  const auto first = world.Write(jobs);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->inserted, 2U);
  EXPECT_EQ(world.Field(2, "org_id"), "org_blue");
  EXPECT_FALSE(world.IsMarkedItem(2));
  const auto again = world.Write(jobs);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->inserted, 0U);
  EXPECT_EQ(again->present, 2U);
  EXPECT_EQ(again->written, first->written);
}

TEST(WriteItems, SetsAsideWhatDoesNotMap) {
  FlowWorld world;
  const auto written = world.Write({world.Job(1, "green", "a"), world.Job(2, "red", "b")});
  ASSERT_TRUE(written);
  EXPECT_EQ(written->quarantined, 1U);
  EXPECT_EQ(written->inserted, 1U);
  ASSERT_TRUE(world.Quarantined(1));
  EXPECT_EQ(world.Quarantined(1)->reason, QuarantineReason::kNoTenant);
  EXPECT_FALSE(world.ItemOf(1));
}

TEST(WriteItems, HandsBackWhatStandsThereOtherwise) {
  FlowWorld world;
  const Document foreign = DocumentBuilder().Int32("_id", 1).String("item_id", "theirs").Finish();
  world.PutItem(foreign);
  const auto written = world.Write({world.Job(1, "red", "a")});
  ASSERT_TRUE(written);
  ASSERT_EQ(written->unresolved.size(), 1U);
  EXPECT_EQ(world.ItemOf(1), foreign);
}

TEST(WriteItems, HandsBackAnItemWhoseSourceNoLongerMaps) {
  FlowWorld world;
  ASSERT_TRUE(world.Write({world.Job(1, "red", "a")}));
  const auto written = world.Write({world.Job(1, "green", "a")});
  ASSERT_TRUE(written);
  EXPECT_EQ(written->unresolved.size(), 1U);
  EXPECT_EQ(written->quarantined, 0U);
}

TEST(WriteItems, HandsBackWhatAnotherHasTakenTheItemIdOf) {
  FlowWorld world;
  world.PutItem(DocumentBuilder().Int32("_id", 7).String("item_id", "job_n~1").Finish());
  const auto written = world.Write({world.Job(1, "red", "a"), world.Job(2, "red", "b")});
  ASSERT_TRUE(written);
  EXPECT_EQ(written->unresolved, std::vector{Value::Int32(1)});
  EXPECT_EQ(written->inserted, 1U);
  EXPECT_FALSE(world.ItemOf(1));
}

TEST(RemoveOurs, RemovesOursSavesTheChangedLeavesTheForeign) {
  FlowWorld world;
  ASSERT_TRUE(world.Write({world.Job(1, "red", "a"), world.Job(2, "red", "b")}));
  const Document changed = With(*world.ItemOf(2), "title", "theirs now");
  world.PutItem(changed);
  const Document foreign = DocumentBuilder().Int32("_id", 3).String("item_id", "x").Finish();
  world.PutItem(foreign);
  const auto removed = RemoveAllOurs(world.flow, world.plan.items.to, "test", world.call);
  ASSERT_TRUE(removed);
  EXPECT_EQ(removed->removed, 2U);
  EXPECT_EQ(removed->saved, 1U);
  EXPECT_EQ(removed->foreign, 1U);
  EXPECT_FALSE(world.ItemOf(1));
  EXPECT_FALSE(world.ItemOf(2));
  EXPECT_EQ(world.ItemOf(3), foreign);
  ASSERT_EQ(world.SavedData().size(), 1U);
  EXPECT_EQ(world.SavedData().front().json, ToExtendedJson(changed.view(), JsonMode::kCanonical));
}

TEST(RemoveOurs, AMarkedItemIsStillOurs) {
  FlowWorld world;
  ASSERT_TRUE(world.Write({world.Job(1, "red", "a")}));
  ASSERT_TRUE(world.Embed({1}));
  const auto removed = RemoveAllOurs(world.flow, world.plan.items.to, "test", world.call);
  ASSERT_TRUE(removed);
  EXPECT_EQ(removed->removed, 1U);
  EXPECT_EQ(removed->saved, 0U);
}

TEST(RemoveOurs, HandsBackWhatChangedWhileItLooked) {
  FlowWorld world;
  ASSERT_TRUE(world.Write({world.Job(1, "red", "a")}));
  const Document as_read = *world.ItemOf(1);
  world.PutItem(With(as_read, "title", "meanwhile"));
  const auto removed =
      RemoveOurs(world.flow, world.plan.items.to, {&as_read, 1}, "test", world.call);
  ASSERT_TRUE(removed);
  EXPECT_EQ(removed->removed, 0U);
  EXPECT_EQ(removed->again.size(), 1U);
  EXPECT_EQ(world.Field(1, "title"), "meanwhile");
}

TEST(RemoveOurs, IsDoneOnceMore) {
  FlowWorld world;
  ASSERT_TRUE(world.Write({world.Job(1, "red", "a")}));
  const Document as_read = *world.ItemOf(1);
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(RemoveOurs(world.flow, world.plan.items.to, {&as_read, 1}, "test", world.call));
    EXPECT_FALSE(world.ItemOf(1));
  }
  EXPECT_EQ(world.Write({world.Job(1, "red", "a")})->inserted, 1U);
}

}  // namespace
}  // namespace rehome
