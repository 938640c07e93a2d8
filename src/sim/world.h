#pragma once
// world.h — one simulated world: an application that moves, and everything that can go wrong while
// it does. Drawn from one number; the same number gives the same world, call for call.
#include <cstdint>

#include "sim/arena.h"

namespace rehome::sim {

/// Lives one world to its end and judges it. kCheckFailed: a promise was broken, or something did
/// not heal; the message says in which step and how. `tally` counts what was survived.
[[nodiscard]] Status LiveWorld(const Arena& arena, std::uint64_t seed, Tally& tally);

}  // namespace rehome::sim
