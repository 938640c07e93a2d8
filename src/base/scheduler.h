#pragma once
// scheduler.h — who decides what happens next where there are no threads. The product runs on
// threads and has none of these; a simulation gives one, and everything happens on the calling
// thread in the order that it chooses.
#include <cstddef>
#include <functional>
#include <memory>

#include "base/clock.h"

namespace rehome {

class Scheduler {
 public:
  virtual ~Scheduler() = default;
  /// Which of `ways` things that could happen now does: 0 … ways-1; `ways` > 0.
  [[nodiscard]] virtual std::size_t Choose(std::size_t ways) = 0;
  /// Calls `task` each time `period` has passed on the clock, until the result is destroyed.
  [[nodiscard]] virtual std::shared_ptr<void> Every(Millis period, std::function<void()> task) = 0;
};

}  // namespace rehome
