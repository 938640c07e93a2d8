// env_file.cc — one key of an .env file. Input: the key, the new value, the file. Only that key's
// value changes, and undoing it gives the same bytes again.
#include "phases/env_file.h"

#include <algorithm>

#include "tests/fuzz/fuzz.h"

namespace {

using namespace rehome;  // NOLINT(google-build-using-namespace): one function's worth of names

/// What a plan lets through.
bool IsKey(std::string_view key) {
  const auto is_word = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !key.empty() && (key[0] < '0' || key[0] > '9') && std::ranges::all_of(key, is_word);
}

/// What other keys read is as before: every word of the file is tried as one.
void CheckOthers(std::string_view before, std::string_view after, std::string_view key) {
  constexpr std::string_view kBetween = "= \t\r\n#'\"";
  for (std::string_view rest = before; !rest.empty();) {
    const std::string_view word = rest.substr(0, rest.find_first_of(kBetween));
    rest.remove_prefix(std::min(word.size() + 1, rest.size()));
    CHECK(!IsKey(word) || word == key || EnvValue(before, word) == EnvValue(after, word));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto [key, value, text] = fuzz::Parts<3>(fuzz::Text(data, size));
  if (!IsKey(key)) {
    return 0;
  }
  const Result<std::string> edited = WithEnvValue(text, key, value);
  if (!edited) {
    fuzz::CheckRefusal(edited.error(), ErrorCode::kInvalidArgument);
    return 0;
  }
  CHECK(EnvValue(*edited, key) == std::string(value));
  CHECK(WithEnvValue(*edited, key, value) == *edited);
  CheckOthers(text, *edited, key);
  const std::optional<std::string> written = EnvWrittenValue(text, key);
  const std::string undone =
      written ? *WithEnvWrittenValue(*edited, key, *written) : WithoutEnvKey(*edited, key);
  CHECK(undone == text);
  return 0;
}
