#pragma once
// escape.h — text of others made harmless for a terminal, and how wide text stands there.
#include <cstddef>
#include <string>
#include <string_view>

namespace rehome {

/// `text` with everything that could move the cursor, change colours, reorder or hide text (control
/// characters, escape sequences, bidirectional and invisible format characters, invalid UTF-8)
/// written out: `\n`, `\x1b`, `\u{202e}`.
[[nodiscard]] std::string Escape(std::string_view text);

/// The same for our own sentences that list things below each other: a line break followed by two
/// spaces stays.
[[nodiscard]] std::string EscapeLines(std::string_view text);

/// Columns that `text` takes (UTF-8; East Asian wide characters and emoji take two, combining marks
/// none).
[[nodiscard]] std::size_t DisplayWidth(std::string_view text);

/// `text` cut to at most `columns`, ending in "…" where something was cut.
[[nodiscard]] std::string CutToWidth(std::string_view text, std::size_t columns);

}  // namespace rehome
