#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <ostream>

#include "cli/console.h"
#include "cli/events.h"
#include "cli/exit_codes.h"
#include "cli/verbs.h"
#include "cli/verification_output.h"
#include "cli/wiring.h"
#include "phases/repair.h"
#include "report/escape.h"

namespace rehome::cli {
namespace {

void Print(const Repaired& repaired, const std::string& run_id, const RepairOptions& options,
           CliEnvironment& environment) {
  if (options.common.json) {
    PrintJson({{"run_id", run_id},
               {"nothing_to_do", repaired.nothing_to_do},
               {"done", repaired.done},
               {"left", repaired.left},
               {"saved", repaired.saved_file},
               {"passed", repaired.verification.passed},
               {"checks", ChecksJson(repaired.verification)}},
              environment);
    return;
  }
  for (const std::string& sentence : repaired.done) {
    environment.out << "  " << Escape(sentence) << "\n";
  }
  for (const std::string& sentence : repaired.left) {
    environment.out << "  left as it is: " << Escape(sentence) << "\n";
  }
  PrintVerification(repaired.verification, environment);
}

Result<int> Run(const Plan& plan, const RepairOptions& options, CliEnvironment& environment) {
  REHOME_TRY(Confirm(
      fmt::format("repair: verifies plan {}, writes what is confirmed wrong again from its source, "
                  "saves first what others changed, leaves what is foreign, then verifies again",
                  plan.name),
      options.common, environment));
  REHOME_TRY_ASSIGN(const auto events, OpenEvents(plan, true, environment));
  REHOME_TRY_ASSIGN(const Deps deps, Wire(plan, Access::kReadWrite, *events, environment));
  REHOME_TRY_ASSIGN(const auto session, Session::Open(plan, PlanRule::kMustMatch, false, deps));
  REHOME_TRY_ASSIGN(const Repaired repaired, Repair(*session));
  Print(repaired, session->run().run_id, options, environment);
  return repaired.verification.passed ? kExitDone : kExitCheckFailed;
}

}  // namespace

int RunVerb(const RepairOptions& options, CliEnvironment& environment) {
  return WithPlan(options.common, environment,
                  [&](const Plan& plan) { return Run(plan, options, environment); });
}

}  // namespace rehome::cli
