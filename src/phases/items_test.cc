#include <gtest/gtest.h>

#include "phases/phases.h"
#include "tests/support/phase_world.h"

namespace rehome {
namespace {

using testing_support::MemoryDocumentStore;
using testing_support::PhaseWorld;

constexpr int kDocuments = 4000;
constexpr int kUnmappableEach = 10;

/// A memory store that has room for one writer, or for several at once.
class Store final : public MemoryDocumentStore {
 public:
  explicit Store(bool side_by_side) : side_by_side_(side_by_side) {}
  bool WritesSideBySide() const override { return side_by_side_; }

 private:
  const bool side_by_side_;
};

struct Moved {
  PhaseOutcome outcome;
  std::vector<Value> quarantined;
  std::uint64_t items = 0;
};

Moved Move(int workers, bool side_by_side) {
  PhaseWorld world;
  const auto store = std::make_shared<Store>(side_by_side);
  world.documents = store;
  for (int id = 0; id < kDocuments; ++id) {
    if (id % kUnmappableEach == 0) {
      world.Insert(world.plan.items.from, R"({"_id": )" + std::to_string(id) + "}");
    } else {
      world.InsertSource(id);
    }
  }
  world.plan.limits.workers = workers;
  Deps deps = world.MakeDeps();
  deps.stores.source_documents = store;
  deps.stores.target_documents = store;
  auto session = Session::Open(world.plan, PlanRule::kMustMatch, true, deps);
  CHECK(session.has_value());
  auto outcome = RunItems(**session, true);
  CHECK(outcome.has_value());
  auto quarantined = (*session)->quarantine().ListIds({});
  CHECK(quarantined.has_value());
  return {*std::move(outcome), *std::move(quarantined), *store->Count(world.plan.items.to, {})};
}

TEST(Items, AreTheSameHoweverManyWorkersWriteThem) {
  const Moved alone = Move(1, false);
  EXPECT_EQ(alone.items, kDocuments - kDocuments / kUnmappableEach);
  EXPECT_EQ(alone.quarantined.size(), kDocuments / kUnmappableEach);
  for (const bool side_by_side : {false, true}) {
    const Moved together = Move(4, side_by_side);
    EXPECT_EQ(together.outcome.digest, alone.outcome.digest);
    EXPECT_EQ(together.outcome.counts, alone.outcome.counts);
    EXPECT_EQ(together.quarantined, alone.quarantined);
    EXPECT_EQ(together.items, alone.items);
  }
}

}  // namespace
}  // namespace rehome
