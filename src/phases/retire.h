#pragma once
// retire.h — phase 5: removes the legacy collections and namespaces, gated; undone from its own
// backup.
#include "phases/phases.h"
#include "phases/session.h"

namespace rehome {

/// Gates (cut over for retire.after, at least 24 h unless shortened; no straggler within 24 h;
/// feeds drained; a fresh passing verification) → fence → backup of exactly what will go, verified
/// → rename away, compare, drop → namespaces.
[[nodiscard]] Result<PhaseOutcome> RunRetire(Session& session, bool shorten_retention);
[[nodiscard]] Result<Counts> UndoRetire(Session& session);
/// The gates that refuse now, in words; empty: none. Reads only.
[[nodiscard]] Result<std::vector<std::string>> RetireGates(const Plan& plan, const RunRecord& run,
                                                           Clock& clock, bool shorten_retention);

}  // namespace rehome
