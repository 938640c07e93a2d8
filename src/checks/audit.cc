// The chain of the audit log: no entry edited, none missing in between, and the entry that the run
// added last is there.
#include <fmt/format.h>

#include "base/digest.h"
#include "checks/all.h"
#include "journal/audit.h"
#include "journal/names.h"

namespace rehome {
namespace {

/// The chain alone cannot tell that its end was cut off; the run remembers what it added last.
Status CheckLastOwn(CheckContext& context, CheckResult& result) {
  if (context.run.audit_number == 0) {
    return {};
  }
  const Value number = Value::Int64(context.run.audit_number);
  REHOME_TRY_ASSIGN(const auto entry, context.flow.stores.target_documents->FindByIds(
                                          journal::kAudit, {&number, 1}, context.call));
  if (entry.front() && Sha256Hex(entry.front()->bytes()) == context.run.audit_hash) {
    return {};
  }
  result.Add({entry.front() ? DiscrepancyClass::kDiffering : DiscrepancyClass::kMissing,
              fmt::format("entry {}", context.run.audit_number), "",
              fmt::format("the run added it with hash {}", context.run.audit_hash)});
  return {};
}

}  // namespace

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
  if (verdict.breaks.empty()) {  // else an edited last entry would be named twice
    REHOME_TRY(CheckLastOwn(context, result));
  }
  result.expected = "every audit entry holds the hash of the one before";
  result.found = fmt::format("{} entries, head {}", verdict.head.number,
                             verdict.head.hash.empty() ? "none" : verdict.head.hash);
  return result;
}

}  // namespace rehome
