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
  throttle.Refused(1, Millis{3000});
  EXPECT_TRUE(throttle.Acquire(1, {}));
  EXPECT_GE(Elapsed(clock, start), Millis{3000});
  EXPECT_EQ(throttle.rate(), 50);
}

TEST(Throttle, ARefusalBeforeAnythingPassedIsNoRate) {
  ManualClock clock;
  const SteadyTime start = clock.Steady();
  Throttle throttle(clock, 0);
  throttle.Refused(8000, Millis{50});
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(throttle.Acquire(8000, {}));
  }
  EXPECT_EQ(Elapsed(clock, start), Millis{50});
}

TEST(Throttle, AGuessedRateIsOneOfWhatWasRefused) {
  ManualClock clock;
  Throttle throttle(clock, 0);
  throttle.Succeeded(5);
  throttle.Refused(8000);
  EXPECT_EQ(throttle.rate(), 4000);
}

TEST(Throttle, NothingWaitsLongForAGuess) {
  ManualClock clock;
  const SteadyTime start = clock.Steady();
  Throttle throttle(clock, 0);
  throttle.Succeeded(5);
  throttle.Refused(5);
  EXPECT_TRUE(throttle.Acquire(8000, {}));
  EXPECT_TRUE(throttle.Acquire(8000, {}));
  EXPECT_LT(Elapsed(clock, start), std::chrono::seconds{65});
}

}  // namespace
}  // namespace rehome
