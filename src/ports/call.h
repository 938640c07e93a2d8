#pragma once
// call.h — what every port call carries.
#include <functional>
#include <stop_token>

#include "base/clock.h"
#include "base/error.h"

namespace rehome {

/// A stop seen before any effect returns kCancelled. No single request outlives `timeout`, which is
/// shorter than the lease's rest (journal/lease.h), so that a runner that lost its lease has no
/// write under way.
struct Call {
  std::stop_token stop;
  Millis timeout{10'000};
  /// Asked before and after the wait for another attempt (decorators/retrying.h): a runner that lost
  /// its lease meanwhile repeats no write, and one that was told to stop waits for no store. Absent:
  /// it may.
  std::function<Status()> may_repeat = nullptr;
};

}  // namespace rehome
