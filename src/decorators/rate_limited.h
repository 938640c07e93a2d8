#pragma once
// rate_limited.h — at most so many vectors or tokens a second, and fewer when the service refuses:
// the rate halves on kResourceExhausted and grows back by a fixed step with each success (AIMD).
#include <memory>
#include <mutex>

#include "base/clock.h"
#include "decorators/intercepted.h"

namespace rehome {

/// A token bucket that may go into debt: a call larger than the bucket passes and the next ones
/// wait. Safe to call from several threads at once.
class RateLimiter {
 public:
  static constexpr bool kNeedsCost = true;

  /// `per_second` of Operation::cost; 0: unlimited until the service refuses for the first time,
  /// then half of what passed in the second before.
  RateLimiter(Clock& clock, double per_second)
      : clock_(clock),
        ceiling_(per_second),
        rate_(per_second),
        balance_(per_second),
        updated_(clock.Steady()),
        window_start_(updated_) {}

  template <class F>
  auto Run(const Operation& operation, const Call& call, F attempt) -> decltype(attempt(call)) {
    REHOME_TRY(Acquire(operation, call));
    auto result = attempt(call);
    if (result) {
      Succeeded(operation.cost);
    } else if (result.error().code == ErrorCode::kResourceExhausted) {
      Refused();
    }
    return result;
  }

  /// What passes a second now; 0: unlimited.
  [[nodiscard]] double rate();

 private:
  [[nodiscard]] Status Acquire(const Operation& operation, const Call& call);
  void Succeeded(double cost);
  void Refused();
  void Refill();                    // requires mutex_
  void CountInWindow(double cost);  // requires mutex_

  Clock& clock_;
  const double ceiling_;  // 0: none
  std::mutex mutex_;
  // All below guarded by mutex_.
  double rate_;              // 0: unlimited
  double recovered_at_ = 0;  // without a ceiling: the rate at which the limit is dropped again
  double balance_;
  SteadyTime updated_;
  SteadyTime window_start_;
  double window_cost_ = 0;  // passed since window_start_
  double window_rate_ = 0;  // passed a second in the window before
};

using RateLimitedDocumentStore = InterceptedDocumentStore<RateLimiter>;
using RateLimitedVectorStore = InterceptedVectorStore<RateLimiter>;
using RateLimitedEmbedder = InterceptedEmbedder<RateLimiter>;

}  // namespace rehome
