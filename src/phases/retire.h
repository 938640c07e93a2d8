#pragma once
// retire.h — phase 5: removes the legacy collections and namespaces, gated; undone from its own
// backup.
#include "phases/phases.h"
#include "phases/session.h"

namespace rehome {

/// Gates (cut over for retire.after, at least 24 h unless shortened; no straggler within 24 h;
/// feeds drained; a fresh passing verification) → fence → backup of exactly what will go, verified
/// → rename away, compare, drop → namespaces.
/// The gates are RefuseRetire()'s, asked before anything is done.
[[nodiscard]] Result<PhaseOutcome> RunRetire(Session& session, bool shorten_retention);
[[nodiscard]] Result<Counts> UndoRetire(Session& session);
/// kFailedPrecondition while a gate that time alone opens is closed; a retirement under way goes on.
[[nodiscard]] Status RefuseRetire(Session& session, bool shorten_retention);

}  // namespace rehome
