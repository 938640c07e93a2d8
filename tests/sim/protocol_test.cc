#include "tests/sim/protocol.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

namespace rehome::sim {
namespace {

class Protocol : public ::testing::TestWithParam<Bounds> {};

TEST_P(Protocol, HoldsItsPromisesInEveryStateThatCanBeReached) {
  const Exploration found = Explore(GetParam());
  fmt::print("{} states, {} transitions\n", found.states, found.transitions);
  EXPECT_EQ(found.broken, "") << fmt::format("{}", fmt::join(found.way, " → "));
  EXPECT_GT(found.states, 100'000U);
}

INSTANTIATE_TEST_SUITE_P(SmallestData, Protocol,
                         ::testing::Values(Bounds{.writes = 1, .crashes = 1, .takeovers = 1}));

struct Planted {
  Bug bug;
  Bounds bounds;
};

TEST(ProtocolWithABug, IsFoundOut) {
  constexpr Bounds kCrash{.writes = 1, .crashes = 1, .takeovers = 0};
  constexpr Bounds kTakeOver{.writes = 1, .crashes = 0, .takeovers = 1};
  for (const auto& [bug, bounds] : std::vector<Planted>{{Bug::kCheckpointBeforeWrite, kCrash},
                                                        {Bug::kPositionBeforeWrite, kCrash},
                                                        {Bug::kMarkBeforeUpsert, kCrash},
                                                        {Bug::kNoLeaseCheck, kTakeOver},
                                                        {Bug::kNoFence, kCrash},
                                                        {Bug::kMoveWithoutIntent, kCrash},
                                                        {Bug::kDeleteMarked, kCrash}}) {
    const Exploration found = Explore(bounds, bug);
    EXPECT_NE(found.broken, "") << "bug " << static_cast<int>(bug);
  }
}

}  // namespace
}  // namespace rehome::sim
