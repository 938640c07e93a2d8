#include "phases/feeds.h"

#include <gtest/gtest.h>

namespace rehome {
namespace {

/// Laps of an application that writes `written` documents a second, of which `carried` are carried.
class Chase {
 public:
  Chase(double written, double carried, double lag)
      : written_(written), carried_(carried), lag_(lag) {}

  LastLap Run(Millis longest) {
    const auto last = RunLaps(clock_, longest, [&]() -> Result<std::size_t> {
      ++laps_;
      const auto named = static_cast<std::size_t>(lag_);
      const double seconds = static_cast<double>(named) / carried_;
      clock_.Advance(Millis{static_cast<std::int64_t>(seconds * 1000)});
      lag_ = written_ * seconds;
      return named;
    });
    EXPECT_TRUE(last);
    return last.value_or(LastLap{});
  }
  [[nodiscard]] int laps() const { return laps_; }

 private:
  const double written_;
  const double carried_;
  double lag_;  // documents
  int laps_ = 0;
  ManualClock clock_;
};

constexpr Millis kNoLimit = Millis::max();
constexpr Millis kTenSeconds{10'000};

TEST(Laps, WithoutAWriterTheSecondOneFindsNothing) {
  Chase chase(0, 1000, 50'000);
  EXPECT_EQ(chase.Run(kNoLimit).named, 0U);
  EXPECT_EQ(chase.laps(), 2);
}

TEST(Laps, BesideASlowWriterTheyShrinkToNothing) {
  Chase chase(300, 1000, 1'000'000);
  EXPECT_EQ(chase.Run(kTenSeconds).named, 0U);
  EXPECT_LT(chase.laps(), 20);
}

TEST(Laps, BesideAWriterAlmostAsFastTheyShrinkUntilOneIsShortEnough) {
  Chase chase(800, 1000, 100'000);
  const LastLap last = chase.Run(kTenSeconds);
  EXPECT_GT(last.named, 0U);
  EXPECT_LE(last.took, kTenSeconds);
}

TEST(Laps, BesideAFasterWriterTheyEndAtOnceWhetherShortOrLong) {
  Chase brief(2000, 1000, 100);
  EXPECT_LE(brief.Run(kTenSeconds).took, kTenSeconds);
  EXPECT_EQ(brief.laps(), 2);
  Chase lengthy(1100, 1000, 60'000);
  EXPECT_GT(lengthy.Run(kTenSeconds).took, kTenSeconds);
  EXPECT_EQ(lengthy.laps(), 2);
}

TEST(Laps, AWriterOfOneDocumentWhoseLapIsASweepOfEverything) {
  ManualClock clock;
  int laps = 0;
  const auto last = RunLaps(clock, kTenSeconds, [&]() -> Result<std::size_t> {
    ++laps;
    clock.Advance(Millis{60'000});
    return 1;
  });
  ASSERT_TRUE(last);
  EXPECT_EQ(last->named, 1U);
  EXPECT_EQ(laps, 2);
}

TEST(Laps, AnErrorEndsThem) {
  ManualClock clock;
  const auto last = RunLaps(clock, kNoLimit, []() -> Result<std::size_t> {
    return Fail(ErrorCode::kUnavailable, "away");
  });
  ASSERT_FALSE(last);
  EXPECT_EQ(last.error().code, ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace rehome
