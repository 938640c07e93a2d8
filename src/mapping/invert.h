#pragma once
// invert.h — the way back: the legacy document that maps to a given item, where there is one.
#include <optional>

#include "mapping/mapping.h"

namespace rehome {

/// The legacy document that the mapping turns into exactly `item` (same digest, marks aside):
/// `source` with only the fields changed that the change of the item concerns, or a new document
/// where there is no source. Nothing if the mapping does not invert for this change; whatever is
/// returned was mapped again and compared.
[[nodiscard]] std::optional<Document> Invert(const Mapper& mapper, const ItemsPlan& items,
                                             const std::optional<Document>& source,
                                             DocumentView item);

}  // namespace rehome
