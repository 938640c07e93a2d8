#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <ostream>

#include "cli/console.h"
#include "cli/events.h"
#include "cli/exit_codes.h"
#include "cli/session_verb.h"
#include "cli/verbs.h"
#include "cli/wiring.h"
#include "phases/cutover.h"
#include "report/escape.h"
#include "report/table.h"

namespace rehome::cli {
namespace {

using Json = nlohmann::ordered_json;

void PrintForecast(const CutoverForecast& forecast, const CommonOptions& common,
                   CliEnvironment& environment) {
  if (common.json) {
    Json pointers = Json::array();
    for (const PointerRecord& pointer : forecast.pointers) {
      pointers.push_back({{"kind", pointer.kind},
                          {"where", pointer.where},
                          {"key", pointer.key},
                          {"old", pointer.old_value ? Json(*pointer.old_value) : Json()},
                          {"new", pointer.new_value}});
    }
    PrintJson({{"pointers", pointers},
               {"fence", forecast.fence},
               {"write_pause_ms", forecast.write_pause.count()},
               {"obstacles", forecast.obstacles},
               {"nothing_to_do", forecast.cut_over}},
              environment);
    return;
  }
  TextTable table({{"pointer"}, {"where"}, {"now"}, {"after"}});
  for (const PointerRecord& pointer : forecast.pointers) {
    table.Add(
        {pointer.key, pointer.where, pointer.old_value.value_or("(absent)"), pointer.new_value});
  }
  environment.out << table.Render()
                  << fmt::format("  fence: {}\n  predicted write pause: {}\n",
                                 Escape(forecast.fence), FormatDuration(forecast.write_pause));
  if (forecast.cut_over) {
    environment.out << "Nothing to do: the run is cut over already\n";
    return;
  }
  for (const std::string& obstacle : forecast.obstacles) {
    environment.out << "  refused as it stands: " << Escape(obstacle) << "\n";
  }
  environment.out << "Nothing was changed. Next: "
                  << (forecast.obstacles.empty() ? "rehome cutover"
                                                 : "mend what refuses, then rehome cutover")
                  << "\n";
}

Result<int> DryRun(const Plan& plan, const CutoverOptions& options, CliEnvironment& environment) {
  REHOME_TRY_ASSIGN(const auto events, OpenEvents(plan, false, environment));
  REHOME_TRY_ASSIGN(const Deps deps, Wire(plan, Access::kReadOnly, *events, environment));
  REHOME_TRY_ASSIGN(const ReadSession read, ReadSession::Open(plan, PlanRule::kMustMatch, deps));
  REHOME_TRY_ASSIGN(const CutoverForecast forecast, ForecastCutover(read, deps));
  PrintForecast(forecast, options.common, environment);
  return forecast.obstacles.empty() ? kExitDone : kExitRefused;
}

}  // namespace

int RunVerb(const CutoverOptions& options, CliEnvironment& environment) {
  if (options.dry_run) {
    return WithPlan(options.common, environment,
                    [&](const Plan& plan) { return DryRun(plan, options, environment); });
  }
  return RunSessionVerb(options.common, environment, [](const Plan& plan) {
    return SessionVerb{.announcement = fmt::format(
                           "cutover: verifies everything, pauses writes to {} for at most {}, and "
                           "points the application to the new side; rehome revert goes back",
                           plan.items.from, FormatDuration(plan.cutover.write_pause_max)),
                       .rule = PlanRule::kMustMatch,
                       .needs = Phase::kPrepare,
                       .body = [](Session& session) { return CutOver(session); }};
  });
}

}  // namespace rehome::cli
