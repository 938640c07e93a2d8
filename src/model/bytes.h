#pragma once
// bytes.h — little-endian numbers in and out of strings, as BSON has them.
#include <bit>
#include <cstring>
#include <string>
#include <string_view>

#include "base/error.h"

namespace rehome {

static_assert(std::endian::native == std::endian::little,
              "BSON is little-endian and copied as it is");

/// The number of type T at `offset`, which must lie within `bytes` (CHECKed).
template <class T>
[[nodiscard]] T LoadAt(std::string_view bytes, std::size_t offset = 0) {
  T out{};
  CHECK(offset <= bytes.size() && bytes.size() - offset >= sizeof(T));
  std::memcpy(&out, bytes.data() + offset, sizeof(T));
  return out;
}

template <class T>
void AppendNumber(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof(T));
}

template <class T>
void StoreAt(std::string& out, std::size_t offset, T value) {
  CHECK(offset <= out.size() && out.size() - offset >= sizeof(T));
  std::memcpy(out.data() + offset, &value, sizeof(T));
}

}  // namespace rehome
