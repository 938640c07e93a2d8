#pragma once
// json_text.h — how every JSON that this folder writes spells strings, and which it can.
#include <string>
#include <string_view>

namespace rehome {

/// Appends `text` in quotes: quote, backslash and control characters escaped, everything else as it
/// is.
void AppendJsonString(std::string& out, std::string_view text);
/// MongoDB stores strings that are not; no JSON carries them.
[[nodiscard]] bool IsUtf8(std::string_view text);
/// Whether brackets stand inside each other more than `levels` deep. For what nlohmann-json is to
/// parse from outside: it writes by recursion.
[[nodiscard]] bool NestsDeeperThan(std::string_view json, int levels);

}  // namespace rehome
