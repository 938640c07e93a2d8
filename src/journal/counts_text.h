#pragma once
// counts_text.h — what a phase counted, as a person reads it.
#include <string>

#include "journal/run_record.h"

namespace rehome {

/// "12 items, 0 quarantined"; of many counts (a namespace each) the first and how many more there
/// are. Empty: "".
[[nodiscard]] std::string InWords(const Counts& counts);

}  // namespace rehome
