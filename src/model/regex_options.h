#pragma once
// regex_options.h — MongoDB keeps the letters of a regular expression's options in alphabetical
// order. They are ASCII; what is not has no such order, and its bytes sorted would be no UTF-8.
#include <algorithm>
#include <string>
#include <string_view>

namespace rehome {

[[nodiscard]] inline std::string SortedOptions(std::string_view options) {
  std::string out(options);
  if (std::ranges::all_of(out, [](char c) { return static_cast<signed char>(c) >= 0; })) {
    std::ranges::sort(out);
  }
  return out;
}

}  // namespace rehome
