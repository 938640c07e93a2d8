#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <ostream>

#include "cli/console.h"
#include "cli/events.h"
#include "cli/exit_codes.h"
#include "cli/session_verb.h"
#include "cli/verbs.h"
#include "cli/wiring.h"
#include "phases/vector_steps.h"
#include "report/escape.h"
#include "report/table.h"

namespace rehome::cli {
namespace {

Result<int> BackUp(const Plan& plan, const VectorsOptions& options, CliEnvironment& environment) {
  REHOME_TRY(FindNamespace(plan, options.ns));
  REHOME_TRY(
      Confirm(fmt::format("vectors backup: reads namespace {} and writes a backup of it below {}",
                          options.ns, plan.backup.dir.string()),
              options.common, environment));
  REHOME_TRY_ASSIGN(const auto events, OpenEvents(plan, true, environment));
  REHOME_TRY_ASSIGN(const Deps deps, Wire(plan, Access::kReadOnly, *events, environment));
  REHOME_TRY_ASSIGN(const BackupResult result, BackUpNamespace(plan, deps, options.ns));
  for (const std::string& warning : result.warnings) {
    environment.err << "warning: " << Escape(warning) << "\n";
  }
  const std::uint64_t vectors =
      result.manifest.namespaces.empty() ? 0 : result.manifest.namespaces.front().records;
  if (options.common.json) {
    PrintJson({{"path", result.path.string()},
               {"namespace", options.ns},
               {"vectors", vectors},
               {"manifest_sha256", result.manifest_sha256},
               {"warnings", result.warnings}},
              environment);
  } else {
    environment.out << fmt::format(
        "Made {0}: {1} vectors of {2}\n  manifest SHA-256 {3}\nNext: rehome backup verify --dir "
        "{0}\n",
        Escape(result.path.string()), FormatCount(vectors), Escape(options.ns),
        result.manifest_sha256);
  }
  return kExitDone;
}

SessionVerb Clear(const Plan& plan, const std::string& ns) {
  return {.announcement = fmt::format(
              "vectors clear: removes this run's vectors from {} in {}, saves first what others "
              "changed, leaves what is foreign; its items wait for new ones",
              ns, plan.vectors.target.address),
          .rule = PlanRule::kMustMatch,
          .needs = Phase::kItems,
          .body = [ns](Session& session) { return ClearNamespace(session, ns); }};
}

SessionVerb Reembed(const Plan& plan, const std::string& ns) {
  return {.announcement = fmt::format(
              "vectors reembed: embeds every item of {} again ({}), replaces its vectors in place",
              ns, plan.index.embedder.Name()),
          .rule = PlanRule::kMustMatch,
          .needs = Phase::kItems,
          .body = [ns](Session& session) { return ReembedNamespace(session, ns); }};
}

}  // namespace

int RunVerb(const VectorsOptions& options, CliEnvironment& environment) {
  if (options.action == VectorsOptions::Action::kBackup) {
    return WithPlan(options.common, environment,
                    [&](const Plan& plan) { return BackUp(plan, options, environment); });
  }
  // What the plan alone refuses is refused before anybody is asked and before a store is opened.
  const auto plan = LoadPlanFor(options.common, environment);
  if (!plan) {
    return plan.error();
  }
  if (const auto known = FindTenantNamespace(*plan, options.ns); !known) {
    return ReportError(known.error(), options.common.json, environment);
  }
  return RunSessionVerb(options.common, environment, [&](const Plan& loaded) {
    return options.action == VectorsOptions::Action::kClear ? Clear(loaded, options.ns)
                                                            : Reembed(loaded, options.ns);
  });
}

}  // namespace rehome::cli
