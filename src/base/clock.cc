#include "base/clock.h"

#include <fmt/format.h>

#include <condition_variable>
#include <ctime>

namespace rehome {

WallTime SystemClock::Now() {
  return std::chrono::time_point_cast<Millis>(std::chrono::system_clock::now()) + offset_;
}

SteadyTime SystemClock::Steady() {
  // CLOCK_MONOTONIC, std::chrono's, stands still while the machine is suspended: a lease would look
  // younger than it is.
  timespec time{};
  ::clock_gettime(CLOCK_BOOTTIME, &time);
  return SteadyTime(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
}

bool SystemClock::SleepFor(Millis delay, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  static_cast<void>(wake.wait_for(lock, stop, delay, [] { return false; }));
  return !stop.stop_requested();
}

WallTime ManualClock::Now() {
  const std::scoped_lock lock(mutex_);
  return now_;
}

SteadyTime ManualClock::Steady() {
  const std::scoped_lock lock(mutex_);
  return steady_;
}

bool ManualClock::SleepFor(Millis delay, const std::stop_token& stop) {
  Advance(delay);
  return !stop.stop_requested();
}

void ManualClock::Advance(Millis by) {
  const std::scoped_lock lock(mutex_);
  now_ += by;
  steady_ += by;
}

std::string FormatTime(WallTime time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  const auto days = std::chrono::floor<std::chrono::days>(seconds);
  const std::chrono::year_month_day date(days);
  const std::chrono::hh_mm_ss clock(seconds - days);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count(),
                     (time - seconds).count());
}

std::string FormatDuration(Millis duration) {
  const auto ms = duration.count();
  if (ms < 1000) {
    return fmt::format("{} ms", ms);
  }
  if (ms < 60'000) {
    return fmt::format("{:.1f} s", static_cast<double>(ms) / 1000.0);
  }
  const auto minutes = ms / 60'000;
  if (minutes < 60) {
    return fmt::format("{} min {:02} s", minutes, (ms / 1000) % 60);
  }
  return fmt::format("{} h {:02} min", minutes / 60, minutes % 60);
}

}  // namespace rehome
