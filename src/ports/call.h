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
  /// Asked before an attempt is repeated (decorators/retrying.h): a runner that lost its lease while
  /// it waited repeats no write. Absent: it may.
  std::function<Status()> may_repeat = nullptr;
};

}  // namespace rehome
