// Documents and values as a test writes and shows them: Extended JSON.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "model/extended_json.h"

namespace rehome::testing_support {

inline Document Json(std::string_view json) {
  auto document = ParseExtendedJson(json);
  CHECK(document.has_value());
  return *std::move(document);
}

inline Value JsonValue(std::string_view json) {
  auto value = ParseExtendedJsonValue(json);
  CHECK(value.has_value());
  return *std::move(value);
}

inline std::string Canonical(const Document& document) {
  return ToExtendedJson(document.view(), JsonMode::kCanonical);
}

}  // namespace rehome::testing_support
