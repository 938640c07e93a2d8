#pragma once
// extended_json.h — MongoDB Extended JSON v2, both directions, byte-exact where the format allows it.
#include <cstdint>
#include <string>
#include <string_view>

#include "model/document.h"

namespace rehome {

enum class JsonMode : std::uint8_t { kCanonical, kRelaxed };

/// One line, no newline.
[[nodiscard]] std::string ToExtendedJson(DocumentView document, JsonMode mode);
/// A single value ({"$oid":…}, 5, "text").
[[nodiscard]] std::string ToExtendedJson(ValueView value, JsonMode mode);

/// Reads one document, canonical, relaxed or degenerate. kInvalidArgument names what is wrong and the byte offset.
/// Nesting deeper than 200 levels is refused.
[[nodiscard]] Result<Document> ParseExtendedJson(std::string_view json);
/// Reads a single value, as a command line names an `_id`.
[[nodiscard]] Result<Value> ParseExtendedJsonValue(std::string_view json);

}  // namespace rehome
