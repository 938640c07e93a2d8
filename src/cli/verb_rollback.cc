#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/session_verb.h"
#include "cli/verbs.h"

namespace rehome::cli {

int RunVerb(const RollbackOptions& options, CliEnvironment& environment) {
  const auto phase = options.phase ? PhaseOf(*options.phase) : std::nullopt;
  return RunSessionVerb(options.common, environment, [&](const Plan& plan) {
    const std::string what =
        phase ? fmt::format("phase {} ({}) and what came after it", Number(*phase), Name(*phase))
              : std::string("everything");
    return SessionVerb{
        .announcement = fmt::format("rollback: undoes {} of plan {}, pointers included: removes "
                                    "what this run wrote, saves first what others changed in it, "
                                    "leaves what is foreign",
                                    what, plan.name),
        .if_never_ran = "nothing to undo: the plan never ran here",
        .body = [phase](Session& session) { return Rollback(session, phase); }};
  });
}

int RunVerb(const RevertOptions& options, CliEnvironment& environment) {
  return RunSessionVerb(options.common, environment, [](const Plan& plan) {
    return SessionVerb{.announcement = fmt::format(
                           "revert: points the application of plan {} back to the old side; what "
                           "it wrote on the new one is written back, or saved and named",
                           plan.name),
                       .body = [](Session& session) { return Revert(session); }};
  });
}

int RunVerb(const RetireOptions& options, CliEnvironment& environment) {
  return RunSessionVerb(options.common, environment, [&](const Plan& plan) {
    return SessionVerb{
        .announcement = fmt::format(
            "retire: backs up, verifies, then removes the legacy collections {} and namespaces {}",
            fmt::join(plan.retire.collections, ", "), fmt::join(plan.retire.namespaces, ", ")),
        .needs = Phase::kCutover,
        .body = [&options](Session& session) {
          return Retire(session, {.shorten_retention = options.shorten_retention});
        }};
  });
}

}  // namespace rehome::cli
