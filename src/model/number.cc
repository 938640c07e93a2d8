#include "model/number.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "model/bytes.h"

namespace rehome {
namespace {

__extension__ using Uint128 = unsigned __int128;

/// ±0.DIGITS × 10^exponent with the zeros at both ends of `digits` taken off.
ExactNumber Finite(bool negative, std::string_view digits, int exponent) {
  const std::size_t first = digits.find_first_not_of('0');
  if (first == std::string_view::npos) {
    return {};
  }
  const std::size_t last = digits.find_last_not_of('0');
  return {.negative = negative,
          .exponent = exponent - static_cast<int>(first),
          .digits = std::string(digits.substr(first, last - first + 1))};
}

ExactNumber Infinite(bool negative) {
  return {.kind = ExactNumber::Kind::kInfinite, .negative = negative, .digits = {}};
}

ExactNumber NotANumber() {
  return {.kind = ExactNumber::Kind::kNaN, .digits = {}};
}

ExactNumber FromDouble(double number) {
  constexpr double kIntegersBelow = 0x1p63;
  if (std::isnan(number)) {
    return NotANumber();
  }
  if (std::isinf(number)) {
    return Infinite(number < 0);
  }
  if (std::abs(number) < kIntegersBelow && number == std::trunc(number)) {
    return Exactly(static_cast<std::int64_t>(number));
  }
  // number = mantissa × 2^power with a 53-bit whole mantissa: -power decimals show it exactly.
  int power = 0;
  static_cast<void>(std::frexp(number, &power));
  const int decimals = std::clamp(53 - power, 0, 1074);
  // to_chars fills what is read of it. NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init)
  std::array<char, 1500> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), std::abs(number),
                                 std::chars_format::fixed, decimals);
  CHECK(end.ec == std::errc{});
  std::string text(buffer.data(), end.ptr);
  std::size_t point = text.find('.');
  if (point == std::string::npos) {
    point = text.size();
  } else {
    text.erase(point, 1);
  }
  return Finite(number < 0, text, static_cast<int>(point));
}

/// IEEE 754-2008 decimal128 in its binary integer form, as BSON stores it.
ExactNumber FromDecimal(std::string_view payload) {
  constexpr int kExponentBias = 6176;
  constexpr std::uint64_t kExponentMask = 0x3FFF;
  const auto low = LoadAt<std::uint64_t>(payload);
  const auto high = LoadAt<std::uint64_t>(payload, 8);
  const bool negative = (high >> 63U) != 0;
  const std::uint64_t combination = (high >> 58U) & 0x1FU;
  if (combination == 0x1F) {
    return NotANumber();
  }
  if (combination == 0x1E) {
    return Infinite(negative);
  }
  if ((combination >> 3U) == 3) {
    return {};  // this form's coefficients are all above 34 digits: not canonical, by the standard
                // a zero
  }
  const auto exponent = static_cast<int>((high >> 49U) & kExponentMask) - kExponentBias;
  Uint128 coefficient = (static_cast<Uint128>(high & 0x1FFFFFFFFFFFFU) << 64U) | low;
  std::string digits;
  while (coefficient != 0) {
    digits.push_back(static_cast<char>('0' + static_cast<int>(coefficient % 10)));
    coefficient /= 10;
  }
  if (digits.size() > 34) {
    return {};  // likewise not canonical
  }
  std::ranges::reverse(digits);
  return Finite(negative, digits, exponent + static_cast<int>(digits.size()));
}

}  // namespace

bool IsNumber(BsonType type) {
  return type == BsonType::kInt32 || type == BsonType::kInt64 || type == BsonType::kDouble ||
         type == BsonType::kDecimal128;
}

ExactNumber Exactly(std::int64_t number) {
  std::array<char, 24> buffer{};
  const char* end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number).ptr;
  const char* begin = buffer.data() + (number < 0 ? 1 : 0);
  return Finite(number < 0, {begin, end}, static_cast<int>(end - begin));
}

ExactNumber Exactly(ValueView number) {
  CHECK(IsNumber(number.type()));
  if (number.type() == BsonType::kInt32) {
    return Exactly(std::int64_t{number.AsInt32()});
  }
  if (number.type() == BsonType::kInt64) {
    return Exactly(number.AsInt64());
  }
  return number.type() == BsonType::kDouble ? FromDouble(number.AsDouble())
                                            : FromDecimal(number.payload());
}

std::string NumberText(const ExactNumber& number) {
  // The bounds within which digits stand around the point instead of before an exponent; as
  // JavaScript prints.
  constexpr int kPositionalMax = 21;
  constexpr int kPositionalMin = -5;
  const std::string_view sign = number.negative ? "-" : "";
  if (number.kind != ExactNumber::Kind::kFinite) {
    return fmt::format("{}{}", sign, number.kind == ExactNumber::Kind::kNaN ? "nan" : "inf");
  }
  if (number.digits.empty()) {
    return "0";
  }
  const std::string_view digits = number.digits;
  const auto count = static_cast<int>(digits.size());
  if (number.exponent > kPositionalMax || number.exponent < kPositionalMin) {
    const std::string_view point = count > 1 ? "." : "";
    return fmt::format("{}{}{}{}e{}", sign, digits.front(), point, digits.substr(1),
                       number.exponent - 1);
  }
  if (number.exponent <= 0) {
    return fmt::format("{}0.{:0>{}}{}", sign, "", -number.exponent, digits);
  }
  if (count <= number.exponent) {
    return fmt::format("{}{:0<{}}", sign, digits, number.exponent);
  }
  const auto whole = static_cast<std::size_t>(number.exponent);
  return fmt::format("{}{}.{}", sign, digits.substr(0, whole), digits.substr(whole));
}

}  // namespace rehome
