#include "base/float_text.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

namespace rehome {
namespace {

static_assert(std::endian::native == std::endian::little, "digits are handled eight at a time");

// --- writing ---

/// "000".."999" and a byte that the next digits overwrite.
constexpr auto kTriples = [] {
  std::array<std::array<char, 4>, 1000> triples{};
  for (std::size_t i = 0; i < triples.size(); ++i) {
    triples[i] = {static_cast<char>('0' + i / 100), static_cast<char>('0' + i / 10 % 10),
                  static_cast<char>('0' + i % 10), '0'};
  }
  return triples;
}();

/// The bits of the smallest float that is `bound` or more; of floats above zero, the larger has the
/// larger bits.
constexpr std::uint32_t BitsFrom(double bound) {
  const auto nearest = static_cast<float>(bound);
  return std::bit_cast<std::uint32_t>(nearest) + (static_cast<double>(nearest) < bound ? 1U : 0U);
}

constexpr std::uint32_t kFirstBits = BitsFrom(1e-4);
constexpr std::uint32_t kEndBits = BitsFrom(1);
constexpr std::uint32_t kMantissaBits = 23;
constexpr std::uint32_t kFirstExponent = kFirstBits >> kMantissaBits;

/// Floats of one exponent have `zeros` zeros behind the point from `bits` on, else one more.
struct Decade {
  std::uint32_t bits;
  std::uint32_t zeros;
};
constexpr auto kDecades = [] {
  constexpr std::array<double, 5> kPowers{1e-1, 1e-2, 1e-3, 1e-4, 0};
  std::array<Decade, (kEndBits >> kMantissaBits) - kFirstExponent> decades{};
  for (std::uint32_t i = 0; i < decades.size(); ++i) {
    const std::uint32_t end = (kFirstExponent + i + 1) << kMantissaBits;
    std::uint32_t zeros = 0;
    while (BitsFrom(kPowers[zeros]) >= end) {
      ++zeros;
    }
    decades[i] = {.bits = BitsFrom(kPowers[zeros]), .zeros = zeros};
  }
  return decades;
}();

/// By the number of these zeros: what scales the digits behind them to nine before the point.
constexpr std::array<double, 4> kFactors{1e9, 1e10, 1e11, 1e12};

[[gnu::noinline]] char* PutShortest(char* out, float value) {
  char* end = std::to_chars(out, out + kFloatTextBytesMax, value).ptr;
  if (value == 0 && std::signbit(value)) {
    *end++ = '.';  // some readers take "-0" for the integer, which has no sign
    *end++ = '0';
  }
  return end;
}

// Nine digits tell any two float32 apart with room to spare (decimal steps of at most 1e-8 of the
// value against float steps of at least 5.9e-8), so that the product's own rounding, 1e-7 of the
// last digit, cannot change which float is read back. No branch depends on the value as long as it
// is a usual one: which way it would go cannot be foreseen.
[[gnu::always_inline]] inline char* Put(char* out, float value) {
  constexpr std::uint32_t kThousand = 1000;
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t magnitude = bits & ~(std::uint32_t{1} << 31U);
  if (magnitude - kFirstBits >= kEndBits - kFirstBits) {
    return PutShortest(out, value);
  }
  const Decade& decade = kDecades[(magnitude >> kMantissaBits) - kFirstExponent];
  const std::size_t zeros = decade.zeros + (magnitude < decade.bits ? 1U : 0U);
  // Rounded half up, and never negative; a call of lround costs more than all the rest.
  const double half_up =
      static_cast<double>(std::bit_cast<float>(magnitude)) * kFactors[zeros] + 0.5;
  const auto digits = static_cast<std::uint32_t>(static_cast<std::int64_t>(half_up));
  const std::uint32_t sixes = digits / kThousand;
  const std::uint32_t threes = sixes / kThousand;
  if (threes >= kThousand) {
    return PutShortest(out, value);  // rounded up to the next power of ten
  }
  *out = '-';
  out += bits >> 31U;
  std::memcpy(out, "0.000", 5);  // NOLINT(bugprone-not-null-terminated-result): more follows
  out += 2 + zeros;
  std::memcpy(out, &kTriples[threes], 4);
  std::memcpy(out + 3, &kTriples[sixes - threes * kThousand], 4);
  std::memcpy(out + 6, &kTriples[digits - sixes * kThousand], 4);
  char* end = out + 9;
  while (end[-1] == '0') {
    --end;
  }
  return end;
}

}  // namespace

char* PutFloat(char* out, float value) {
  return Put(out, value);
}

void AppendFloats(std::string& out, std::span<const float> values) {
  const std::size_t before = out.size();
  out.resize_and_overwrite(before + 2 + values.size() * (kFloatTextBytesMax + 1),
                           [&](char* text, std::size_t) {
                             char* at = text + before;
                             *at++ = '[';
                             for (const float value : values) {
                               at = Put(at, value);
                               *at++ = ',';
                             }
                             at -= values.empty() ? 0 : 1;
                             *at++ = ']';
                             return static_cast<std::size_t>(at - text);
                           });
}

// --- reading ---

namespace {

constexpr std::size_t kEight = 8;
constexpr std::uint64_t kAllZeros = 0x3030303030303030U;  // "00000000"

constexpr std::array<double, 23> kPowersOfTen{1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                              1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                              1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
constexpr std::array<std::uint64_t, 9> kScales{1,       10,        100,        1'000,      10'000,
                                               100'000, 1'000'000, 10'000'000, 100'000'000};

/// What may be there already if so many digits are to be appended to 63 bits.
constexpr auto kRooms = [] {
  std::array<std::uint64_t, kScales.size()> rooms{};
  for (std::size_t i = 0; i < rooms.size(); ++i) {
    rooms[i] = ((std::uint64_t{1} << 63U) - kScales[i]) / kScales[i];
  }
  return rooms;
}();

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

std::uint64_t Load(const char* text) {
  std::uint64_t word = 0;
  std::memcpy(&word, text, sizeof word);
  return word;
}

/// Of eight characters (the first lowest) a mark in each byte that is no digit.
std::uint64_t NoDigits(std::uint64_t text) {
  // A digit's high half is 3, and stays 3 when 6 is added. What is carried on comes from no digit.
  constexpr std::uint64_t kHigh = 0xF0F0F0F0F0F0F0F0U;
  constexpr std::uint64_t kSixes = 0x0606060606060606U;
  return ((text & kHigh) ^ kAllZeros) | (((text + kSixes) & kHigh) ^ kAllZeros);
}

/// How many digits stand before the first mark.
std::size_t CountBefore(std::uint64_t marks) {
  return static_cast<std::size_t>(std::countr_zero(marks)) / 8;
}

/// The number that eight digits are.
std::uint64_t NumberOf(std::uint64_t text) {
  // Neighbours are joined: digits, pairs, fours.
  std::uint64_t n = text ^ kAllZeros;
  n = (n * 10 + (n >> 8U)) & 0x00FF00FF00FF00FFU;
  n = (n * 100 + (n >> 16U)) & 0x0000FFFF0000FFFFU;
  return (n * 10'000 + (n >> 32U)) & 0xFFFFFFFFU;
}

/// The number that the first `count` (0..7) of eight characters are.
std::uint64_t NumberOf(std::uint64_t text, std::size_t count) {
  const std::uint64_t shifted = ((text ^ kAllZeros) << 8U) << (8 * (kEight - 1 - count));
  return NumberOf(shifted ^ kAllZeros);
}

/// A run of digits appended to `n`; `exact` falls when they do not fit.
const char* ReadDigits(const char* at, const char* end, std::uint64_t& n, bool& exact) {
  const auto append = [&](std::uint64_t part, std::size_t count) {
    exact = exact && n <= kRooms[count];
    n = n * kScales[count] + part;
  };
  while (static_cast<std::size_t>(end - at) >= kEight) {
    const std::uint64_t text = Load(at);
    if (const std::uint64_t marks = NoDigits(text); marks != 0) {
      const std::size_t count = CountBefore(marks);
      append(NumberOf(text, count), count);
      return at + count;
    }
    append(NumberOf(text), kEight);
    at += kEight;
  }
  for (; at != end && IsDigit(*at); ++at) {
    append(static_cast<std::uint64_t>(*at - '0'), 1);
  }
  return at;
}

/// Adds what "e-7" at `at` says to `exponent`; null: broken.
const char* ReadExponent(const char* at, const char* end, std::int64_t& exponent) {
  constexpr std::int64_t kEnough = 1'000'000'000'000;  // no text has so many digits
  ++at;
  const bool negative = at != end && *at == '-';
  at += at != end && (*at == '-' || *at == '+') ? 1 : 0;
  if (at == end || !IsDigit(*at)) {
    return nullptr;
  }
  std::int64_t read = 0;
  for (; at != end && IsDigit(*at); ++at) {
    read = std::min(read * 10 + (*at - '0'), kEnough);
  }
  exponent += negative ? -read : read;
  return at;
}

/// `number` is off by two units in the last place at most, so it says which float is nearest unless
/// it lies that near to the middle between two; and it must not round to a subnormal or beyond.
bool SaysTheFloat(double number) {
  constexpr std::uint64_t kBelowFloat = (std::uint64_t{1} << 29U) - 1;
  constexpr std::uint64_t kMiddle = std::uint64_t{1} << 28U;
  constexpr std::uint64_t kOff = 3;
  constexpr double kLarge = 3e38;
  const std::uint64_t below = std::bit_cast<std::uint64_t>(number) & kBelowFloat;
  return below + kOff - kMiddle > 2 * kOff &&  // unsigned: far below the middle is far above it
         number >= static_cast<double>(std::numeric_limits<float>::min()) && number <= kLarge;
}

/// Without a branch: signs cannot be foreseen.
float Signed(double magnitude, bool negative) {
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(static_cast<float>(magnitude)) |
                              static_cast<std::uint32_t>(negative) << 31U);
}

/// The number between `begin` and `end`, of which the last digit before any "e" counts
/// 10^exponent.
bool ReadExactly(const char* begin, const char* end, std::int64_t exponent, float& value) {
  const auto read = std::from_chars(begin, end, value);
  if (read.ec == std::errc{}) {
    return std::isfinite(value);
  }
  const char* first = std::find_if(begin, end, [](char c) { return c >= '1' && c <= '9'; });
  const char* last = std::find_if(first, end, [](char c) { return c == 'e' || c == 'E'; });
  value = *begin == '-' ? -0.0F : 0.0F;
  return std::count_if(first, last, IsDigit) + exponent <= 0;  // too small, not too large
}

/// The form in which embeddings travel: 8 to 13 digits behind "0.". Null: it is another.
const char* ReadUsual(const char* at, const char* end, float& value) {
  constexpr std::ptrdiff_t kBytesLooked = 24;
  if (end - at < kBytesLooked) {
    return nullptr;
  }
  // Where the number ends, so that the next one can be begun, is known without its sign.
  const std::uint64_t marks = NoDigits(Load(at + kEight));
  const char* const after = at + kEight + CountBefore(marks);
  const bool negative = *at == '-';
  const char* const fraction = at + 2 + (negative ? 1 : 0);
  const std::uint64_t text = Load(fraction);
  const bool usual = fraction[-2] == '0' && fraction[-1] == '.' && NoDigits(text) == 0 &&
                     after - fraction >= static_cast<std::ptrdiff_t>(kEight);
  if (!usual || marks == 0 || *after == 'e' || *after == 'E' || *after == '.') {
    return nullptr;
  }
  const auto count = static_cast<std::size_t>(after - fraction) - kEight;
  const std::uint64_t digits =
      NumberOf(text) * kScales[count] + NumberOf(Load(fraction + kEight), count);
  const double number =
      static_cast<double>(static_cast<std::int64_t>(digits)) / kPowersOfTen[kEight + count];
  if (!SaysTheFloat(number)) {
    return nullptr;
  }
  value = Signed(number, negative);
  return after;
}

[[gnu::noinline]] const char* ReadAny(const char* begin, const char* end, float& value) {
  const char* at = begin;
  const bool negative = at != end && *at == '-';
  at += negative ? 1 : 0;
  if (at == end || !IsDigit(*at)) {
    return nullptr;
  }
  std::uint64_t digits = 0;
  bool exact = true;
  std::int64_t exponent = 0;
  at = *at == '0' ? at + 1 : ReadDigits(at, end, digits, exact);
  if (at != end && *at == '.') {
    const char* const fraction = at + 1;
    at = ReadDigits(fraction, end, digits, exact);
    if (at == fraction) {
      return nullptr;
    }
    exponent = fraction - at;
  }
  if (at != end && (*at == 'e' || *at == 'E')) {
    at = ReadExponent(at, end, exponent);
    if (at == nullptr) {
      return nullptr;
    }
  }
  constexpr auto kExponentMax = static_cast<std::int64_t>(kPowersOfTen.size()) - 1;
  if (exact && exponent >= -kExponentMax && exponent <= kExponentMax) {
    // One rounding of the digits and one of the product.
    const auto whole = static_cast<double>(static_cast<std::int64_t>(digits));
    const double number = exponent < 0 ? whole / kPowersOfTen[static_cast<std::size_t>(-exponent)]
                                       : whole * kPowersOfTen[static_cast<std::size_t>(exponent)];
    if (SaysTheFloat(number) || digits == 0) {
      value = Signed(number, negative);
      return at;
    }
  }
  return ReadExactly(begin, at, exponent, value) ? at : nullptr;
}

}  // namespace

const char* ReadFloat(const char* begin, const char* end, float& value) {
  const char* const after = ReadUsual(begin, end, value);
  return after != nullptr ? after : ReadAny(begin, end, value);
}

}  // namespace rehome
