#include "base/throttle.h"

#include <gtest/gtest.h>

namespace rehome {
namespace {

Millis Elapsed(ManualClock& clock, SteadyTime start) {
  return std::chrono::duration_cast<Millis>(clock.Steady() - start);
}

TEST(Throttle, ABurstIsShareOfASecond) {
  ManualClock clock;
  const SteadyTime start = clock.Steady();
  Throttle throttle(clock, 100, 0.1);
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(throttle.Acquire(1, {}));
  }
  EXPECT_EQ(Elapsed(clock, start), Millis{0});
  EXPECT_TRUE(throttle.Acquire(1, {}));
  EXPECT_GT(Elapsed(clock, start), Millis{0});
}

TEST(Throttle, NothingPassesWhileTheServiceAskedToWait) {
  ManualClock clock;
  const SteadyTime start = clock.Steady();
  Throttle throttle(clock, 100);
  throttle.Refused(Millis{3000});
  EXPECT_TRUE(throttle.Acquire(1, {}));
  EXPECT_GE(Elapsed(clock, start), Millis{3000});
  EXPECT_EQ(throttle.rate(), 50);
}

}  // namespace
}  // namespace rehome
