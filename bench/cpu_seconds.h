#pragma once
// cpu_seconds.h — what a benchmark cost this process.
#include <sys/resource.h>

namespace rehome::bench {

/// User and system time of the whole process so far.
inline double CpuSeconds() {
  rusage usage{};
  static_cast<void>(getrusage(RUSAGE_SELF, &usage));
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace rehome::bench
