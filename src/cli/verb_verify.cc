#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <ostream>

#include "checks/check.h"
#include "cli/console.h"
#include "cli/events.h"
#include "cli/exit_codes.h"
#include "cli/verbs.h"
#include "cli/wiring.h"
#include "phases/read_scope.h"
#include "report/escape.h"
#include "report/table.h"

namespace rehome::cli {
namespace {

using Json = nlohmann::ordered_json;
constexpr std::size_t kShownMax = 20;

Json CheckJson(const CheckResult& check) {
  Json discrepancies = Json::array();
  for (const Discrepancy& one : check.discrepancies) {
    discrepancies.push_back({{"class", Name(one.discrepancy_class)},
                             {"id", one.id},
                             {"field", one.field},
                             {"detail", one.detail}});
  }
  Json out{{"check", check.check}, {"passed", check.passed},         {"expected", check.expected},
           {"found", check.found}, {"discrepancies", discrepancies}, {"totals", check.totals},
           {"notes", check.notes}};
  if (!check.skipped.empty()) {
    out["skipped"] = check.skipped;
  }
  return out;
}

void PrintText(const Verification& verification, CliEnvironment& environment) {
  TextTable table({{"check"}, {"result"}, {"expected"}, {"found"}});
  for (const CheckResult& check : verification.checks) {
    const std::string result = !check.skipped.empty() ? "skipped"
                               : check.passed         ? "passed"
                                                      : "FAILED";
    table.Add(
        {check.check, result, check.skipped.empty() ? check.expected : check.skipped, check.found});
  }
  environment.out << table.Render();
  for (const CheckResult& check : verification.checks) {
    std::size_t shown = 0;
    for (const Discrepancy& one : check.discrepancies) {
      if (shown++ == kShownMax) {
        environment.out << fmt::format("  {}: … --json names all of them\n", check.check);
        break;
      }
      environment.out << Escape(fmt::format(
                             "  {}: {} {}{}{}: {}", check.check, Name(one.discrepancy_class),
                             one.id, one.field.empty() ? "" : ", field ", one.field, one.detail))
                      << "\n";
    }
    for (const std::string& note : check.notes) {
      environment.out << "  " << check.check << ": " << Escape(note) << "\n";
    }
  }
  environment.out << (verification.passed ? "Verified: everything agrees.\n"
                                          : "Verification found what is named above; rehome "
                                            "explain ID shows one datum's whole way.\n");
}

std::vector<std::string> NamesOf(const VerifyOptions& options) {
  if (options.phase == "backup" && options.checks.empty()) {
    return {"backup"};
  }
  return options.checks;
}

Result<int> Run(const Plan& plan, const VerifyOptions& options, CliEnvironment& environment) {
  REHOME_TRY_ASSIGN(const auto events, OpenEvents(plan, false, environment));
  REHOME_TRY_ASSIGN(const Deps deps, Wire(plan, Access::kReadOnly, *events, environment));
  REHOME_TRY_ASSIGN(const ReadSession read, ReadSession::Open(plan, PlanRule::kMustMatch, deps));
  if (!read.run) {
    return Fail(ErrorCode::kFailedPrecondition,
                fmt::format("there is nothing to verify: phase 0 (prepare) of plan {} has not run",
                            plan.name),
                "`rehome run` first");
  }
  REHOME_TRY_ASSIGN(const auto holder, Lease::Inspect(*deps.stores.target_documents, plan.name,
                                                      Call{.stop = environment.stop}));
  const bool live = holder && !holder->released && !holder->IsDeadHere();
  ReadScope scope(read, deps);
  CheckContext context = scope.MakeCheckContext(live);
  context.sample = options.sample.value_or(100.0) / 100.0;
  REHOME_TRY_ASSIGN(const Verification verification, Verify(context, NamesOf(options)));
  if (options.common.json) {
    Json checks = Json::array();
    for (const CheckResult& check : verification.checks) {
      checks.push_back(CheckJson(check));
    }
    PrintJson({{"passed", verification.passed}, {"run_id", read.run->run_id}, {"checks", checks}},
              environment);
  } else {
    PrintText(verification, environment);
  }
  return verification.passed ? kExitDone : kExitCheckFailed;
}

}  // namespace

int RunVerb(const VerifyOptions& options, CliEnvironment& environment) {
  return WithPlan(options.common, environment,
                  [&](const Plan& plan) { return Run(plan, options, environment); });
}

}  // namespace rehome::cli
