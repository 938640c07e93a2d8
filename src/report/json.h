#pragma once
// json.h — JSON as it leaves the program.
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace rehome {

/// Two-space indented, keys in the order they were set, invalid UTF-8 replaced, a newline at the
/// end.
[[nodiscard]] std::string JsonText(const nlohmann::ordered_json& document);

}  // namespace rehome
