#pragma once
// regex_options.h — MongoDB keeps the letters of a regular expression's options in alphabetical
// order.
#include <algorithm>
#include <string>
#include <string_view>

namespace rehome {

[[nodiscard]] inline std::string SortedOptions(std::string_view options) {
  std::string out(options);
  std::ranges::sort(out);
  return out;
}

}  // namespace rehome
