#pragma once
// validate.h — whether bytes are one well-formed BSON document, so that nothing behind
// Document::Parse checks again.
#include <cstddef>
#include <optional>
#include <string_view>

namespace rehome {

/// Far above the 200 levels that MongoDB stores, far below what the recursion of readers can take.
inline constexpr int kDocumentDepthMax = 1000;

/// The offset of the first byte that is out of place; nothing if `bytes` are one document. Lengths,
/// terminators, types, booleans and nesting are checked; UTF-8 is not, since MongoDB stores strings
/// of any bytes, and array keys are not.
[[nodiscard]] std::optional<std::size_t> FindMalformedByte(std::string_view bytes);

}  // namespace rehome
