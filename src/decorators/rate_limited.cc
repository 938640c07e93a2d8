#include "decorators/rate_limited.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace rehome {
namespace {

constexpr double kDecrease = 0.5;
constexpr double kIncreaseOfCeiling = 0.02;  // 25 successes undo one refusal
constexpr double kFloorOfCeiling = 1.0 / 64;

double Seconds(SteadyTime from, SteadyTime to) {
  return std::chrono::duration<double>(to - from).count();
}

}  // namespace

double RateLimiter::rate() {
  const std::scoped_lock lock(mutex_);
  return rate_;
}

Status RateLimiter::Acquire(const Operation& operation, const Call& call) {
  while (operation.cost > 0) {
    Millis wait{0};
    {
      const std::scoped_lock lock(mutex_);
      Refill();
      if (rate_ == 0 || balance_ > 0) {
        balance_ -= rate_ == 0 ? 0 : operation.cost;
        return {};
      }
      wait = Millis{static_cast<std::int64_t>(std::ceil((1 - balance_) / rate_ * 1000)) + 1};
    }
    if (!clock_.SleepFor(wait, call.stop)) {
      return Fail(ErrorCode::kCancelled,
                  fmt::format("{} cancelled while it waited for the rate limit", operation.name));
    }
  }
  return {};
}

void RateLimiter::Refill() {
  const SteadyTime now = clock_.Steady();
  balance_ =
      std::min(rate_, balance_ + Seconds(updated_, now) * rate_);  // at most one second's worth
  updated_ = now;
}

void RateLimiter::CountInWindow(double cost) {
  const SteadyTime now = clock_.Steady();
  const double seconds = Seconds(window_start_, now);
  if (seconds >= 1) {
    window_rate_ = window_cost_ / seconds;
    window_cost_ = 0;
    window_start_ = now;
  }
  window_cost_ += cost;
}

void RateLimiter::Succeeded(double cost) {
  const std::scoped_lock lock(mutex_);
  CountInWindow(cost);
  if (rate_ == 0 || cost == 0) {
    return;
  }
  const double top = ceiling_ > 0 ? ceiling_ : recovered_at_;
  rate_ = std::min(top, rate_ + top * kIncreaseOfCeiling);
  if (ceiling_ == 0 && rate_ >= top) {
    rate_ = 0;
  }
}

void RateLimiter::Refused() {
  const std::scoped_lock lock(mutex_);
  Refill();
  if (rate_ == 0) {
    rate_ = std::max({window_rate_, window_cost_, 1.0});
    recovered_at_ = 2 * rate_;
  }
  const double top = ceiling_ > 0 ? ceiling_ : recovered_at_;
  rate_ = std::max(rate_ * kDecrease, top * kFloorOfCeiling);
  balance_ = std::min(balance_, 0.0);
}

}  // namespace rehome
