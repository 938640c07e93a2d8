#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "base/atomic_file.h"
#include "checks/check.h"
#include "cli/attention.h"
#include "cli/console.h"
#include "cli/events.h"
#include "cli/exit_codes.h"
#include "cli/signing_key.h"
#include "cli/verbs.h"
#include "cli/verification_output.h"
#include "cli/wiring.h"
#include "journal/audit.h"
#include "phases/read_scope.h"
#include "phases/verify_progress.h"
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

/// Where the progress of a whole verification is kept; null where it is not: a part is soon done
/// again, and a store that cannot be written to is verified all the same.
struct Progress {
  std::shared_ptr<DocumentStore> store;
  std::unique_ptr<VerifyProgress> kept;
};

Progress OpenProgress(const Plan& plan, const RunRecord& run, const VerifyOptions& options,
                      const Deps& deps, CliEnvironment& environment) {
  const std::vector<std::string> names = NamesOf(options);
  const bool walks = names.empty() || std::ranges::find(names, "digests") != names.end() ||
                     std::ranges::find(names, "vectors") != names.end();
  if (!walks || options.sample.value_or(100.0) < 100.0) {
    return {};
  }
  auto store = OpenDocuments(plan.documents.target, Access::kReadWrite, environment.clock);
  auto kept = store ? VerifyProgress::Open(**store, plan, run, deps.stores, environment.clock,
                                           {.stop = environment.stop})
                    : std::unexpected(store.error());
  if (!kept) {
    deps.events.Note(
        fmt::format("an interrupted verification would start anew: {}", kept.error().message));
    return {};
  }
  return {.store = std::move(*store), .kept = std::move(*kept)};
}

struct WrittenReport {
  std::string public_key;
};

/// Where the run wrote too little for any check that was asked for, the phase that is missing.
Status RefuseUnwritten(const Verification& verification, const RunRecord& run) {
  const bool only_audit = verification.checks.size() == 1 && verification.checks[0].skipped.empty();
  const bool any = std::ranges::any_of(verification.checks, [&](const CheckResult& check) {
    return check.skipped.empty() && (only_audit || check.check != "audit");
  });
  if (any || verification.checks.empty() || !verification.passed || run.IsDone(Phase::kVectors)) {
    return {};
  }
  return Fail(ErrorCode::kFailedPrecondition,
              fmt::format("there is nothing to verify: {}", verification.checks[0].skipped),
              "`rehome run` goes on; then verify");
}

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
  REHOME_TRY_ASSIGN(const Deps deps, Wire(plan, Access::kVerify, *events, environment));
  REHOME_TRY_ASSIGN(const ReadSession read, ReadSession::Open(plan, PlanRule::kMustMatch, deps));
  if (!read.run) {
    return Fail(ErrorCode::kFailedPrecondition,
                fmt::format("there is nothing to verify: phase 0 (prepare) of plan {} has not run",
                            plan.name),
                "`rehome run` first");
  }
  REHOME_TRY_ASSIGN(const auto holder, Lease::Inspect(*deps.stores.target_documents, plan.name,
                                                      Call{.stop = environment.stop}));
  ShoutAtFence(*read.run, holder, environment);
  const bool live = holder && !holder->released && !holder->IsDeadHere();
  ReadScope scope(read, deps);
  CheckContext context = scope.MakeCheckContext(live);
  context.sample = options.sample.value_or(100.0) / 100.0;
  const Progress progress = OpenProgress(plan, *read.run, options, deps, environment);
  context.progress = progress.kept.get();
  context.clock = &environment.clock;
  if (live || read.run->IsCutOver()) {
    context.recheck = LookAgain(environment.clock, environment.stop);
  }
  REHOME_TRY_ASSIGN(const Verification verification, Verify(context, NamesOf(options)));
  if (progress.kept) {
    REHOME_TRY(progress.kept->Finish());
  }
  REHOME_TRY(RefuseUnwritten(verification, *read.run));
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
