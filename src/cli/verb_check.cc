#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <ostream>

#include "cli/attention.h"
#include "cli/console.h"
#include "cli/events.h"
#include "cli/exit_codes.h"
#include "cli/verbs.h"
#include "cli/wiring.h"
#include "phases/preflight.h"
#include "report/escape.h"
#include "report/table.h"

namespace rehome::cli {
namespace {

using Json = nlohmann::ordered_json;
using Severity = Finding::Severity;

std::string_view SeverityName(Severity severity) {
  switch (severity) {
    case Severity::kOk:
      return "ok";
    case Severity::kWarning:
      return "warning";
    case Severity::kError:
      return "error";
  }
  return "error";
}

int ExitCodeOfReport(const PreflightReport& report) {
  if (report.unreachable) {
    return kExitUnreachable;
  }
  return report.passed() ? kExitDone : kExitRefused;
}

/// A store that cannot even be opened is a finding like any other; a plan that this build cannot
/// serve, or a stop, is an error.
Result<PreflightReport> ReportOfOpening(const Error& error) {
  const int code = ExitCodeOf(error.code);
  if (code != kExitUnreachable && code != kExitRefused && code != kExitCheckFailed &&
      code != kExitLeaseHeld) {
    return std::unexpected(error);
  }
  return PreflightReport{.findings = {{Severity::kError, "stores", error.message, error.hint}},
                         .unreachable = code == kExitUnreachable};
}

Result<PreflightReport> Look(const Plan& plan, CliEnvironment& environment) {
  REHOME_TRY_ASSIGN(const auto events, OpenEvents(plan, false, environment));
  REHOME_TRY_ASSIGN(const CompiledPlan compiled, CompiledPlan::Compile(plan));
  const auto deps = Wire(plan, Access::kReadOnly, *events, environment);
  if (!deps) {
    return ReportOfOpening(deps.error());
  }
  // A target that cannot be reached is found again, and named, by the preflight.
  const auto run = LatestRun(*deps->stores.target_documents, plan.name, {.stop = environment.stop});
  const RunRecord* known = run && run->has_value() ? &**run : nullptr;
  const auto holder =
      Lease::Inspect(*deps->stores.target_documents, plan.name, {.stop = environment.stop});
  if (known != nullptr && holder) {
    ShoutAtFence(*known, *holder, environment);
  }
  return RunPreflight(*compiled.plan, compiled.mapper, *deps, known);
}

void PrintFindingsJson(const PreflightReport& report, CliEnvironment& environment) {
  Json findings = Json::array();
  for (const Finding& finding : report.findings) {
    findings.push_back({{"severity", SeverityName(finding.severity)},
                        {"check", finding.check},
                        {"message", finding.message},
                        {"hint", finding.hint}});
  }
  PrintJson({{"passed", report.passed()}, {"findings", std::move(findings)}}, environment);
}

void PrintHints(const PreflightReport& report, Severity severity, std::string_view title,
                std::ostream& out) {
  bool first = true;
  for (const Finding& finding : report.findings) {
    if (finding.severity != severity || finding.hint.empty()) {
      continue;
    }
    if (first) {
      out << "\n" << title << "\n";
      first = false;
    }
    out << "  " << Escape(finding.check) << ": " << Escape(finding.hint) << "\n";
  }
}

std::string WhatComesNext(const PreflightReport& report, std::size_t errors, std::size_t warnings) {
  if (report.unreachable) {
    return "A store cannot be reached: mend that first, then run rehome check again.\n";
  }
  if (errors > 0) {
    return fmt::format(
        "Not ready: {} to mend. Nothing was written. Next: mend, then rehome check again.\n",
        errors == 1 ? "1 error" : fmt::format("{} errors", errors));
  }
  return fmt::format("Ready{}. Nothing was written. Next: rehome plan, then rehome run.\n",
                     warnings == 0   ? ""
                     : warnings == 1 ? ", with 1 warning to know of"
                                     : fmt::format(", with {} warnings to know of", warnings));
}

void PrintFindings(const PreflightReport& report, std::ostream& out) {
  const auto count = [&](Severity severity) {
    return static_cast<std::size_t>(
        std::ranges::count(report.findings, severity, &Finding::severity));
  };
  TextTable table({{""}, {"check"}, {"found"}});
  for (const Severity severity : {Severity::kError, Severity::kWarning, Severity::kOk}) {
    for (const Finding& finding : report.findings) {
      if (finding.severity == severity) {
        table.Add({std::string(SeverityName(severity)), finding.check, finding.message});
      }
    }
  }
  out << table.Render();
  PrintHints(report, Severity::kError, "What to mend:", out);
  PrintHints(report, Severity::kWarning, "What to think of:", out);
  out << "\n" << WhatComesNext(report, count(Severity::kError), count(Severity::kWarning));
}

Result<int> Check(const Plan& plan, const CheckOptions& options, CliEnvironment& environment) {
  REHOME_TRY_ASSIGN(const PreflightReport report, Look(plan, environment));
  if (options.common.json) {
    PrintFindingsJson(report, environment);
  } else {
    PrintFindings(report, environment.out);
  }
  return ExitCodeOfReport(report);
}

}  // namespace

int RunVerb(const CheckOptions& options, CliEnvironment& environment) {
  return WithPlan(options.common, environment,
                  [&](const Plan& plan) { return Check(plan, options, environment); });
}

}  // namespace rehome::cli
