#pragma once
// weather.h — what goes wrong in one session of a simulated world, drawn from the world's seed.
#include <functional>
#include <memory>

#include "base/random.h"
#include "sim/arena.h"
#include "sim/faulty_stores.h"
#include "sim/timeline.h"

namespace rehome::sim {

/// How bad it is: chances per port call.
struct Climate {
  double faults = 0;           // the service refuses, tears a batch or loses a reply
  double storms = 0;           // a storm of refusals begins
  double writes = 0;           // the application writes between two calls
  double jumps = 0;            // the wall clock jumps
  double standstills = 0;      // the process stands still for up to a minute
  Millis latency_max{0};       // of one call
  std::uint64_t crash_at = 0;  // call number; 0: never
  Fault crash = Fault::kDieBefore;

  /// Every world has a climate of its own: most have some of these, few have all.
  [[nodiscard]] static Climate Draw(Random& random);
};

/// What the weather does besides faults.
struct Happenings {
  std::function<void()> application_writes;
  std::function<void()> stands_still;  // time passes for everybody else
  std::function<void()> dies;
};

/// The faults of one session. Everything is borrowed for its life.
[[nodiscard]] std::shared_ptr<Faults> Weather(const Climate& climate, Random& random,
                                              Timeline& timeline, const Happenings& happenings,
                                              Tally& tally);

}  // namespace rehome::sim
