#pragma once
// rate_limited.h — at most so many vectors or tokens a second, and fewer when the service refuses
// (base/throttle.h).
#include <memory>

#include "base/throttle.h"
#include "decorators/intercepted.h"

namespace rehome {

/// Counts Operation::cost. Safe to call from several threads at once.
class RateLimiter {
 public:
  static constexpr bool kNeedsCost = true;

  /// `per_second` 0: unlimited until the service refuses for the first time.
  RateLimiter(Clock& clock, double per_second) : throttle_(clock, per_second) {}

  template <class F>
  auto Run(const Operation& operation, const Call& call, F attempt) -> decltype(attempt(call)) {
    REHOME_TRY(Acquire(operation, call));
    auto result = attempt(call);
    if (result) {
      throttle_.Succeeded(operation.cost);
    } else if (result.error().code == ErrorCode::kResourceExhausted) {
      throttle_.Refused(operation.cost);
    }
    return result;
  }

  /// What passes a second now; 0: unlimited.
  [[nodiscard]] double rate() { return throttle_.rate(); }

 private:
  [[nodiscard]] Status Acquire(const Operation& operation, const Call& call);

  Throttle throttle_;
};

using RateLimitedDocumentStore = InterceptedDocumentStore<RateLimiter>;
using RateLimitedVectorStore = InterceptedVectorStore<RateLimiter>;
using RateLimitedEmbedder = InterceptedEmbedder<RateLimiter>;

}  // namespace rehome
