// The chain of the audit log: no entry edited, none missing in between.
#include <fmt/format.h>

#include "checks/all.h"
#include "journal/audit.h"

namespace rehome {

Result<CheckResult> CheckAudit(CheckContext& context) {
  CheckResult result;
  REHOME_TRY_ASSIGN(AuditVerdict verdict,
                    VerifyAudit(*context.flow.stores.target_documents, context.call));
  for (std::size_t i = 0; i < verdict.breaks.size(); ++i) {
    // The entry whose hash the next one does not hold was edited, or that one was; the detail names
    // both.
    const AuditBreak& where = verdict.breaks[i];
    result.Add({where.gap ? DiscrepancyClass::kMissing : DiscrepancyClass::kDiffering,
                fmt::format("entry {}", where.gap ? where.previous + 1 : where.previous), "",
                std::move(verdict.problems[i])});
  }
  result.expected = "every audit entry holds the hash of the one before";
  result.found = fmt::format("{} entries, head {}", verdict.head.number,
                             verdict.head.hash.empty() ? "none" : verdict.head.hash);
  return result;
}

}  // namespace rehome
