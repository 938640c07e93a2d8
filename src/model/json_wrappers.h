#pragma once
// json_wrappers.h — the objects by which Extended JSON writes the types that JSON lacks
// ({"$oid":…}, {"$date":…}).
#include <cstdint>
#include <string>

#include "model/document.h"

namespace rehome {

enum class Unwrapped : std::uint8_t {
  kPlain,     // an ordinary document, whatever its first key
  kWrapper,   // `type` and `payload` are the value
  kMalformed  // one of the format's own keys first, and then not what that key demands
};

/// Reads an object of Extended JSON that was turned into BSON as it stands, its own members
/// unwrapped before.
[[nodiscard]] Unwrapped Unwrap(DocumentView object, BsonType& type, std::string& payload);

}  // namespace rehome
