#pragma once
// console.h — what verbs share on their way out and in: the plan, questions, errors, JSON.
#include <expected>
#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "base/error.h"
#include "cli/environment.h"
#include "cli/options.h"
#include "plan/plan.h"

namespace rehome::cli {

/// Loads the plan with its `--set` values. On problems all of them are printed as
/// `file:line:column: message` and the exit code is returned.
[[nodiscard]] std::expected<Plan, int> LoadPlanFor(const CommonOptions& common,
                                                   CliEnvironment& environment);

/// Prints what failed and what to do next (with `json` also as one document {"error":…}); returns
/// the exit code.
int ReportError(const Error& error, bool json, CliEnvironment& environment);

/// Says `what` will happen, and asks on a terminal unless `--yes` was given.
/// kInvalidArgument: nobody can be asked and `--yes` is missing; kFailedPrecondition: the answer
/// was not yes.
[[nodiscard]] Status Confirm(std::string_view what, const CommonOptions& common,
                             CliEnvironment& environment);

/// Loads the plan and runs `body(const Plan&) -> Result<int>`: the exit code, its errors reported.
template <class Body>
int WithPlan(const CommonOptions& common, CliEnvironment& environment, Body body) {
  const auto plan = LoadPlanFor(common, environment);
  if (!plan) {
    return plan.error();
  }
  const Result<int> exit_code = body(*plan);
  return exit_code ? *exit_code : ReportError(exit_code.error(), common.json, environment);
}

/// One JSON document on stdout.
void PrintJson(const nlohmann::ordered_json& document, CliEnvironment& environment);

}  // namespace rehome::cli
