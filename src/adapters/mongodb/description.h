#pragma once
// description.h — what a server is and can do, as it says itself, for `check`.
#include "adapters/mongodb/server.h"

namespace rehome::mongodb {

/// Flat and printable; nothing is written to find it out.
[[nodiscard]] Result<Document> Describe(Server& server, const Call& call);

}  // namespace rehome::mongodb
