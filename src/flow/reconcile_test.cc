// The one path for single documents: whatever happened to source and item, in whatever order.
#include "flow/reconcile.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "flow/remover.h"
#include "tests/support/flow_world.h"

namespace rehome {
namespace {

using testing_support::FlowWorld;
using testing_support::With;

class ReconcileTest : public ::testing::Test {
 protected:
  /// Items of `jobs` with their vectors, as after phase 3.
  void Migrate(const std::vector<Document>& jobs) {
    ASSERT_TRUE(world_.Write(jobs));
    std::vector<int> ids;
    for (const Document& job : jobs) {
      ids.push_back(job.Id().AsInt32());
    }
    ASSERT_TRUE(world_.Embed(ids));
  }
  Reconciled Now(int id, VectorMode mode = VectorMode::kNow,
                 ChangedItems changed = ChangedItems::kLeave) {
    const Value key = Value::Int32(id);
    auto done = Reconcile(world_.flow, {&key, 1}, mode, world_.call, changed);
    EXPECT_TRUE(done.has_value()) << (done ? "" : done.error().message);
    return done.value_or(Reconciled());
  }
  void CutOver() {
    world_.run.cut_over_at = WallTime{};
    ASSERT_TRUE(world_.run.IsCutOver());
  }
  /// What stands there is what the source gives, its vector too.
  void ExpectWhole(int id, std::string_view ns, std::string_view title) {
    EXPECT_EQ(world_.Field(id, "title"), title);
    EXPECT_TRUE(world_.IsMarkedItem(id));
    const auto vector = world_.VectorOf(ns, id);
    ASSERT_TRUE(vector);
    EXPECT_EQ(std::get<std::string>(vector->metadata.at(std::string(kStampText))),
              Md5(title).Hex());
  }

  FlowWorld world_;
};

TEST_F(ReconcileTest, InsertsReplacesAndDeletesAsTheSourceSays) {
  world_.PutSource(world_.Job(1, "red", "one"));
  EXPECT_EQ(Now(1).inserted, 1U);
  ExpectWhole(1, "jobs_red", "one");
  world_.PutSource(world_.Job(1, "red", "two"));
  EXPECT_EQ(Now(1).replaced, 1U);
  ExpectWhole(1, "jobs_red", "two");
  EXPECT_EQ(Now(1).unchanged, 1U);
  world_.RemoveSource(1);
  EXPECT_EQ(Now(1).deleted, 1U);
  EXPECT_FALSE(world_.ItemOf(1));
  EXPECT_FALSE(world_.VectorOf("jobs_red", 1));
  EXPECT_EQ(Now(1).unchanged, 1U);
}

TEST_F(ReconcileTest, LeavesVectorsToPhaseThreeWhereAskedTo) {
  world_.PutSource(world_.Job(1, "red", "one"));
  Now(1, VectorMode::kLater);
  EXPECT_FALSE(world_.IsMarkedItem(1));
  EXPECT_EQ(world_.embedder->calls, 0);
  EXPECT_EQ(Now(1).embedded, 1U);  // the crash came between item and mark
  ExpectWhole(1, "jobs_red", "one");
}

TEST_F(ReconcileTest, MovesItemAndVectorToAnotherTenant) {
  Migrate({world_.Job(1, "red", "one")});
  world_.PutSource(world_.Job(1, "blue", "one"));
  EXPECT_EQ(Now(1).replaced, 1U);
  EXPECT_EQ(world_.Field(1, "org_id"), "org_blue");
  EXPECT_FALSE(world_.VectorOf("jobs_red", 1));
  ExpectWhole(1, "jobs_blue", "one");
}

TEST_F(ReconcileTest, SetsAsideWhatNoLongerMapsAndTakesItBack) {
  Migrate({world_.Job(1, "red", "one")});
  world_.PutSource(world_.Job(1, "green", "one"));
  const Reconciled away = Now(1);
  EXPECT_EQ(away.quarantined, 1U);
  EXPECT_EQ(away.deleted, 1U);
  EXPECT_TRUE(world_.Quarantined(1));
  EXPECT_FALSE(world_.ItemOf(1));
  EXPECT_FALSE(world_.VectorOf("jobs_red", 1));
  world_.PutSource(world_.Job(1, "blue", "one"));
  EXPECT_EQ(Now(1).inserted, 1U);
  EXPECT_FALSE(world_.Quarantined(1));
  ExpectWhole(1, "jobs_blue", "one");
}

TEST_F(ReconcileTest, SetsAsideWhatTheEmbedderRefuses) {
  Migrate({world_.Job(1, "red", "one")});
  world_.PutSource(world_.Job(1, "blue", "refuse this"));
  Now(1);
  ASSERT_TRUE(world_.Quarantined(1));
  EXPECT_EQ(world_.Quarantined(1)->reason, QuarantineReason::kEmbedding);
  EXPECT_FALSE(world_.ItemOf(1));
}

TEST_F(ReconcileTest, TheVectorOfATextBeforeARefusedOneGoesToo) {
  Migrate({world_.Job(1, "red", "one")});
  world_.PutSource(world_.Job(1, "red", "refuse this"));
  Now(1);
  ASSERT_TRUE(world_.Quarantined(1));
  EXPECT_FALSE(world_.ItemOf(1));
  EXPECT_FALSE(world_.VectorOf("jobs_red", 1));
}

TEST_F(ReconcileTest, SetsAsideWhatAnotherHasTakenTheItemIdOf) {
  const Document other = DocumentBuilder().Int32("_id", 7).String("item_id", "job_n~1").Finish();
  world_.PutItem(other);
  world_.PutSource(world_.Job(1, "red", "a"));
  EXPECT_EQ(Now(1).quarantined, 1U);
  EXPECT_EQ(world_.Quarantined(1)->reason, QuarantineReason::kIdConflict);
  EXPECT_FALSE(world_.ItemOf(1));
  EXPECT_EQ(world_.ItemOf(7), other);
}

TEST_F(ReconcileTest, ChangedAndForeignItemsAreConflictsBeforeCutover) {
  Migrate({world_.Job(1, "red", "one")});
  const Document changed = With(*world_.ItemOf(1), "title", "theirs");
  world_.PutItem(changed);
  world_.PutSource(world_.Job(1, "red", "two"));
  EXPECT_EQ(Now(1).conflicts, (std::vector<std::string>{"job_n~1"}));
  EXPECT_EQ(world_.ItemOf(1), changed);
  const Document foreign = DocumentBuilder().Int32("_id", 2).String("item_id", "theirs").Finish();
  world_.PutItem(foreign);
  world_.PutSource(world_.Job(2, "red", "mine"));
  EXPECT_EQ(Now(2).conflicts.size(), 1U);
  EXPECT_EQ(world_.ItemOf(2), foreign);
}

TEST_F(ReconcileTest, RepairSavesTheChangedAndWritesItsOwnAgain) {
  Migrate({world_.Job(1, "red", "one")});
  const Document changed = With(*world_.ItemOf(1), "title", "theirs");
  world_.PutItem(changed);
  const Reconciled repaired = Now(1, VectorMode::kNow, ChangedItems::kSaveAndReplace);
  EXPECT_TRUE(repaired.conflicts.empty());
  ExpectWhole(1, "jobs_red", "one");
  ASSERT_EQ(world_.SavedData().size(), 1U);
  EXPECT_EQ(world_.SavedData().front().json, ToExtendedJson(changed.view(), JsonMode::kCanonical));
}

TEST_F(ReconcileTest, AfterCutoverNothingOfTheApplicationsIsOverwrittenOrBroughtBack) {
  Migrate(
      {world_.Job(1, "red", "one"), world_.Job(2, "red", "two"), world_.Job(3, "red", "three")});
  CutOver();
  const Document changed = With(*world_.ItemOf(1), "title", "the application's");
  world_.PutItem(changed);
  world_.RemoveItem(2);
  for (const int id : {1, 2, 3}) {
    world_.PutSource(world_.Job(id, "red", "straggler"));
  }
  EXPECT_EQ(Now(1).saved, (std::vector<std::string>{"job_n~1"}));
  EXPECT_EQ(world_.ItemOf(1), changed);
  EXPECT_EQ(Now(2).saved, (std::vector<std::string>{"job_n~2"}));
  EXPECT_FALSE(world_.ItemOf(2));
  EXPECT_EQ(Now(3).replaced, 1U);  // what it left alone follows the source
  ExpectWhole(3, "jobs_red", "straggler");
  EXPECT_EQ(world_.SavedData().size(), 2U);
  world_.RemoveSource(1);
  EXPECT_EQ(Now(1).unchanged, 1U);
  EXPECT_EQ(world_.ItemOf(1), changed);
}

TEST_F(ReconcileTest, OneSlowBatchAmongManyIdsLosesNone) {
  std::vector<Value> ids;
  for (int id = 0; id < 600; ++id) {
    world_.PutSource(world_.Job(id, id % 2 == 0 ? "red" : "blue", "t" + std::to_string(id)));
    ids.push_back(Value::Int32(id));
  }
  const auto done = Reconcile(world_.flow, ids, VectorMode::kNow, world_.call);
  ASSERT_TRUE(done);
  EXPECT_EQ(done->inserted, 600U);
  EXPECT_EQ(done->embedded, 600U);
  ExpectWhole(599, "jobs_blue", "t599");
}

/// What becomes of job `id` while many change.
enum class Fate : std::uint8_t { kStays, kChanges, kGoes, kMoves, kUnmappable };
Fate FateOf(int id) {
  if (id % 2 == 0) {
    return Fate::kChanges;
  }
  return id % 5 == 0    ? Fate::kGoes
         : id % 7 == 0  ? Fate::kMoves
         : id % 11 == 0 ? Fate::kUnmappable
                        : Fate::kStays;
}

TEST_F(ReconcileTest, SeveralPartsAreCarriedSideBySide) {
  constexpr int kCount = 3'500;
  constexpr int kScattered = 1'999;  // shares no factor with it
  std::vector<Value> ids;
  for (int id = 0; id < kCount; ++id) {
    world_.PutSource(world_.Job(id, "red", "old"));
    ids.push_back(Value::Int32(id));
  }
  ASSERT_EQ(Reconcile(world_.flow, ids, VectorMode::kLater, world_.call)->inserted, kCount);
  std::map<Fate, std::uint64_t> fates;
  for (int id = 0; id < kCount; ++id) {
    const Fate fate = FateOf(id);
    ++fates[fate];
    if (fate == Fate::kGoes) {
      world_.RemoveSource(id);
    } else if (fate != Fate::kStays) {
      world_.PutSource(fate == Fate::kChanges ? world_.Job(id, "red", "new")
                       : fate == Fate::kMoves ? world_.Job(id, "blue", "moved")
                                              : world_.Job(id, "green", "unmappable"));
    }
  }
  for (int i = 0; i < kCount; ++i) {  // so that the ids of an intent are in several parts
    ids[static_cast<std::size_t>(i)] = Value::Int32(i * kScattered % kCount);
  }
  const auto done = Reconcile(world_.flow, ids, VectorMode::kLater, world_.call);
  ASSERT_TRUE(done);
  for (int id = 0; id < kCount; ++id) {
    const Fate fate = FateOf(id);
    const bool stands = fate != Fate::kGoes && fate != Fate::kUnmappable;
    EXPECT_EQ(world_.ItemOf(id).has_value(), stands) << id;
    EXPECT_EQ(world_.Quarantined(id).has_value(), fate == Fate::kUnmappable) << id;
    const std::string_view title = fate == Fate::kChanges ? "new"
                                   : fate == Fate::kMoves ? "moved"
                                                          : "old";
    EXPECT_EQ(world_.Field(id, "title"), stands ? title : "") << id;
    EXPECT_EQ(world_.Field(id, "org_id"), !stands                ? ""
                                          : fate == Fate::kMoves ? "org_blue"
                                                                 : "org_red")
        << id;
  }
  EXPECT_EQ(done->replaced, fates[Fate::kChanges] + fates[Fate::kMoves]);
  EXPECT_EQ(done->deleted, fates[Fate::kGoes] + fates[Fate::kUnmappable]);
  EXPECT_EQ(done->quarantined, fates[Fate::kUnmappable]);
  const auto again = Reconcile(world_.flow, ids, VectorMode::kLater, world_.call);
  EXPECT_EQ(again->unchanged, kCount);
  // Every item is still known as ours, whoever reduced which record of the ledger.
  std::vector<Document> items;
  for (int id = 0; id < kCount; ++id) {
    if (auto item = world_.ItemOf(id)) {
      items.push_back(*std::move(item));
    }
  }
  const auto removed = RemoveOurs(world_.flow, world_.plan.items.to, items, "test", world_.call);
  ASSERT_TRUE(removed);
  EXPECT_EQ(removed->removed, items.size());
}

/// Notes how many documents each look asks for.
class NotingStore final : public sim::MemoryDocumentStore {
 public:
  Result<std::vector<std::optional<Document>>> FindByIds(std::string_view collection,
                                                         std::span<const Value> ids,
                                                         const Call& call) override {
    asked.push_back(ids.size());
    return MemoryDocumentStore::FindByIds(collection, ids, call);
  }
  std::vector<std::size_t> asked;
};

TEST_F(ReconcileTest, LargeDocumentsAreHeldAFewAtOnce) {
  constexpr int kCount = 300;
  const auto noting = std::make_shared<NotingStore>();
  world_.source = noting;
  world_.stores.source_documents = noting;
  std::vector<Value> ids;
  for (int id = 0; id < kCount; ++id) {
    world_.PutSource(DocumentBuilder()
                         .Int32("_id", id)
                         .String("team", "red")
                         .String("title", "one")
                         .String("notes", std::string(400'000, 'x'))
                         .Finish());
    ids.push_back(Value::Int32(id));
  }
  const auto done = Reconcile(world_.flow, ids, VectorMode::kLater, world_.call);
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(done->inserted, kCount);
  ASSERT_GT(noting->asked.size(), 2U);
  EXPECT_LE(noting->asked.front(), 100U);  // nobody knows yet how large they are
  EXPECT_LE(*std::max_element(noting->asked.begin() + 1, noting->asked.end()), 21U);  // 8 MiB
}

TEST_F(ReconcileTest, AnIdThatIsNamedOftenIsCarriedOnce) {
  world_.PutSource(world_.Job(1, "red", "one"));
  const std::vector<Value> ids(1000, Value::Int32(1));
  const auto done = Reconcile(world_.flow, ids, VectorMode::kNow, world_.call);
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(done->inserted, 1U);
  EXPECT_EQ(done->embedded, 1U);
  ExpectWhole(1, "jobs_red", "one");
}

TEST_F(ReconcileTest, StraysOfAMoveThatDiedAreRemoved) {
  Migrate({world_.Job(1, "red", "one")});
  // The vector is in its new namespace already, the item moved, the old vector still stands.
  const Document moved = With(*world_.ItemOf(1), "org_id", "org_blue");
  world_.PutItem(moved);
  const std::vector<std::string> ids{"job_n~1"};
  const TenantNamespace red = Plan::JournaledNamespace("jobs_red");
  ASSERT_TRUE(RemoveStrays(world_.flow, red, ids, world_.call));
  EXPECT_FALSE(world_.VectorOf("jobs_red", 1));
  ASSERT_TRUE(RemoveStrays(world_.flow, red, ids, world_.call));
}

TEST_F(ReconcileTest, AVectorWhoseItemTheApplicationDeletedDuringAMoveIsAStray) {
  Migrate({world_.Job(1, "red", "one"), world_.Job(2, "red", "two")});
  world_.RemoveItem(1);
  const std::vector<std::string> ids{"job_n~1", "job_n~2"};
  ASSERT_TRUE(RemoveStrays(world_.flow, Plan::JournaledNamespace("jobs_red"), ids, world_.call));
  EXPECT_FALSE(world_.VectorOf("jobs_red", 1));
  EXPECT_TRUE(world_.VectorOf("jobs_red", 2));
}

}  // namespace
}  // namespace rehome
