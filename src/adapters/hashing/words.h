#pragma once
// words.h — a text's words as lower-cased code points. Private to this folder.
#include <string>
#include <string_view>
#include <vector>

namespace rehome {

/// Broken UTF-8 separates words like a blank.
[[nodiscard]] std::vector<std::u32string> WordsOf(std::string_view text);

}  // namespace rehome
