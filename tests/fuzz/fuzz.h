#pragma once
// fuzz.h — what the fuzz targets share. A target is one file with LLVMFuzzerTestOneInput: it reads
// hostile bytes with the product's own reader and CHECKs what must hold whatever they are.
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace rehome::fuzz {

inline std::string_view Text(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// An input of several texts, with a line `%%` between two, so that corpora can be read and
/// written by hand. What is missing is empty; the last one is all that is left.
template <std::size_t N>
std::array<std::string_view, N> Parts(std::string_view input) {
  constexpr std::string_view kBetween = "\n%%\n";
  std::array<std::string_view, N> parts;
  for (std::size_t i = 0; i < N; ++i) {
    const std::size_t end = i + 1 < N ? input.find(kBetween) : std::string_view::npos;
    parts[i] = input.substr(0, end);
    input.remove_prefix(end == std::string_view::npos ? input.size() : end + kBetween.size());
  }
  return parts;
}

/// Refused input must say why, in text that can be shown, with a code that means "this input".
inline void CheckRefusal(const Error& error, ErrorCode code) {
  CHECK(error.code == code);
  CHECK(!error.message.empty());
}

}  // namespace rehome::fuzz
