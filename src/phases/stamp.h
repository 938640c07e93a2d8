#pragma once
// stamp.h — tenant fields added in place to a collection that stays: journaled, by batches,
// undoable. The one write to a legacy collection that a plan can ask for before cutover.
#include <span>

#include "phases/session.h"

namespace rehome {

/// Stamps every document of the plan's stamped collections; those that carry the fields already are
/// left. A field that is there with another value is kFailedPrecondition, named. Repeating it
/// changes nothing.
[[nodiscard]] Result<std::uint64_t> RunStamps(Session& session);
/// The same beside an application that knows of tenants: what has another value is its own.
[[nodiscard]] Result<std::uint64_t> StampWhatLacksIt(Session& session);
/// The same for single documents, as a feed names them; absent ones are success.
[[nodiscard]] Status StampIds(Session& session, const StampPlan& stamp, std::span<const Value> ids);
/// Takes the fields off again where they stand as we set them.
[[nodiscard]] Result<std::uint64_t> UndoStamps(Session& session);

}  // namespace rehome
