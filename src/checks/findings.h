#pragma once
// findings.h — how a check turns what it saw into discrepancies: named by the feed or not, the
// application's own change or not, and which field it was.
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "checks/check.h"

namespace rehome {

/// Adds them to `result`; those that a feed has named beyond applied-through become pending.
[[nodiscard]] Status Report(const CheckContext& context, std::vector<Suspect> findings,
                            CheckResult& result);

/// The items that stand under `ids`, in their order.
[[nodiscard]] Result<std::vector<Document>> ItemsUnder(const CheckContext& context,
                                                       std::span<const Value> ids);

/// Which of these items the application changed or added since the cutover; none before it.
[[nodiscard]] Result<std::vector<bool>> ChangedAfterCutover(const CheckContext& context,
                                                            std::span<const Document> items);

/// Why a check that needs `phase` cannot be made; nothing if the phase is done.
[[nodiscard]] std::optional<std::string> NotDone(const RunRecord& run, Phase phase);
[[nodiscard]] CheckResult Skip(std::string_view check, std::string reason);

/// The source collection was removed by phase 5: nothing is left to compare with.
[[nodiscard]] bool SourceIsRetired(const CheckContext& context);

/// The item's own `item_id`, or the one that its `_id` gives where it has none.
[[nodiscard]] std::string ItemIdOf(const Plan& plan, DocumentView item);
/// Namespace of the item's organization; empty where the run knows none.
[[nodiscard]] std::string HomeOf(const CheckContext& context, DocumentView item);

struct Difference {
  std::string field;
  std::string detail;  // both values
};
/// The first field in which `found` is not `expected`, marks left out; nothing if only their order
/// differs.
[[nodiscard]] std::optional<Difference> FirstDifference(DocumentView expected, DocumentView found);

}  // namespace rehome
