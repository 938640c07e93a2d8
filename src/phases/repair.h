#pragma once
// repair.h — mends what verification confirms, from the source of truth: items from their source
// documents, vectors from their items, tenants from the plan. What somebody else made of ours is
// kept in rehome_saved before it goes; what is foreign stays and is named. After cutover the items
// are the application's, and only their vectors are mended.
#include <string>
#include <vector>

#include "checks/check.h"
#include "phases/session.h"

namespace rehome {

struct Repaired {
  bool nothing_to_do = false;     // the first verification passed
  std::vector<std::string> done;  // sentences
  std::vector<std::string> left;  // what stays as it is, and why
  std::string saved_file;         // what was changed and then replaced; empty: nothing
  Verification verification;      // the last one, of everything
};

/// Repeating it changes nothing. What it could not mend is in `verification`, not an error.
/// kFailedPrecondition: phase 2 has not run.
[[nodiscard]] Result<Repaired> Repair(Session& session);

}  // namespace rehome
