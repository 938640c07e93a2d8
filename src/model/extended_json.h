#pragma once
// extended_json.h — MongoDB Extended JSON v2, both directions, byte-exact where the format allows
// it.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "model/document.h"

namespace rehome {

enum class JsonMode : std::uint8_t { kCanonical, kRelaxed };

/// One line, no newline.
[[nodiscard]] std::string ToExtendedJson(DocumentView document, JsonMode mode);
/// A single value ({"$oid":…}, 5, "text").
[[nodiscard]] std::string ToExtendedJson(ValueView value, JsonMode mode);

/// Reads one document, canonical, relaxed or degenerate. kInvalidArgument names what is wrong and
/// the byte offset. Nesting deeper than 200 levels is refused.
[[nodiscard]] Result<Document> ParseExtendedJson(std::string_view json);
/// Reads a single value, as a command line names an `_id`.
[[nodiscard]] Result<Value> ParseExtendedJsonValue(std::string_view json);

/// The canonical text of `document` if it reads back to the same bytes. It does not for a
/// sub-document that looks like one of the format's own ({"$oid":…}), a NaN with a payload, regex
/// options out of order, invalid UTF-8, array keys other than 0, 1, 2…, a decimal128 that is not
/// canonical, and nesting that the reader refuses.
[[nodiscard]] std::optional<std::string> FaithfulJson(DocumentView document);

}  // namespace rehome
