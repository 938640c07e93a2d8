#pragma once
// id_ranges.h — a range of ids as MongoDB can be asked for it. $gt and $lt compare within one group
// of types only (numbers, strings, …), so a range becomes several filters, each of them exact,
// together complete, in MongoDB's order.
#include <cstdint>
#include <vector>

#include "model/document.h"
#include "ports/document_store.h"

namespace rehome::mongodb {

/// Whether a server knows the types that only old applications wrote (symbol, DBPointer, code), as
/// MongoDB does. One that does not is taken to keep UUIDs apart from other binary values, behind them.
enum class RareTypes : std::uint8_t { kAssumed, kKnown, kUnknown };

/// Filters over `_id` in ascending order, disjoint; none: the range is empty.
[[nodiscard]] std::vector<Document> RangeFilters(const IdRange& range, RareTypes rare_types);
/// Whether the first of them finds nothing and only asks whether the server knows the rare types: what
/// it keeps apart would be missed.
[[nodiscard]] bool AsksForRareTypes(const IdRange& range, RareTypes rare_types);

/// { _id: id } as a filter that matches documents as ids too.
[[nodiscard]] Document IdFilter(ValueView id);

}  // namespace rehome::mongodb
