#pragma once
// fences.h — closing a collection to the application's writes around a cutover. What lifting it
// needs is journaled before it is raised, so any later runner can lift it.
#include "phases/session.h"

namespace rehome {

/// The fence that the plan and the store allow on `collection`; kNone if there is none or the plan
/// wants none. kFailedPrecondition where the plan requires one and none is possible.
[[nodiscard]] Result<FenceRecord> PlanFence(Session& session, const std::string& collection,
                                            bool on_target);

/// Raises every fence of the journaled cutover that is not raised yet.
[[nodiscard]] Status RaiseFences(Session& session);
/// Lifts every fence of the journaled cutover, last first; those that are down already are success.
[[nodiscard]] Status LiftFences(Session& session);
/// Whether every fence of the journaled cutover holds; false where there is none at all.
[[nodiscard]] Result<bool> FencesHold(Session& session);
/// Runs hooks in order; kFailedPrecondition names the one that failed.
[[nodiscard]] Status RunHooks(Session& session, std::string_view which,
                              const std::vector<std::vector<std::string>>& hooks);

}  // namespace rehome
