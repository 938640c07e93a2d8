#include "cli/nearest.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>
#include <vector>

namespace rehome::cli {
namespace {

std::size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({row[j] + 1, row[j + 1] + 1, replaced});
    }
  }
  return row.back();
}

constexpr std::array<std::pair<std::string_view, std::string_view>, 14> kSaidHere{{
    {"migrate", "rehome run"},
    {"start", "rehome run"},
    {"resume", "rehome run"},
    {"dry-run", "rehome plan"},
    {"preview", "rehome plan"},
    {"validate", "rehome verify"},
    {"undo", "rehome rollback --phase N, or rehome revert after cutover"},
    {"restore", "rehome backup restore"},
    {"reembed", "rehome vectors reembed --namespace NS"},
    {"--all", "rehome run (without --phase it runs all phases)"},
    {"--rollback", "rehome rollback --phase N, or rehome rollback --all"},
    {"--action", "rehome vectors backup|clear|reembed --namespace NS"},
    {"--output", "--dir"},
    {"--restore", "rehome backup restore --dir DIR"},
}};

}  // namespace

std::string Nearest(std::string_view word, std::span<const std::string> candidates) {
  const std::size_t distance_max = std::max<std::size_t>(1, word.size() / 3);
  std::string best;
  std::size_t best_distance = distance_max + 1;
  for (const std::string& candidate : candidates) {
    const bool is_prefix = word.size() >= 3 && candidate.starts_with(word);
    const std::size_t distance = is_prefix ? 0 : EditDistance(word, candidate);
    if (distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

std::string_view SaidHere(std::string_view word) {
  const std::string_view name = word.substr(0, word.find('='));
  const auto* const found =
      std::ranges::find(kSaidHere, name, &std::pair<std::string_view, std::string_view>::first);
  return found == kSaidHere.end() ? std::string_view{} : found->second;
}

}  // namespace rehome::cli
