#pragma once
// comparison.h — a filter that holds only while a document stands as it was read.
#include "model/document.h"

namespace rehome::mongodb {

struct Comparison {
  Document filter;  // by _id, over the whole document
  /// False: it may also hold for a document whose bytes differ, and what stands has to be looked at.
  bool exact = false;
};

[[nodiscard]] Comparison ComparisonWith(const Document& expected);

}  // namespace rehome::mongodb
