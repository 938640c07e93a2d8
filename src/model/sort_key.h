#pragma once
// sort_key.h — MongoDB's order across BSON types as bytes: memcmp of two keys is MongoDB's
// comparison of the two values, and equal keys are values that MongoDB compares equal (5, 5L, 5.0,
// Decimal 5).
#include <span>
#include <string>
#include <vector>

#include "model/document.h"

namespace rehome {

[[nodiscard]] std::string SortKey(ValueView value);

/// `values` in their order, each once: 5 and 5.0 are one.
[[nodiscard]] std::vector<Value> EachOnce(std::span<const Value> values);

}  // namespace rehome
