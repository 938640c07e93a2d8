#pragma once
// fences.h — closing a collection to the application's writes around a cutover. What lifting it
// needs is journaled before it is raised, so any later runner can lift it.
#include <cstdint>
#include <optional>

#include "phases/session.h"

namespace rehome {

/// The fence that the plan and the store allow on `collection`; kNone if there is none or the plan
/// wants none. kFailedPrecondition where the plan requires one and none is possible.
[[nodiscard]] Result<FenceRecord> PlanFence(Session& session, const std::string& collection,
                                            bool on_target);

/// Whether the whole source cluster can be closed during the pause (setUserWriteBlockMode): deletes
/// too, which a validator does not see. Only where nothing that stays is written there: the target
/// is another cluster, the source's holds this database alone, and every collection of it retires.
[[nodiscard]] Result<bool> MayBlockUserWrites(const Plan& plan, const Stores& stores,
                                              const Call& call);
/// That fence, where the plan wants fences.
[[nodiscard]] Result<std::optional<FenceRecord>> PlanWriteBlock(Session& session);
/// Ends what only the pause needs; the collection's own fence stays. None raised is success.
[[nodiscard]] Status LiftWriteBlock(Session& session);

/// Raises every fence of the journaled cutover; one that is journaled as raised is raised again where
/// a store holds it, and the application's hooks are not run a second time.
[[nodiscard]] Status RaiseFences(Session& session);
/// Which fences of the journaled cutover are meant.
enum class Fenced : std::uint8_t { kBothSides, kNewSide };
/// Lifts them, last first; those that are down already are success.
[[nodiscard]] Status LiftFences(Session& session, Fenced side = Fenced::kBothSides);
/// Whether every fence of the journaled cutover holds; false where there is none at all.
[[nodiscard]] Result<bool> FencesHold(Session& session);
/// Runs hooks in order; kFailedPrecondition names the one that failed.
[[nodiscard]] Status RunHooks(Session& session, std::string_view which,
                              const std::vector<std::vector<std::string>>& hooks);

}  // namespace rehome
