#include "decorators/retrying.h"

#include <fmt/format.h>

#include <algorithm>

namespace rehome {
namespace {

// A service may ask for a wait of minutes: so often it is asked whether it is still worth it.
constexpr Millis kLook{1'000};

}  // namespace

Status RetryPolicy::WaitToRepeat(const Operation& operation, const Call& call, int attempts,
                                 const Error& error) {
  if (!MayRepeat(operation, attempts, error)) {
    Error last = error;
    return std::unexpected(attempts == 1
                               ? std::move(last)
                               : std::move(last).In(fmt::format("after {} attempts", attempts)));
  }
  REHOME_TRY(call.may_repeat ? call.may_repeat() : Status{});
  for (Millis left = Delay(attempts, error); left > Millis{0}; left -= kLook) {
    if (!clock_.SleepFor(std::min(left, kLook), call.stop)) {
      return Fail(ErrorCode::kCancelled,
                  fmt::format("{} cancelled while it waited to be repeated after: {}",
                              operation.name, error.message));
    }
    REHOME_TRY(call.may_repeat ? call.may_repeat() : Status{});
  }
  return {};
}

bool RetryPolicy::MayRepeat(const Operation& operation, int attempts, const Error& error) {
  const bool hopeless =
      operation.exhaustion_is_final && error.code == ErrorCode::kResourceExhausted;
  if (!IsRetryable(error.code) || hopeless ||
      error.retry_after_ms > options_.retry_after_max.count()) {
    return false;
  }
  const std::scoped_lock lock(mutex_);
  const bool at_first = !succeeded_ && options_.attempts_max_at_first > 0;
  const int attempts_max = at_first ? options_.attempts_max_at_first : options_.attempts_max;
  if (attempts >= attempts_max || budget_ < 1) {
    return false;
  }
  budget_ -= 1;
  return true;
}

Millis RetryPolicy::Delay(int attempts, const Error& error) {
  double ceiling = static_cast<double>(options_.delay_first.count());
  const auto cap = static_cast<double>(options_.delay_max.count());
  for (int i = 1; i < attempts && ceiling < cap; ++i) {
    ceiling *= 2;
  }
  const std::scoped_lock lock(mutex_);
  const auto jitter = static_cast<std::int64_t>(random_.Unit() * std::min(ceiling, cap));
  return Millis{error.retry_after_ms + jitter};  // jitter on top: not everyone at the same instant
}

void RetryPolicy::Succeeded() {
  const std::scoped_lock lock(mutex_);
  succeeded_ = true;
  budget_ = std::min(options_.budget, budget_ + options_.budget_refill);
}

}  // namespace rehome
