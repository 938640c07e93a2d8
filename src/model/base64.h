#pragma once
// base64.h — RFC 4648, standard alphabet, padded.
#include <string>
#include <string_view>

namespace rehome {

void AppendBase64(std::string& out, std::string_view bytes);
/// Appends the decoded bytes; false (with `out` partly written) if `text` is not padded base64.
[[nodiscard]] bool DecodeBase64(std::string_view text, std::string& out);

}  // namespace rehome
