#pragma once
// phase.h — the mission's phases, a run's states, and which may follow which. The table is the
// documentation, the guard and the test oracle.
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace rehome {

enum class Phase : std::uint8_t {
  kPrepare = 0,
  kTenants = 1,
  kItems = 2,
  kVectors = 3,
  kCutover = 4,
  kRetire = 5
};
inline constexpr std::array kPhases{Phase::kPrepare, Phase::kTenants, Phase::kItems,
                                    Phase::kVectors, Phase::kCutover, Phase::kRetire};
[[nodiscard]] std::string_view Name(Phase phase);
[[nodiscard]] constexpr int Number(Phase phase) {
  return static_cast<int>(phase);
}
[[nodiscard]] std::optional<Phase> PhaseOf(int number);

enum class PhaseState : std::uint8_t { kPending, kRunning, kDone, kUndoing, kUndone };
[[nodiscard]] std::string_view Name(PhaseState state);
[[nodiscard]] std::optional<PhaseState> PhaseStateOf(std::string_view name);

enum class RunState : std::uint8_t {
  kNew,
  kRunning,
  kInterrupted,
  kFailed,
  kMigrated,
  kCutOver,
  kRolledBack,
  kRetired,
};
[[nodiscard]] std::string_view Name(RunState state);
[[nodiscard]] std::optional<RunState> RunStateOf(std::string_view name);

struct RunTransition {
  RunState from;
  RunState to;
  std::string_view evidence;
};
inline constexpr std::array kRunTransitions{
    RunTransition{RunState::kNew, RunState::kRunning, "the lease is held"},
    RunTransition{RunState::kRunning, RunState::kInterrupted,
                  "a stop was asked for, or retries ran out"},
    RunTransition{RunState::kRunning, RunState::kFailed, "a check or a precondition refused"},
    RunTransition{RunState::kRunning, RunState::kMigrated,
                  "phase 3 left its restore point, or cutover was put back"},
    RunTransition{RunState::kRunning, RunState::kCutOver,
                  "every pointer flipped, the cutover journaled complete"},
    RunTransition{RunState::kRunning, RunState::kRolledBack, "every phase undone"},
    RunTransition{RunState::kRunning, RunState::kRetired,
                  "every legacy collection dropped after its backup verified"},
    RunTransition{RunState::kInterrupted, RunState::kRunning, "the lease is held"},
    RunTransition{RunState::kFailed, RunState::kRunning, "the lease is held"},
    RunTransition{RunState::kMigrated, RunState::kRunning, "the lease is held"},
    RunTransition{RunState::kCutOver, RunState::kRunning, "the lease is held"},
    RunTransition{RunState::kRolledBack, RunState::kRunning, "the lease is held"},
    RunTransition{RunState::kRetired, RunState::kRunning, "the lease is held"},
};
[[nodiscard]] constexpr bool IsAllowed(RunState from, RunState to) {
  for (const RunTransition& transition : kRunTransitions) {
    if (transition.from == from && transition.to == to) {
      return true;
    }
  }
  return false;
}
static_assert(!IsAllowed(RunState::kNew, RunState::kCutOver));

}  // namespace rehome
