#pragma once
// decimal.h — an exact decimal number, for multipleOf: any BSON number as sign × coefficient ×
// 10^exponent.
#include <cstdint>
#include <optional>

#include "model/document.h"

namespace rehome {

class Decimal {
 public:
  /// int and long exactly, double rounded to 15 significant digits, Decimal128 exactly; nothing for
  /// NaN and infinity.
  [[nodiscard]] static std::optional<Decimal> Of(ValueView number);

  /// Whether this is a whole multiple of `divisor` (not zero: CHECKed).
  [[nodiscard]] bool IsMultipleOf(const Decimal& divisor) const;
  [[nodiscard]] bool IsPositive() const { return !negative_ && coefficient_ != 0; }

 private:
  __extension__ using Uint128 = unsigned __int128;
  Decimal(bool negative, Uint128 coefficient, int exponent)
      : negative_(negative), coefficient_(coefficient), exponent_(exponent) {}
  [[nodiscard]] static std::optional<Decimal> OfDouble(double number);
  [[nodiscard]] static std::optional<Decimal> OfDecimal128(std::string_view payload);

  bool negative_;
  Uint128 coefficient_;  // below 2^113
  int exponent_;
};

}  // namespace rehome
