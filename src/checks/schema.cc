// Every item against items.schema, the application's own after cutover included.
#include <fmt/format.h>

#include "checks/all.h"
#include "checks/findings.h"
#include "checks/walk.h"

namespace rehome {

Result<CheckResult> CheckSchema(CheckContext& context) {
  const FlowContext& flow = context.flow;
  if (auto reason = NotDone(context.run, Phase::kItems)) {
    return Skip("schema", *std::move(reason));
  }
  if (!flow.plan.items.schema) {
    return Skip("schema", "the plan has no items.schema");
  }
  CheckResult result;
  std::uint64_t looked_at = 0;
  std::uint64_t foreign = 0;
  REHOME_TRY(ForEachItemLookedAt(context, [&](const std::vector<Document>& items) -> Status {
    std::vector<Suspect> findings;
    for (const Document& item : items) {
      if (HomeOf(context, item.view()).empty()) {
        ++foreign;
        continue;
      }
      ++looked_at;
      if (auto violation = flow.mapper.SchemaViolation(item.view())) {
        findings.push_back({{DiscrepancyClass::kDiffering, ItemIdOf(flow.plan, item.view()), "",
                             *std::move(violation)},
                            Value(item.Id())});
      }
    }
    return Report(context, std::move(findings), result);
  }));
  result.expected = "every item as items.schema says";
  result.found = fmt::format("{} items looked at", looked_at);
  if (foreign > 0) {
    result.notes.push_back(fmt::format("{} items of other organizations were left aside", foreign));
  }
  return result;
}

}  // namespace rehome
