#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <ostream>

#include "backup/load.h"
#include "cli/console.h"
#include "cli/copy_counts.h"
#include "cli/events.h"
#include "cli/exit_codes.h"
#include "cli/verbs.h"
#include "cli/wiring.h"
#include "journal/audit.h"
#include "report/escape.h"

namespace rehome::cli {
namespace {

std::string Announcement(const Plan& plan, const LoadOptions& options) {
  std::string targets;
  if (options.only != Only::kVectors) {
    targets += plan.documents.source.address;
  }
  if (options.only != Only::kDocuments) {
    targets += (targets.empty() ? "" : " and ") + plan.vectors.source.address;
  }
  return fmt::format(
      "load: writes the records of {} into {}; what stands there already is left as it is",
      options.from.string(), targets);
}

Result<int> Load(const Plan& plan, const LoadOptions& options, CliEnvironment& environment) {
  if (std::error_code ignored; !std::filesystem::is_directory(options.from, ignored)) {
    return Fail(ErrorCode::kNotFound, "--from " + options.from.string() + " is no directory",
                "name the directory that holds documents/ and vectors/");
  }
  REHOME_TRY(Confirm(Announcement(plan, options), options.common, environment));
  REHOME_TRY_ASSIGN(const auto events, OpenEvents(plan, true, environment));
  REHOME_TRY_ASSIGN(const Deps deps, Wire(plan, Access::kReadWrite, *events, environment));
  LoadRequest request;
  request.dir = options.from;
  request.documents = options.only == Only::kVectors ? nullptr : deps.stores.source_documents.get();
  request.vectors = options.only == Only::kDocuments ? nullptr : deps.stores.source_vectors.get();
  REHOME_TRY_ASSIGN(const LoadResult result, LoadApplication(request, environment.clock, *events,
                                                             {.stop = environment.stop}));
  const std::string loaded =
      fmt::format("{} collections and {} namespaces of {}", result.collections.size(),
                  result.namespaces.size(), options.from.string());
  REHOME_TRY(AppendAudit(*deps.stores.target_documents, environment.clock,
                         {.action = "load", .detail = loaded, .run_id = {}}, {}, {.stop = {}}));
  for (const std::string& warning : result.warnings) {
    environment.err << "warning: " << Escape(warning) << "\n";
  }
  if (options.common.json) {
    PrintJson({{"complete", result.complete()},
               {"collections", CountsJson(result.collections)},
               {"namespaces", CountsJson(result.namespaces)},
               {"warnings", result.warnings}},
              environment);
  } else {
    environment.out
        << CountsText(result.collections, result.namespaces)
        << (result.complete()
                ? "Loaded. Next: rehome check, then rehome plan\n"
                : "Loaded all but the records named above: others stand under their ids.\n");
  }
  return result.complete() ? kExitDone : kExitCheckFailed;
}

}  // namespace

int RunVerb(const LoadOptions& options, CliEnvironment& environment) {
  return WithPlan(options.common, environment,
                  [&](const Plan& plan) { return Load(plan, options, environment); });
}

}  // namespace rehome::cli
