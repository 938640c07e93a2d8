// The chain of the audit log: no entry edited, none missing in between.
#include <fmt/format.h>

#include "checks/all.h"
#include "journal/audit.h"

namespace rehome {

Result<CheckResult> CheckAudit(CheckContext& context) {
  CheckResult result;
  REHOME_TRY_ASSIGN(AuditVerdict verdict,
                    VerifyAudit(*context.flow.stores.target_documents, context.call));
  for (std::string& problem : verdict.problems) {
    // "entry 7 …": its number is the datum's name.
    const std::string id = problem.substr(0, problem.find(' ', problem.find(' ') + 1));
    result.Add({DiscrepancyClass::kDiffering, id, "", std::move(problem)});
  }
  result.expected = "every audit entry holds the hash of the one before";
  result.found = fmt::format("{} entries, head {}", verdict.head.number,
                             verdict.head.hash.empty() ? "none" : verdict.head.hash);
  return result;
}

}  // namespace rehome
