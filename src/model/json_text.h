#pragma once
// json_text.h — how every JSON that this folder writes spells strings.
#include <string>
#include <string_view>

namespace rehome {

/// Appends `text` in quotes: quote, backslash and control characters escaped, everything else as it
/// is.
void AppendJsonString(std::string& out, std::string_view text);

}  // namespace rehome
