#pragma once
// env_file.h — one key of an .env file, edited in place. Pure text: who reads and writes the file
// is the caller's part.
//
// Two readers judge it, PyPI's python-dotenv and npm's dotenv: what is written is read by both as
// exactly that value, and every byte that is not the key's value stays. The last of several lines
// with the key is the one that counts for both, so that is the one that is read and edited.
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace rehome {

/// What the application reads under `key` (without ${…} interpolation); nothing if no line sets it.
[[nodiscard]] std::optional<std::string> EnvValue(std::string_view text, std::string_view key);

/// The value as it is written, quotes included: what a revert puts back to have the same bytes
/// again.
[[nodiscard]] std::optional<std::string> EnvWrittenValue(std::string_view text,
                                                         std::string_view key);

/// `text` with the value set, in the quoting style of the value before where that can hold it; a
/// missing key is appended as a line of its own. kInvalidArgument: a value that the two readers
/// could not both read back exactly.
[[nodiscard]] Result<std::string> WithEnvValue(std::string_view text, std::string_view key,
                                               std::string_view value);

/// The same with a value as EnvWrittenValue() gave it. kNotFound: no line sets the key.
[[nodiscard]] Result<std::string> WithEnvWrittenValue(std::string_view text, std::string_view key,
                                                      std::string_view written);

/// `text` without the line that sets `key`: exactly undoes the append of WithEnvValue().
[[nodiscard]] std::string WithoutEnvKey(std::string_view text, std::string_view key);

}  // namespace rehome
