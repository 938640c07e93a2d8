#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <ostream>

#include "base/atomic_file.h"
#include "checks/check.h"
#include "cli/console.h"
#include "cli/events.h"
#include "cli/exit_codes.h"
#include "cli/signing_key.h"
#include "cli/verbs.h"
#include "cli/verification_output.h"
#include "cli/wiring.h"
#include "journal/audit.h"
#include "phases/read_scope.h"
#include "report/escape.h"
#include "report/signed_report.h"

namespace rehome::cli {
namespace {

using Json = nlohmann::ordered_json;

std::vector<std::string> NamesOf(const VerifyOptions& options) {
  if (options.phase == "backup" && options.checks.empty()) {
    return {"backup"};
  }
  return options.checks;
}

struct WrittenReport {
  std::string public_key;
};

/// What stands where and what was found, signed, into options.report.
Result<WrittenReport> WriteReport(const Plan& plan, const RunRecord& run, const Deps& deps,
                                  const Verification& verification, const VerifyOptions& options,
                                  CliEnvironment& environment) {
  REHOME_TRY_ASSIGN(const SigningKey key, ReportKey(plan, environment.variables));
  const Call call{.stop = environment.stop};
  REHOME_TRY_ASSIGN(const AuditHead audit, ReadAuditHead(*deps.stores.target_documents, call));
  REHOME_TRY_ASSIGN(const std::uint64_t quarantined,
                    Quarantine(*deps.stores.target_documents, run.run_id).Count(call));
  Json points = Json::array();
  for (const RestorePoint& point : run.restore_points) {
    points.push_back(
        {{"phase", Number(point.phase)}, {"at", FormatTime(point.at)}, {"digest", point.digest}});
  }
  const Json body{{"rehome_report", 1},
                  {"created_at", FormatTime(environment.clock.Now())},
                  {"plan", plan.name},
                  {"fingerprint", run.fingerprint},
                  {"run_id", run.run_id},
                  {"state", Name(run.state)},
                  {"documents",
                   {{"source", deps.stores.source_documents->Identity()},
                    {"target", deps.stores.target_documents->Identity()}}},
                  {"vectors",
                   {{"source", deps.stores.source_vectors->Identity()},
                    {"target", deps.stores.target_vectors->Identity()}}},
                  {"backup", run.backup},
                  {"restore_points", std::move(points)},
                  {"quarantined", quarantined},
                  {"watermarks", run.watermarks},
                  {"audit", {{"entries", audit.number}, {"head", audit.hash}}},
                  {"sample_percent", options.sample.value_or(100.0)},
                  {"passed", verification.passed},
                  {"checks", ChecksJson(verification)}};
  REHOME_TRY_ASSIGN(const std::string text,
                    SignReport(body.dump(-1, ' ', false, Json::error_handler_t::replace), key));
  REHOME_TRY(WriteFileAtomically(*options.report, text));
  return WrittenReport{key.PublicHex()};
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
  std::optional<WrittenReport> report;
  if (options.report) {
    REHOME_TRY_ASSIGN(report,
                      WriteReport(plan, *read.run, deps, verification, options, environment));
  }
  if (options.common.json) {
    Json result{{"passed", verification.passed},
                {"run_id", read.run->run_id},
                {"checks", ChecksJson(verification)}};
    if (report) {
      result["report"] = {{"file", options.report->string()}, {"public_key", report->public_key}};
    }
    PrintJson(result, environment);
  } else {
    PrintVerification(verification, environment);
    if (report) {
      environment.out << fmt::format("Signed report: {}\n  public key {}\n",
                                     Escape(options.report->string()), report->public_key);
    }
  }
  return verification.passed ? kExitDone : kExitCheckFailed;
}

}  // namespace

int RunVerb(const VerifyOptions& options, CliEnvironment& environment) {
  return WithPlan(options.common, environment,
                  [&](const Plan& plan) { return Run(plan, options, environment); });
}

}  // namespace rehome::cli
