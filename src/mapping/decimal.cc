#include "mapping/decimal.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <cstring>
#include <string>

namespace rehome {
namespace {

__extension__ using Uint128 = unsigned __int128;

/// a × b mod m for m < 2^113: 16 bits of b at a time would not fit, so one at a time.
Uint128 MultiplyMod(Uint128 a, Uint128 b, Uint128 m) {
  Uint128 result = 0;
  for (a %= m; b > 0; b >>= 1U) {
    if ((b & 1U) != 0) {
      result = (result + a) % m;
    }
    a = (a + a) % m;
  }
  return result;
}

Uint128 PowerOfTenMod(unsigned exponent, Uint128 m) {
  Uint128 result = 1 % m;
  Uint128 base = 10 % m;
  for (; exponent > 0; exponent >>= 1U) {
    if ((exponent & 1U) != 0) {
      result = MultiplyMod(result, base, m);
    }
    base = MultiplyMod(base, base, m);
  }
  return result;
}

}  // namespace

std::optional<Decimal> Decimal::Of(ValueView number) {
  if (number.type() == BsonType::kDouble) {
    return OfDouble(number.AsDouble());
  }
  if (number.type() == BsonType::kDecimal128) {
    return OfDecimal128(number.payload());
  }
  const std::int64_t whole =
      number.type() == BsonType::kInt32 ? number.AsInt32() : number.AsInt64();
  const auto bits = static_cast<std::uint64_t>(whole);
  return Decimal(whole < 0, whole < 0 ? 0 - bits : bits, 0);
}

std::optional<Decimal> Decimal::OfDouble(double number) {
  if (!std::isfinite(number)) {
    return std::nullopt;
  }
  // d.dddddddddddddde±x: 15 digits.
  const std::string text = fmt::format("{:.14e}", std::fabs(number));
  std::uint64_t digits = 0;
  const std::size_t e = text.find('e');
  for (const char c : text.substr(0, e)) {
    digits = c == '.' ? digits : digits * 10 + static_cast<std::uint64_t>(c - '0');
  }
  int exponent = 0;
  const char* from = text.data() + e + (text[e + 1] == '+' ? 2 : 1);
  std::from_chars(from, text.data() + text.size(), exponent);
  return Decimal(std::signbit(number), digits, exponent - 14);
}

std::optional<Decimal> Decimal::OfDecimal128(std::string_view payload) {
  CHECK(payload.size() == 16);
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  std::memcpy(&low, payload.data(), 8);
  std::memcpy(&high, payload.data() + 8, 8);
  constexpr int kBias = 6176;
  if (((high >> 61U) & 3U) == 3U) {
    if (((high >> 59U) & 15U) == 15U) {
      return std::nullopt;  // infinity, NaN
    }
    return Decimal(false, 0,
                   0);  // a coefficient over 34 digits is not canonical and stands for zero
  }
  const Uint128 coefficient = (static_cast<Uint128>(high & 0x1FFFFFFFFFFFFU) << 64U) | low;
  return Decimal((high >> 63U) != 0, coefficient,
                 static_cast<int>((high >> 49U) & 0x3FFFU) - kBias);
}

bool Decimal::IsMultipleOf(const Decimal& divisor) const {
  CHECK(divisor.coefficient_ != 0);
  if (coefficient_ == 0) {
    return true;
  }
  const int shift = exponent_ - divisor.exponent_;
  if (shift >= 0) {
    const Uint128 m = divisor.coefficient_;
    return MultiplyMod(coefficient_ % m, PowerOfTenMod(static_cast<unsigned>(shift), m), m) == 0;
  }
  // The divisor has to be scaled up; once it is over the coefficient it cannot divide it any more.
  Uint128 scaled = divisor.coefficient_;
  for (int i = 0; i < -shift; ++i) {
    if (scaled > coefficient_) {
      return false;
    }
    scaled *= 10;
  }
  return scaled <= coefficient_ && coefficient_ % scaled == 0;
}

}  // namespace rehome
