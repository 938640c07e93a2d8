// The plan of two tenants in simulated worlds; and bugs planted below the engine, which must be
// found out.
#include "sim/torture.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "adapters/hashing/hashing_embedder.h"
#include "base/random.h"
#include "plan/load.h"
#include "tests/sim/spoiled_stores.h"

namespace rehome::sim {
namespace {

constexpr std::uint64_t kFirstSeed = 200;
constexpr std::uint64_t kWorlds = 500;

Plan ThePlan() {
  const auto loaded = LoadPlan(REHOME_SOURCE_DIR "/tests/sim/plan.yaml", {},
                               [](const std::string&) { return std::nullopt; });
  CHECK(loaded.has_value() && loaded->plan.has_value());
  return *loaded->plan;
}

class TortureTest : public ::testing::Test {
 protected:
  TortureTest() { std::filesystem::create_directories(directory_); }
  ~TortureTest() override {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }

  TortureReport Live(std::uint64_t seed, std::uint64_t worlds, const WorldKind& kind = {},
                     std::size_t threads = std::max(1U, std::thread::hardware_concurrency())) {
    const Plan plan = ThePlan();
    const Sample sample = GenerateSample(plan, 60, Random(7));
    auto report = Torture(plan, sample, kind,
                          {.seed = seed,
                           .worlds = worlds,
                           .threads = threads,
                           .failures_max = 3,
                           .directory = directory_,
                           .embedder = []() -> Result<std::shared_ptr<Embedder>> {
                             REHOME_TRY_ASSIGN(auto embedder, HashingEmbedder::Create(kDimension));
                             return std::shared_ptr<Embedder>(std::move(embedder));
                           }});
    CHECK(report.has_value());
    return *std::move(report);
  }

 private:
  const std::filesystem::path directory_ =
      std::filesystem::temp_directory_path() / ("rehome-torture-" + RandomHex(8));
};

TEST_F(TortureTest, NothingIsLostWhateverHappens) {
  const TortureReport report = Live(kFirstSeed, kWorlds);
  EXPECT_EQ(report.worlds(), kWorlds);
  for (const WorldFailure& failure : report.failures) {
    ADD_FAILURE() << "seed " << failure.seed << ": " << failure.what;
  }
  for (const auto& [what, count] : report.survived) {
    fmt::print("{:>10} {}\n", count, what);
  }
  for (const char* what :
       {"crashes at a write", "replies lost after the effect",
        "leases taken over from a runner that stood still", "documents moved between tenants",
        "cutovers reverted", "runs rolled back", "clock jumps", "old sides retired",
        "backups of phase 0 made and proved"}) {
    EXPECT_GT(report.survived.contains(what) ? report.survived.at(what) : 0, 5U) << what;
  }
}

TEST_F(TortureTest, AWorldDependsOnItsSeedAlone) {
  const TortureReport first = Live(kFirstSeed, 100, {}, 1);
  const TortureReport again = Live(kFirstSeed, 100, {}, 3);
  EXPECT_EQ(first.survived, again.survived);
}

TEST_F(TortureTest, WhatIsReportedOfAFailureDoesNotDependOnTheThreads) {
  const Plan plan = ThePlan();
  WorldKind kind;
  kind.spoil_documents = [&](std::shared_ptr<DocumentStore> store) {
    return std::make_shared<EarlyCursor>(std::move(store), plan.items.to);
  };
  const TortureReport first = Live(kFirstSeed, 1000, kind, 1);
  const TortureReport again = Live(kFirstSeed, 1000, kind, 3);
  ASSERT_FALSE(first.failures.empty());
  EXPECT_EQ(first.survived, again.survived);
  ASSERT_EQ(first.failures.size(), again.failures.size());
  for (std::size_t i = 0; i < first.failures.size(); ++i) {
    EXPECT_EQ(first.failures[i].seed, again.failures[i].seed);
  }
}

TEST_F(TortureTest, ACursorThatMovesTooEarlyIsFoundOut) {
  const Plan plan = ThePlan();
  WorldKind kind;
  kind.spoil_documents = [&](std::shared_ptr<DocumentStore> store) {
    return std::make_shared<EarlyCursor>(std::move(store), plan.items.to);
  };
  EXPECT_FALSE(Live(kFirstSeed, 1000, kind).failures.empty());
}

TEST_F(TortureTest, AnIdThatIsNotDerivedIsFoundOut) {
  std::atomic<int> sessions = 0;
  WorldKind kind;
  kind.spoil_vectors = [&](std::shared_ptr<VectorStore> store) {
    return std::make_shared<CountedIds>(std::move(store), ++sessions);
  };
  EXPECT_FALSE(Live(kFirstSeed, 1000, kind).failures.empty());
}

}  // namespace
}  // namespace rehome::sim
