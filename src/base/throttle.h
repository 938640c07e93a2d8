#pragma once
// throttle.h — at most so much a second, and less when the service refuses: the rate halves on a
// refusal and grows back by a fixed step with each success (AIMD).
#include <mutex>
#include <stop_token>

#include "base/clock.h"

namespace rehome {

/// A token bucket that may go into debt: what is larger than the bucket passes and what comes next
/// waits. Safe to call from several threads at once.
class Throttle {
 public:
  /// `per_second` 0: unlimited until the service refuses after something passed, then half of what
  /// passed in the second before, or of what it refused where that is more. It is a guess, so
  /// nothing waits for it longer than a minute. `burst`: how many seconds' worth may pass at once.
  Throttle(Clock& clock, double per_second, double burst = 1)
      : clock_(clock),
        ceiling_(per_second),
        burst_(burst),
        rate_(per_second),
        balance_(per_second * burst),
        updated_(clock.Steady()),
        blocked_until_(updated_),
        window_start_(updated_) {}

  /// Waits until `cost` may pass; false as soon as a stop is asked for.
  [[nodiscard]] bool Acquire(double cost, const std::stop_token& stop);
  void Succeeded(double cost);
  /// Nothing passes for the time that the service asked for.
  void Refused(double cost, Millis retry_after = Millis{0});

  /// What passes a second now; 0: unlimited.
  [[nodiscard]] double rate();

 private:
  /// How long to wait before `cost` may pass; 0: it passed.
  [[nodiscard]] Millis TryAcquire(double cost);
  void Refill();                    // requires mutex_
  void CountInWindow(double cost);  // requires mutex_

  Clock& clock_;
  const double ceiling_;  // 0: none
  const double burst_;
  std::mutex mutex_;
  // All below guarded by mutex_.
  double rate_;              // 0: unlimited
  double recovered_at_ = 0;  // without a ceiling: the rate at which the limit is dropped again
  double balance_;
  SteadyTime updated_;
  SteadyTime blocked_until_;
  SteadyTime window_start_;
  double window_cost_ = 0;  // passed since window_start_
  double window_rate_ = 0;  // passed a second in the window before
};

}  // namespace rehome
