#pragma once
// attention.h — what a person must hear from any verb that only reads.
#include <optional>

#include "cli/environment.h"
#include "journal/lease.h"
#include "journal/run_record.h"

namespace rehome::cli {

/// A cutover that a dead runner left half done: its fence stops the application's writes. `holder`:
/// who has the plan's lease.
void ShoutAtFence(const RunRecord& run, const std::optional<Lease::Holder>& holder,
                  CliEnvironment& environment);

}  // namespace rehome::cli
