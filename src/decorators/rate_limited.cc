#include "decorators/rate_limited.h"

#include <fmt/format.h>

namespace rehome {

Status RateLimiter::Acquire(const Operation& operation, const Call& call) {
  if (!throttle_.Acquire(operation.cost, call.stop)) {
    return Fail(ErrorCode::kCancelled,
                fmt::format("{} cancelled while it waited for the rate limit", operation.name));
  }
  return {};
}

}  // namespace rehome
