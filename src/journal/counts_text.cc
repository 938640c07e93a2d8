#include "journal/counts_text.h"

#include <fmt/format.h>

#include <algorithm>

namespace rehome {
namespace {

constexpr std::size_t kShownMax = 12;
constexpr std::size_t kFirst = 6;  // of more
constexpr std::size_t kLast = 3;   // the sums of phase 3 among them

}  // namespace

std::string InWords(const Counts& counts) {
  std::string out;
  std::size_t at = 0;
  for (const auto& [what, count] : counts) {
    const bool all = counts.size() <= kShownMax;
    if (all || at < kFirst || at >= counts.size() - kLast) {
      out += fmt::format("{}{} {}", out.empty() ? "" : ", ", count, what);
    } else if (at == kFirst) {
      out += fmt::format(", … {} more …", counts.size() - kFirst - kLast);
    }
    ++at;
  }
  return out;
}

}  // namespace rehome
