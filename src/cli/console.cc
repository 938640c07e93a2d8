#include "cli/console.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <ostream>

#include "cli/exit_codes.h"
#include "mapping/mapping.h"
#include "report/escape.h"
#include "report/json.h"

namespace rehome::cli {
namespace {

int ReportProblems(const std::vector<PlanProblem>& problems, const CommonOptions& common,
                   CliEnvironment& environment) {
  using Json = nlohmann::ordered_json;
  Json listed = Json::array();
  for (const PlanProblem& problem : problems) {
    const bool in_file = problem.mark.line > 0;  // else in a --set, which the message names
    environment.err << (in_file ? fmt::format("{}:{}:{}: ", Escape(common.plan.string()),
                                              problem.mark.line, problem.mark.column)
                                : std::string())
                    << Escape(problem.message) << "\n";
    listed.push_back({{"line", in_file ? Json(problem.mark.line) : Json()},
                      {"column", in_file ? Json(problem.mark.column) : Json()},
                      {"message", problem.message}});
  }
  environment.err << fmt::format(
      "rehome: {} in the plan: nothing was done\n  next: mend {}, then `rehome check`\n",
      problems.size() == 1 ? "a mistake" : fmt::format("{} mistakes", problems.size()),
      problems.size() == 1 ? "it" : "them");
  if (common.json) {
    PrintJson({{"error",
                {{"code", Name(ErrorCode::kInvalidArgument)},
                 {"message", "the plan has mistakes"},
                 {"file", common.plan.string()},
                 {"problems", std::move(listed)}}}},
              environment);
  }
  return kExitUsage;
}

}  // namespace

std::expected<Plan, int> LoadPlanFor(const CommonOptions& common, CliEnvironment& environment) {
  auto loaded = LoadPlan(common.plan, common.set, environment.variables,
                         [](const Plan& plan) { return MappingProblems(plan.items); });
  if (!loaded) {
    Error error = std::move(loaded).error();
    if (error.code == ErrorCode::kNotFound && error.hint.empty()) {
      error.hint = "`rehome init` writes a plan file; `rehome demo` needs none";
    }
    // A plan that cannot be read is wrong usage, whatever the reason.
    error.code = ErrorCode::kInvalidArgument;
    return std::unexpected(ReportError(error, common.json, environment));
  }
  if (!loaded->problems.empty() || !loaded->plan) {
    return std::unexpected(ReportProblems(loaded->problems, common, environment));
  }
  return *std::move(loaded->plan);
}

int ReportError(const Error& error, bool json, CliEnvironment& environment) {
  const int exit_code = ExitCodeOf(error.code);
  environment.err << "rehome: " << EscapeLines(error.message) << "\n";
  const bool stopped = error.hint.empty() && error.code == ErrorCode::kCancelled;
  const std::string hint = stopped ? "the same command goes on where this one stopped" : error.hint;
  if (!hint.empty()) {
    environment.err << "  next: " << Escape(hint) << "\n";
  }
  if (exit_code == kExitBug) {
    environment.err << fmt::format(
        "  a bug: {}:{}. The journal is intact; please report these lines.\n",
        error.where.file_name(), error.where.line());
  }
  if (json) {
    PrintJson({{"error",
                {{"code", Name(error.code)},
                 {"exit", exit_code},
                 {"message", error.message},
                 {"hint", hint}}}},
              environment);
  }
  return exit_code;
}

Status Confirm(std::string_view what, const CommonOptions& common, CliEnvironment& environment) {
  environment.err << Escape(what) << "\n";
  if (common.yes) {
    return {};
  }
  const auto answer = environment.ask("Go on? [y/N] ");
  if (!answer) {
    return Fail(ErrorCode::kInvalidArgument,
                "nobody can be asked here, and --yes was not given: nothing was changed",
                "run the same command with --yes");
  }
  if (*answer == "y" || *answer == "Y" || *answer == "yes") {
    return {};
  }
  return Fail(ErrorCode::kFailedPrecondition, "not confirmed: nothing was changed");
}

void PrintJson(const nlohmann::ordered_json& document, CliEnvironment& environment) {
  environment.out << JsonText(document);
}

}  // namespace rehome::cli
