#pragma once
// text.h — how the mapping reads text: what white space is, when two texts are the same but for
// case, and how a value that is not a string stands in one.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/document.h"

namespace rehome {

/// Without white space at both ends: Unicode's White_Space (NBSP, the U+2000 spaces, U+3000, …) and
/// U+FEFF. Borrowed.
[[nodiscard]] std::string_view Trim(std::string_view text);
/// Trimmed, every run of white space inside one space.
[[nodiscard]] std::string CollapseSpace(std::string_view text);
/// Lower case for comparing: ASCII, Latin-1, Latin Extended-A, Greek and Cyrillic letters;
/// everything else unchanged.
[[nodiscard]] std::string FoldCase(std::string_view text);
/// Whether FoldCase() makes both the same.
[[nodiscard]] bool EqualFolded(std::string_view a, std::string_view b);
/// Whether both are the same but for the case of ASCII letters.
[[nodiscard]] bool EqualIgnoringAsciiCase(std::string_view a, std::string_view b);
/// Trimmed parts of a comma-separated text, empty ones left out. Borrowed.
[[nodiscard]] std::vector<std::string_view> SplitCommas(std::string_view text);
/// Whether a letter or digit (any non-ASCII code point that is no white space counts as one) ends
/// or starts the text.
[[nodiscard]] bool EndsInWord(std::string_view text);
[[nodiscard]] bool StartsInWord(std::string_view text);
/// At most `bytes_max` bytes, cut between two code points. Borrowed.
[[nodiscard]] std::string_view CutText(std::string_view text, std::size_t bytes_max);

/// Missing, null, white space, an empty list.
[[nodiscard]] bool IsEmpty(const std::optional<ValueView>& value);

/// A value inside a text: strings trimmed, numbers in their shortest form (5.0 is "5"), true/false,
/// ObjectIds as hex, null as nothing, lists joined with ", " without their empty entries,
/// everything else as relaxed Extended JSON.
[[nodiscard]] std::string AsText(ValueView value);

}  // namespace rehome
