#pragma once
// copy_counts.h — what load and restore did, for people and as JSON.
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "backup/backup.h"

namespace rehome::cli {

using CountsByName = std::map<std::string, WrittenCounts>;

/// A table of both; ids that differ are named below it.
[[nodiscard]] std::string CountsText(const CountsByName& collections,
                                     const CountsByName& namespaces);
[[nodiscard]] nlohmann::ordered_json CountsJson(const CountsByName& counts);

}  // namespace rehome::cli
