#include "ports/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <set>

namespace rehome {
namespace {

/// Gives 1, 2, … up to `count`.
std::function<Result<std::optional<int>>()> Numbers(int count) {
  return [count, at = 0]() mutable -> Result<std::optional<int>> {
    return at == count ? std::nullopt : std::optional(++at);
  };
}

TEST(InParallel, WorksOffEveryPartOnce) {
  for (const std::size_t threads : {1U, 2U, 8U}) {
    for (const int count : {0, 1, 2, 100}) {
      std::mutex mutex;
      std::multiset<int> seen;
      ASSERT_TRUE(
          InParallel<int>(threads, {}, Numbers(count), [&](int part, const Call&) -> Status {
            const std::scoped_lock lock(mutex);
            seen.insert(part);
            return {};
          }));
      EXPECT_EQ(seen.size(), static_cast<std::size_t>(count));
      EXPECT_EQ(std::set<int>(seen.begin(), seen.end()).size(), seen.size());
    }
  }
}

TEST(InParallel, TheFirstErrorEndsItAndReachesWhatIsUnderWay) {
  std::atomic<int> worked = 0;
  const Status outcome =
      InParallel<int>(4, {}, Numbers(1000), [&](int part, const Call& call) -> Status {
        ++worked;
        if (part == 2) {
          return Fail(ErrorCode::kUnavailable, "part 2");
        }
        while (!call.stop.stop_requested()) {
          std::this_thread::yield();
        }
        return Fail(ErrorCode::kCancelled, "stopped");
      });
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kUnavailable);
  EXPECT_LE(worked, 8);
}

TEST(InParallel, AnErrorOfTheSourceEndsItToo) {
  int given = 0;
  const Status outcome = InParallel<int>(
      2, {},
      [&]() -> Result<std::optional<int>> {
        if (++given > 3) {
          return Fail(ErrorCode::kInvalidArgument, "part 4");
        }
        return std::optional(given);
      },
      [](int, const Call&) -> Status { return {}; });
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kInvalidArgument);
}

TEST(InParallel, TheCallersStopReachesTheParts) {
  std::stop_source stop;
  const Status outcome = InParallel<int>(
      2, {.stop = stop.get_token()}, Numbers(10), [&](int, const Call& call) -> Status {
        stop.request_stop();
        return call.stop.stop_requested() ? Status(Fail(ErrorCode::kCancelled, "stopped"))
                                          : Status();
      });
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kCancelled);
}

}  // namespace
}  // namespace rehome
