#include "cli/session_verb.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <ostream>

#include "cli/console.h"
#include "cli/events.h"
#include "cli/exit_codes.h"
#include "plan/stores.h"
#include "report/escape.h"

namespace rehome::cli {
namespace {

void PrintReport(const RunReport& report, const RunRecord& run, const std::string& next,
                 const CommonOptions& common, CliEnvironment& environment) {
  if (common.json) {
    PrintJson({{"run_id",
                run.run_id.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(run.run_id)},
               {"state", Name(run.state)},
               {"nothing_to_do", report.nothing_to_do},
               {"done", report.done},
               {"next", next}},
              environment);
    return;
  }
  for (const std::string& sentence : report.done) {
    environment.out << "  " << Escape(sentence) << "\n";
  }
  const std::string which = run.run_id.empty() ? "The plan" : fmt::format("Run {}", run.run_id);
  environment.out << fmt::format("{} is {}. Next: {}\n", which, StateInWords(run, run.state), next);
}

/// A plan that never ran: what a verb that needs a run says.
Result<int> WithoutRun(const Plan& plan, const SessionVerb& verb, const CommonOptions& common,
                       CliEnvironment& environment) {
  if (verb.needs) {
    return Fail(ErrorCode::kFailedPrecondition,
                fmt::format("phase {} ({}) of plan {} has not run", Number(*verb.needs),
                            Name(*verb.needs), plan.name),
                "`rehome run` first; `rehome plan` shows what it would do");
  }
  PrintReport(
      {.done = {fmt::format("nothing to do: plan {} never ran", plan.name)}, .nothing_to_do = true},
      RunRecord{}, NextStep(RunState::kNew), common, environment);
  return kExitDone;
}

Result<int> Execute(const Plan& plan, const SessionVerb& verb, const CommonOptions& common,
                    CliEnvironment& environment) {
  REHOME_TRY(Confirm(verb.announcement, common, environment));
  REHOME_TRY_ASSIGN(const auto events, OpenEvents(plan, true, environment));
  REHOME_TRY_ASSIGN(const Deps deps, verb.rule == PlanRule::kUseJournaled
                                         ? WireOfRun(plan, Access::kReadWrite, *events, environment)
                                         : Wire(plan, Access::kReadWrite, *events, environment));
  if (!verb.if_never_ran.empty()) {
    REHOME_TRY_ASSIGN(const auto latest,
                      LatestRun(*deps.stores.target_documents, plan.name, Call{.stop = deps.stop}));
    if (!latest) {
      PrintReport({.done = {verb.if_never_ran}, .nothing_to_do = true}, RunRecord{},
                  NextStep(RunState::kNew), common, environment);
      return kExitDone;
    }
  }
  if (!verb.may_create) {  // before the lease, which writes
    REHOME_TRY_ASSIGN(const ReadSession read, ReadSession::Open(plan, verb.rule, deps));
    if (!read.run) {
      return WithoutRun(plan, verb, common, environment);
    }
  }
  REHOME_TRY_ASSIGN(const auto session, Session::Open(plan, verb.rule, verb.may_create, deps));
  if (!session->plan_difference().empty() && verb.rule == PlanRule::kUseJournaled) {
    events->Warn(
        fmt::format("the plan file differs from the plan of run {}; the run's own plan is used:{}",
                    session->run().run_id, session->plan_difference()));
  }
  REHOME_TRY_ASSIGN(const RunReport report, verb.body(*session));
  REHOME_TRY_ASSIGN(const std::uint64_t quarantined,
                    session->quarantine().Count(session->finishing_call()));
  PrintReport(report, session->run(),
              NextStep(session->run().state, quarantined > session->plan().items.quarantine_max),
              common, environment);
  return kExitDone;
}

}  // namespace

Result<Deps> WireOfRun(const Plan& plan, Access access, EventSink& events,
                       CliEnvironment& environment) {
  std::optional<Plan> of_run;
  {
    REHOME_TRY_ASSIGN(Deps deps, Wire(plan, access, events, environment));
    REHOME_TRY_ASSIGN(const ReadSession read,
                      ReadSession::Open(plan, PlanRule::kUseJournaled, deps));
    of_run = *read.compiled->plan;
    if (SameStores(plan, *of_run)) {
      return deps;
    }
  }  // one process has one hold on a directory of vectors
  return Wire(*of_run, access, events, environment);
}

int RunSessionVerb(const CommonOptions& common, CliEnvironment& environment,
                   const std::function<SessionVerb(const Plan&)>& make) {
  return WithPlan(common, environment,
                  [&](const Plan& plan) { return Execute(plan, make(plan), common, environment); });
}

bool IsUnderWay(const PhaseRecord& phase) {
  return phase.state == PhaseState::kRunning || phase.state == PhaseState::kUndoing;
}

std::string_view StateInWords(const RunRecord& run, RunState state) {
  return state == RunState::kInterrupted && std::ranges::none_of(run.phases, IsUnderWay)
             ? "at rest between two phases"
             : Name(state);
}

std::string NextStep(RunState state, bool quarantine_blocks) {
  if (quarantine_blocks && state == RunState::kMigrated) {
    return "rehome quarantine list says what is set aside and why; mend those documents and rehome "
           "quarantine replay, or the plan and rehome rollback --all; then rehome cutover";
  }
  switch (state) {
    case RunState::kNew:
      return "rehome check, rehome plan, then rehome run";
    case RunState::kRunning:
      return "rehome status --watch";
    case RunState::kInterrupted:
      return "rehome run (goes on where it stopped), or rehome rollback --all";
    case RunState::kFailed:
      return "mend what rehome status names, then rehome run again, or rehome rollback --all";
    case RunState::kMigrated:
      return "rehome verify, then rehome cutover";
    case RunState::kCutOver:
      return "restart the application, rehome verify; after 24 h rehome retire. rehome revert goes "
             "back";
    case RunState::kRolledBack:
      return "nothing of this run is left; rehome run starts again";
    case RunState::kRetired:
      return "done; rehome rollback --phase 5 restores the old side from its backup";
  }
  return {};
}

}  // namespace rehome::cli
