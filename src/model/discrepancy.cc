#include "model/discrepancy.h"

namespace rehome {

std::string_view Name(DiscrepancyClass discrepancy_class) {
  switch (discrepancy_class) {
    case DiscrepancyClass::kMissing:
      return "missing";
    case DiscrepancyClass::kExtra:
      return "extra";
    case DiscrepancyClass::kDiffering:
      return "differing";
    case DiscrepancyClass::kStale:
      return "stale";
    case DiscrepancyClass::kMisplaced:
      return "misplaced";
    case DiscrepancyClass::kDuplicate:
      return "duplicate";
    case DiscrepancyClass::kChangedAfterCutover:
      return "changed_after_cutover";
    case DiscrepancyClass::kPending:
      return "pending";
  }
  return "unknown";
}

bool IsFailing(DiscrepancyClass discrepancy_class) {
  return discrepancy_class != DiscrepancyClass::kChangedAfterCutover;
}

}  // namespace rehome
