#pragma once
// suggest.h — "did you mean".
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rehome {

/// The candidate nearest to `word`; empty if none is near (a third of its letters wrong, at most).
[[nodiscard]] std::string_view Nearest(std::string_view word,
                                       std::span<const std::string_view> candidates);

/// `; did you mean `x`?` if one is near, else `; known: a, b, c`, else nothing.
[[nodiscard]] std::string DidYouMean(std::string_view word,
                                     std::span<const std::string_view> candidates);

}  // namespace rehome
