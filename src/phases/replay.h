#pragma once
// replay.h — quarantined documents once more, after they or the plan's limits were mended.
#include <vector>

#include "phases/engine.h"

namespace rehome {

/// Reads the sources of `ids` (none named: of everything in quarantine) again and makes items of
/// those that map now, with their vectors if phase 3 has run. The restore points then say what
/// stands there. Repeating it changes nothing. kFailedPrecondition: phase 2 has not run. kNotFound:
/// one of `ids` is not in quarantine.
[[nodiscard]] Result<RunReport> ReplayQuarantine(Session& session, std::vector<Value> ids);

}  // namespace rehome
