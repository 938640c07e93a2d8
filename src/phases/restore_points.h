#pragma once
// restore_points.h — restore points of phases 2 and 3 that follow what was written after them.
#include "phases/session.h"

namespace rehome {

/// Puts into them what their phases would report now. Made after every replay and repair, whatever
/// it did: an attempt that was cut off before this is healed by the next.
[[nodiscard]] Status RefreshRestorePoints(Session& session);

}  // namespace rehome
