#include "model/phase.h"

namespace rehome {

std::string_view Name(Phase phase) {
  switch (phase) {
    case Phase::kPrepare:
      return "prepare";
    case Phase::kTenants:
      return "tenants";
    case Phase::kItems:
      return "items";
    case Phase::kVectors:
      return "vectors";
    case Phase::kCutover:
      return "cutover";
    case Phase::kRetire:
      return "retire";
  }
  return "unknown";
}

std::optional<Phase> PhaseOf(int number) {
  for (const Phase phase : kPhases) {
    if (Number(phase) == number) {
      return phase;
    }
  }
  return std::nullopt;
}

std::string_view Name(PhaseState state) {
  switch (state) {
    case PhaseState::kPending:
      return "pending";
    case PhaseState::kRunning:
      return "running";
    case PhaseState::kDone:
      return "done";
    case PhaseState::kUndoing:
      return "undoing";
    case PhaseState::kUndone:
      return "undone";
  }
  return "unknown";
}

std::optional<PhaseState> PhaseStateOf(std::string_view name) {
  for (const PhaseState state : {PhaseState::kPending, PhaseState::kRunning, PhaseState::kDone,
                                 PhaseState::kUndoing, PhaseState::kUndone}) {
    if (Name(state) == name) {
      return state;
    }
  }
  return std::nullopt;
}

std::string_view Name(RunState state) {
  switch (state) {
    case RunState::kNew:
      return "new";
    case RunState::kRunning:
      return "running";
    case RunState::kInterrupted:
      return "interrupted";
    case RunState::kFailed:
      return "failed";
    case RunState::kMigrated:
      return "migrated";
    case RunState::kCutOver:
      return "cut_over";
    case RunState::kRolledBack:
      return "rolled_back";
    case RunState::kRetired:
      return "retired";
  }
  return "unknown";
}

std::optional<RunState> RunStateOf(std::string_view name) {
  for (const RunState state :
       {RunState::kNew, RunState::kRunning, RunState::kInterrupted, RunState::kFailed,
        RunState::kMigrated, RunState::kCutOver, RunState::kRolledBack, RunState::kRetired}) {
    if (Name(state) == name) {
      return state;
    }
  }
  return std::nullopt;
}

}  // namespace rehome
