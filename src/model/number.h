#pragma once
// number.h — a BSON number of any of the four types as one exact decimal, so that equal numbers
// have equal forms.
#include <cstdint>
#include <string>
#include <string_view>

#include "model/document.h"

namespace rehome {

[[nodiscard]] bool IsNumber(BsonType type);

/// Zero has no digits and no sign; every NaN is one.
struct ExactNumber {
  enum class Kind : std::uint8_t { kNaN, kFinite, kInfinite };
  Kind kind = Kind::kFinite;
  bool negative = false;
  int exponent = 0;    // the value is ±0.DIGITS × 10^exponent
  std::string digits;  // neither leading nor trailing zeros
  bool operator==(const ExactNumber&) const = default;
};

/// Requires IsNumber (CHECKed).
[[nodiscard]] ExactNumber Exactly(ValueView number);

/// A whole number, without the detour over the double's exact expansion.
[[nodiscard]] ExactNumber Exactly(std::int64_t number);

/// "5", "-0.25", "1e400", "nan", "-inf": one text per number.
[[nodiscard]] std::string NumberText(const ExactNumber& number);

}  // namespace rehome
