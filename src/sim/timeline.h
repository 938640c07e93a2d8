#pragma once
// timeline.h — simulated time and the order of everything in a simulated world. Time passes only
// when somebody waits or a call takes some; what is due meanwhile happens on the calling thread.
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/scheduler.h"

namespace rehome::sim {

struct PeriodicTask;

/// One thread only.
class Timeline final : public Clock, public Scheduler {
 public:
  explicit Timeline(Random random) : random_(random) {}

  WallTime Now() override { return wall_; }
  SteadyTime Steady() override { return steady_; }
  bool SleepFor(Millis delay, const std::stop_token& stop) override;
  [[nodiscard]] std::size_t Choose(std::size_t ways) override { return random_.Below(ways); }
  [[nodiscard]] std::shared_ptr<void> Every(Millis period, std::function<void()> task) override;

  /// Both clocks; what is due on the way is done at its time, in its order.
  void Pass(Millis by);
  /// The wall clock alone, forward or back: NTP, an operator, a resumed virtual machine.
  void JumpWall(Millis by) { wall_ += by; }

  /// While one lives, nothing that was due before it came is done: the process that asked for it
  /// stands still, time does not.
  class Standstill {
   public:
    explicit Standstill(Timeline& timeline)
        : timeline_(timeline), tasks_(std::exchange(timeline.tasks_, {})) {}
    Standstill(const Standstill&) = delete;
    Standstill& operator=(const Standstill&) = delete;
    ~Standstill() { timeline_.tasks_ = std::move(tasks_); }

   private:
    Timeline& timeline_;
    std::vector<std::shared_ptr<PeriodicTask>> tasks_;
  };

 private:
  Random random_;
  WallTime wall_{std::chrono::hours{24 * 365 * 50}};
  SteadyTime steady_{};
  std::vector<std::shared_ptr<PeriodicTask>> tasks_;
  bool busy_ = false;  // a task is being done: the time that it takes calls no other
};

}  // namespace rehome::sim
