#pragma once
// comparison.h — a filter that holds only while a document stands as it was read.
#include <cstddef>

#include "model/document.h"

namespace rehome::mongodb {

/// What such a filter takes beside the document itself.
inline constexpr std::size_t kComparisonBytesMax = 4'096;

struct Comparison {
  Document filter;  // by _id, over the whole document
  /// False: it may also hold for a document whose bytes differ, and what stands has to be looked at.
  bool exact = false;
};

[[nodiscard]] Comparison ComparisonWith(const Document& expected);

}  // namespace rehome::mongodb
