#include "base/pump.h"

#include <gtest/gtest.h>

#include <map>
#include <mutex>

#include "base/random.h"

namespace rehome {
namespace {

struct Batch {
  std::size_t part = 0;
  int number = 0;
};
constexpr int kBatchesOfAPart = 20;

class AnyOrder final : public Scheduler {
 public:
  explicit AnyOrder(std::uint64_t seed) : random_(seed) {}
  std::size_t Choose(std::size_t ways) override {
    return static_cast<std::size_t>(random_.Below(ways));
  }
  std::shared_ptr<void> Every(Millis /*period*/, std::function<void()> /*task*/) override {
    return {};
  }

 private:
  Random random_;
};

/// Every part gives the numbers 0 … kBatchesOfAPart-1; `fails_at` of part 1 is an error instead.
Result<Pump<Batch>::Source> Numbers(std::size_t part, int fails_at = -1) {
  return [part, fails_at, next = 0]() mutable -> Result<std::optional<Batch>> {
    if (part == 1 && next == fails_at) {
      return Fail(ErrorCode::kDataLoss, "the source broke");
    }
    if (next == kBatchesOfAPart) {
      return std::nullopt;
    }
    return Batch{part, next++};
  };
}

// The parameter is the number of threads, 0 for none at all, or one of these: a scheduler of any
// order; three threads that consume what they made.
constexpr int kScheduled = 100;
constexpr int kEachConsumes = 200;
constexpr int kThreads = 3;

/// The same stages under every runner.
class PumpTest : public ::testing::TestWithParam<int> {
 protected:
  Status Run(std::size_t parts, const Pump<Batch>::Open& open, const Pump<Batch>::Consume& consume,
             const std::stop_token& stop = {}) {
    AnyOrder order(7);
    Pump<Batch>::Options options;
    options.threads = static_cast<std::size_t>(GetParam() >= kScheduled ? kThreads : GetParam());
    options.scheduler = GetParam() == kScheduled ? &order : nullptr;
    options.each_consumes = GetParam() == kEachConsumes;
    std::mutex one;
    return Pump<Batch>::Run(parts, options, stop, open, [&](Batch batch) {
      const std::scoped_lock lock(one);
      return consume(batch);
    });
  }
};

TEST_P(PumpTest, ConsumesEveryBatchThoseOfAPartInTheirOrder) {
  std::map<std::size_t, int> seen;
  const Status status = Run(
      7, [](std::size_t part) { return Numbers(part); },
      [&](Batch batch) -> Status {
        EXPECT_EQ(batch.number, seen[batch.part]++);
        return {};
      });
  EXPECT_TRUE(status);
  EXPECT_EQ(seen.size(), 7U);
  for (const auto& [part, count] : seen) {
    EXPECT_EQ(count, kBatchesOfAPart) << part;
  }
}

TEST_P(PumpTest, NoPartsIsDone) {
  EXPECT_TRUE(
      Run(0, [](std::size_t part) { return Numbers(part); }, [](Batch) { return Status{}; }));
}

TEST_P(PumpTest, AnErrorOfASourceEndsItAll) {
  const Status status =
      Run(3, [](std::size_t part) { return Numbers(part, 5); }, [](Batch) { return Status{}; });
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kDataLoss);
}

TEST_P(PumpTest, AnErrorOfTheConsumerWinsAndNothingIsBegunAfterIt) {
  int consumed = 0;
  const Status status = Run(
      3, [](std::size_t part) { return Numbers(part); },
      [&](Batch) -> Status {
        if (++consumed == 4) {
          return Fail(ErrorCode::kUnavailable, "the store went away");
        }
        return {};
      });
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kUnavailable);
  if (GetParam() != kEachConsumes) {  // the others may go on until they hear of it
    EXPECT_EQ(consumed, 4);
  }
}

TEST_P(PumpTest, AStopEndsItAsCancelled) {
  std::stop_source stop;
  int consumed = 0;
  const Status status = Run(
      3, [](std::size_t part) { return Numbers(part); },
      [&](Batch) -> Status {
        if (++consumed == 2) {
          stop.request_stop();
        }
        return {};
      },
      stop.get_token());
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kCancelled);
  EXPECT_LT(consumed, 3 * kBatchesOfAPart);
}

TEST_P(PumpTest, APartThatCannotBeOpenedIsItsError) {
  const Status status = Run(
      2,
      [](std::size_t part) -> Result<Pump<Batch>::Source> {
        return part == 1 ? Fail(ErrorCode::kNotFound, "no such part")
                         : Result<Pump<Batch>::Source>(Numbers(part));
      },
      [](Batch) { return Status{}; });
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kNotFound);
}

INSTANTIATE_TEST_SUITE_P(Runners, PumpTest,
                         ::testing::Values(0, 1, kThreads, kScheduled, kEachConsumes),
                         [](const ::testing::TestParamInfo<int>& runner) {
                           return runner.param == 0            ? std::string("Inline")
                                  : runner.param == kScheduled ? std::string("Scheduled")
                                  : runner.param == kEachConsumes
                                      ? std::string("EachConsumes")
                                      : "Threads" + std::to_string(runner.param);
                         });

}  // namespace
}  // namespace rehome
