#include "sim/timeline.h"

#include <algorithm>

namespace rehome::sim {

struct PeriodicTask {
  Millis period;
  SteadyTime due;
  std::function<void()> run;
  bool over = false;
};

std::shared_ptr<void> Timeline::Every(Millis period, std::function<void()> task) {
  const auto made = std::make_shared<PeriodicTask>(
      PeriodicTask{.period = period, .due = steady_ + period, .run = std::move(task)});
  tasks_.push_back(made);
  return {made.get(), [made](void*) { made->over = true; }};
}

bool Timeline::SleepFor(Millis delay, const std::stop_token& stop) {
  Pass(delay);
  return !stop.stop_requested();
}

void Timeline::Pass(Millis by) {
  const SteadyTime end = steady_ + by;
  const auto reach = [this](SteadyTime time) {
    wall_ += std::chrono::duration_cast<Millis>(time - steady_);
    steady_ = time;
  };
  while (!busy_) {
    std::erase_if(tasks_, [](const auto& task) { return task->over; });
    const auto next =
        std::ranges::min_element(tasks_, {}, [](const auto& task) { return task->due; });
    if (next == tasks_.end() || (*next)->due > end) {
      break;
    }
    // A copy: what it runs may add tasks.
    // NOLINTNEXTLINE(performance-unnecessary-copy-initialization)
    const std::shared_ptr<PeriodicTask> task = *next;
    reach(std::max(steady_, task->due));
    task->due = steady_ + task->period;
    busy_ = true;
    task->run();
    busy_ = false;
  }
  if (steady_ < end) {
    reach(end);
  }
}

}  // namespace rehome::sim
