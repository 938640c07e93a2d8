#pragma once
// discrepancy.h — what a check found. Findings are data: a check that found something has not
// failed to run.
#include <cstdint>
#include <string>
#include <string_view>

namespace rehome {

enum class DiscrepancyClass : std::uint8_t {
  kMissing,              // expected, not there
  kExtra,                // there, not expected
  kDiffering,            // there, with other contents
  kStale,                // right once: of an older text, contract or source
  kMisplaced,            // in the wrong namespace or with the wrong tenant
  kDuplicate,            // there more than once
  kChangedAfterCutover,  // the application's own change: counted, not failing
  kPending,              // named by a feed beyond applied-through: not applied yet
};

[[nodiscard]] std::string_view Name(DiscrepancyClass discrepancy_class);
/// Whether one of this class makes a check fail.
[[nodiscard]] bool IsFailing(DiscrepancyClass discrepancy_class);

struct Discrepancy {
  DiscrepancyClass discrepancy_class = DiscrepancyClass::kMissing;
  std::string id;  // item_id; org_id or profile_id; a source without item: its _id as Extended JSON
  std::string field;   // empty: the whole datum
  std::string detail;  // what was expected and what was found
};

}  // namespace rehome
