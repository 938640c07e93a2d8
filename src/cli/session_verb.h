#pragma once
// session_verb.h — what the verbs that change a run share: say what will happen, take the lease, do it, say what was
// done and what comes next.
#include <functional>
#include <string>

#include "cli/environment.h"
#include "cli/options.h"
#include "phases/engine.h"

namespace rehome::cli {

struct SessionVerb {
  std::string announcement;  // what will happen, before anything does
  PlanRule rule = PlanRule::kUseJournaled;
  bool may_create = false;
  std::string if_never_ran;  // what is said, with exit 0, where the plan never ran; empty: that is refused
  std::function<Result<RunReport>(Session&)> body;
};

/// The exit code; errors reported.
[[nodiscard]] int RunSessionVerb(const CommonOptions& common, CliEnvironment& environment, const std::function<SessionVerb(const Plan&)>& make);

/// What a person does next with a run in this state.
[[nodiscard]] std::string NextStep(RunState state);

}  // namespace rehome::cli
