#pragma once
// said_here.h — for hands that know other migration scripts.
#include <string_view>

namespace rehome::cli {

/// How to say `migrate`, `--dry-run` or `--rollback=phase2` here; empty if nothing is known of that
/// word.
[[nodiscard]] std::string_view SaidHere(std::string_view word);

}  // namespace rehome::cli
