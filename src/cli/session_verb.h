#pragma once
// session_verb.h — what the verbs that change a run share: say what will happen, take the lease, do
// it, say what was done and what comes next.
#include <functional>
#include <optional>
#include <string>

#include "cli/environment.h"
#include "cli/options.h"
#include "cli/wiring.h"
#include "phases/engine.h"

namespace rehome::cli {

struct SessionVerb {
  std::string announcement;  // what will happen, before anything does
  PlanRule rule = PlanRule::kUseJournaled;
  bool may_create = false;
  /// The phase that a plan that never ran lacks for this verb: refused by its name. Absent: then
  /// nothing is to be done.
  std::optional<Phase> needs = {};
  /// What is said, with exit 0, where the plan never ran; empty: that is refused.
  std::string if_never_ran = {};
  std::function<Result<RunReport>(Session&)> body;
};

/// The stores of the run's own plan where the file names others: a verb that goes by the run's plan
/// works on them, or shows them. The file's where the plan never ran in its target.
[[nodiscard]] Result<Deps> WireOfRun(const Plan& plan, Access access, EventSink& events,
                                     CliEnvironment& environment);

/// The exit code; errors reported.
[[nodiscard]] int RunSessionVerb(const CommonOptions& common, CliEnvironment& environment,
                                 const std::function<SessionVerb(const Plan&)>& make);

/// A phase that is being run or undone, or was when its runner ended.
[[nodiscard]] bool IsUnderWay(const PhaseRecord& phase);

/// The state of a run in words. One that rests because it was told to ("--through 2") was not
/// interrupted.
[[nodiscard]] std::string_view StateInWords(const RunRecord& run, RunState state);

/// What a person does next with a run in this state. `quarantine_blocks`: more is in quarantine than
/// a cutover may leave there.
[[nodiscard]] std::string NextStep(RunState state, bool quarantine_blocks = false);

}  // namespace rehome::cli
