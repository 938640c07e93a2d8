#pragma once
// nearest.h — what somebody who typed the wrong word most likely meant.
#include <span>
#include <string>
#include <string_view>

namespace rehome::cli {

/// The candidate with the smallest edit distance to `word`; empty if none is near enough to be
/// worth a guess.
[[nodiscard]] std::string Nearest(std::string_view word, std::span<const std::string> candidates);

/// For words of other migration scripts (`migrate`, `--dry-run`, `--rollback=phase2`): how to say
/// it here; empty if nothing is known.
[[nodiscard]] std::string_view SaidHere(std::string_view word);

}  // namespace rehome::cli
