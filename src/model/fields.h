#pragma once
// fields.h — reading fields of documents. In those that rehome itself wrote an absent one, or one of
// another type, gives the fallback.
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/document.h"

namespace rehome {

[[nodiscard]] std::string StringField(DocumentView document, std::string_view key);
/// int32, int64, date; else `fallback`.
[[nodiscard]] std::int64_t IntField(DocumentView document, std::string_view key,
                                    std::int64_t fallback = 0);
[[nodiscard]] double DoubleField(DocumentView document, std::string_view key);
[[nodiscard]] bool BoolField(DocumentView document, std::string_view key);
/// Bytes of a binary field; empty if absent. Borrowed from `document`.
[[nodiscard]] std::string_view BinaryField(DocumentView document, std::string_view key);
/// A sub-document or array; an empty one if absent. Borrowed from `document`.
[[nodiscard]] DocumentView DocumentField(DocumentView document, std::string_view key);

/// The `_id` of each, in their order.
[[nodiscard]] std::vector<Value> IdsOf(std::span<const Document> documents);

}  // namespace rehome
