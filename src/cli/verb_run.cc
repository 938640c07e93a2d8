#include <fmt/format.h>

#include "cli/session_verb.h"
#include "cli/verbs.h"

namespace rehome::cli {
namespace {

RunRequest RequestOf(const RunOptions& options) {
  RunRequest request{.only = {},
                     .through = Phase::kCutover,
                     .online = options.online || options.follow || options.sweep,
                     .follow = options.follow,
                     .sweep = options.sweep};
  if (options.phase) {
    request.only = PhaseOf(*options.phase);
  }
  if (options.through) {
    request.through = PhaseOf(*options.through).value_or(Phase::kCutover);
  }
  return request;
}

std::string Announcement(const Plan& plan, const RunRequest& request) {
  const std::string phases =
      request.only ? fmt::format("phase {} ({})", Number(*request.only), Name(*request.only))
                   : fmt::format("phases 0 to {} ({}), those that are not done yet",
                                 Number(request.through), Name(request.through));
  return fmt::format("run: {} of plan {}: {} → {} in {}, vectors in {}; the old side is only read",
                     phases, plan.name, plan.items.from, plan.items.to,
                     plan.documents.target.address, plan.vectors.target.address);
}

}  // namespace

int RunVerb(const RunOptions& options, CliEnvironment& environment) {
  const RunRequest request = RequestOf(options);
  return RunSessionVerb(options.common, environment, [&](const Plan& plan) {
    return SessionVerb{.announcement = Announcement(plan, request),
                       .rule = PlanRule::kMustMatch,
                       .may_create = true,
                       .body = [request](Session& session) {
                         return request.only == Phase::kRetire ? Retire(session, {})
                                                               : Run(session, request);
                       }};
  });
}

}  // namespace rehome::cli
