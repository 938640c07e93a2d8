#pragma once
// clock.h — the only source of time. Wall time is for what a person reads and for gates (24 h); the
// steady clock is for durations and leases. Everything that waits waits through SleepFor, so that a
// test or a simulation moves time itself.
#include <chrono>
#include <cstdint>
#include <mutex>
#include <stop_token>
#include <string>

namespace rehome {

using Millis = std::chrono::milliseconds;
/// Wall time, milliseconds since the Unix epoch, UTC.
using WallTime = std::chrono::sys_time<Millis>;
/// A point on the monotonic clock; comparable only within one process.
using SteadyTime = std::chrono::steady_clock::time_point;

class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual WallTime Now() = 0;
  [[nodiscard]] virtual SteadyTime Steady() = 0;
  /// Waits for `delay`; returns false as soon as a stop is asked for.
  virtual bool SleepFor(Millis delay, const std::stop_token& stop) = 0;
};

class SystemClock final : public Clock {
 public:
  /// `offset` is added to the wall clock: tests of gates that count days. Never set from the
  /// command line.
  explicit SystemClock(Millis offset = Millis{0}) : offset_(offset) {}
  WallTime Now() override;
  SteadyTime Steady() override;
  bool SleepFor(Millis delay, const std::stop_token& stop) override;

 private:
  Millis offset_;
};

/// Time that stands still until somebody sleeps or advances it.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(WallTime now = WallTime{std::chrono::hours{24 * 365 * 50}}) : now_(now) {}
  WallTime Now() override;
  SteadyTime Steady() override;
  bool SleepFor(Millis delay, const std::stop_token& stop) override;
  void Advance(Millis by);

 private:
  std::mutex mutex_;
  WallTime now_;         // guarded by mutex_
  SteadyTime steady_{};  // guarded by mutex_
};

/// "2026-11-23T11:49:02.123Z".
[[nodiscard]] std::string FormatTime(WallTime time);
/// "1 h 02 min", "4.2 s", "35 ms": for people.
[[nodiscard]] std::string FormatDuration(Millis duration);

}  // namespace rehome
