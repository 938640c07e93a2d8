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
  /// Asked before, in and after the wait for another attempt (decorators/retrying.h) or for a write to
  /// show: a runner that lost its lease meanwhile repeats no write, one that was told to stop waits
  /// for no store, and no longer than a write pause may last. Absent: it may.
  std::function<Status()> may_repeat = nullptr;
};

}  // namespace rehome
