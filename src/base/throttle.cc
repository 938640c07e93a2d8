#include "base/throttle.h"

#include <algorithm>
#include <cmath>

namespace rehome {
namespace {

constexpr double kDecrease = 0.5;
constexpr double kIncreaseOfCeiling = 0.02;  // 25 successes undo one refusal
constexpr double kFloorOfCeiling = 1.0 / 64;
constexpr double kGuessedWaitMaxSeconds = 60;

double Seconds(SteadyTime from, SteadyTime to) {
  return std::chrono::duration<double>(to - from).count();
}

}  // namespace

double Throttle::rate() {
  const std::scoped_lock lock(mutex_);
  return rate_;
}

bool Throttle::Acquire(double cost, const std::stop_token& stop) {
  while (cost > 0) {
    const Millis wait = TryAcquire(cost);
    if (wait == Millis{0}) {
      return true;
    }
    if (!clock_.SleepFor(wait, stop)) {
      return false;
    }
  }
  return true;
}

Millis Throttle::TryAcquire(double cost) {
  const std::scoped_lock lock(mutex_);
  Refill();
  if (updated_ < blocked_until_) {
    return std::chrono::ceil<Millis>(blocked_until_ - updated_);
  }
  if (rate_ == 0 || balance_ > 0) {
    balance_ -= rate_ == 0 ? 0 : cost;
    if (ceiling_ == 0) {
      balance_ = std::max(balance_, -rate_ * kGuessedWaitMaxSeconds);
    }
    return Millis{0};
  }
  return Millis{static_cast<std::int64_t>(std::ceil((1 - balance_) / rate_ * 1000)) + 1};
}

void Throttle::Refill() {
  const SteadyTime now = clock_.Steady();
  balance_ = std::min(rate_ * burst_, balance_ + Seconds(updated_, now) * rate_);
  updated_ = now;
}

void Throttle::CountInWindow(double cost) {
  const SteadyTime now = clock_.Steady();
  const double seconds = Seconds(window_start_, now);
  if (seconds >= 1) {
    window_rate_ = window_cost_ / seconds;
    window_cost_ = 0;
    window_start_ = now;
  }
  window_cost_ += cost;
}

void Throttle::Succeeded(double cost) {
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

void Throttle::Refused(double cost, Millis retry_after) {
  const std::scoped_lock lock(mutex_);
  Refill();
  blocked_until_ = std::max(blocked_until_, updated_ + retry_after);
  if (rate_ == 0) {
    const double passed = std::max(window_rate_, window_cost_);
    if (passed == 0) {
      return;  // nothing tells how much is too much: who was refused waits before it asks again
    }
    rate_ = std::max(passed, cost);
    recovered_at_ = 2 * rate_;
  }
  const double top = ceiling_ > 0 ? ceiling_ : recovered_at_;
  rate_ = std::max(rate_ * kDecrease, top * kFloorOfCeiling);
  balance_ = std::min(balance_, 0.0);
}

}  // namespace rehome
