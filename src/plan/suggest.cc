#include "plan/suggest.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>

namespace rehome {
namespace {

/// Letters to insert, delete or replace (Levenshtein).
std::size_t Distance(std::string_view from, std::string_view to) {
  std::vector<std::size_t> row(to.size() + 1);
  std::iota(row.begin(), row.end(), 0U);
  for (std::size_t i = 1; i <= from.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= to.size(); ++j) {
      const std::size_t replaced = diagonal + (from[i - 1] == to[j - 1] ? 0U : 1U);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::string_view Nearest(std::string_view word, std::span<const std::string_view> candidates) {
  std::string_view nearest;
  std::size_t distance_min = std::max<std::size_t>(word.size() < 4 ? 1 : 2, word.size() / 3) + 1;
  for (const std::string_view candidate : candidates) {
    if (const std::size_t distance = Distance(word.substr(0, 100), candidate.substr(0, 100));
        distance < distance_min) {
      nearest = candidate;
      distance_min = distance;
    }
  }
  return nearest;
}

std::string DidYouMean(std::string_view word, std::span<const std::string_view> candidates) {
  if (const std::string_view nearest = Nearest(word, candidates); !nearest.empty()) {
    return fmt::format("; did you mean `{}`?", nearest);
  }
  constexpr std::size_t kShownMax = 12;
  if (candidates.empty() || candidates.size() > kShownMax) {
    return {};
  }
  return fmt::format("; known: {}", fmt::join(candidates, ", "));
}

}  // namespace rehome
