#include "cli/said_here.h"

#include <algorithm>
#include <array>
#include <utility>

namespace rehome::cli {
namespace {

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

std::string_view SaidHere(std::string_view word) {
  const std::string_view name = word.substr(0, word.find('='));
  const auto* const found =
      std::ranges::find(kSaidHere, name, &std::pair<std::string_view, std::string_view>::first);
  return found == kSaidHere.end() ? std::string_view{} : found->second;
}

}  // namespace rehome::cli
