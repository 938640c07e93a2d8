#include "adapters/pinecone/float_text.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>

namespace rehome {
namespace {

constexpr std::size_t kDigits = 9;

constexpr auto kPairs = [] {
  std::array<char, 200> pairs{};
  for (std::size_t i = 0; i < 100; ++i) {
    pairs[2 * i] = static_cast<char>('0' + i / 10);
    pairs[2 * i + 1] = static_cast<char>('0' + i % 10);
  }
  return pairs;
}();

/// Exactly nine digits of n < 10^9.
void PutNineDigits(char* out, std::uint32_t n) {
  for (std::size_t at = kDigits - 2;; at -= 2) {
    std::memcpy(out + at, kPairs.data() + static_cast<std::size_t>(2 * (n % 100)), 2);
    n /= 100;
    if (at == 1) {
      break;
    }
  }
  out[0] = static_cast<char>('0' + n);
}

char* PutShortest(char* out, float value) {
  char* end = std::to_chars(out, out + kFloatTextBytesMax, value).ptr;
  if (value == 0 && std::signbit(value)) {
    *end++ = '.';  // readers take "-0" for the integer, which has no sign
    *end++ = '0';
  }
  return end;
}

/// How many zeros follow the point, and what scales the digits behind them to nine before it.
struct Scale {
  std::size_t zeros;
  double factor;
};

Scale ScaleOf(double magnitude) {
  if (magnitude >= 1e-1) {
    return {0, 1e9};
  }
  if (magnitude >= 1e-2) {
    return {1, 1e10};
  }
  return magnitude >= 1e-3 ? Scale{2, 1e11} : Scale{3, 1e12};
}

}  // namespace

// Nine digits tell any two float32 apart with room to spare (decimal steps of at most 1e-8 of the
// value against float steps of at least 5.9e-8), so that the product's own rounding, 1e-7 of the
// last digit, cannot change which float is read back.
char* PutFloat(char* out, float value) {
  const double magnitude = std::abs(static_cast<double>(value));
  if (magnitude < 1e-4 || magnitude >= 1) {
    return PutShortest(out, value);
  }
  const Scale scale = ScaleOf(magnitude);
  const auto digits = static_cast<std::uint32_t>(magnitude * scale.factor + 0.5);
  if (digits >= 1'000'000'000) {
    return PutShortest(out, value);
  }
  *out = '-';
  out += value < 0 ? 1 : 0;
  std::memcpy(out, "0.000", 5);
  out += 2 + scale.zeros;
  PutNineDigits(out, digits);
  char* end = out + kDigits;
  while (end[-1] == '0') {
    --end;
  }
  return end;
}

void AppendFloats(std::string& out, std::span<const float> values) {
  const std::size_t before = out.size();
  out.resize(before + 2 + values.size() * (kFloatTextBytesMax + 1));
  char* at = out.data() + before;
  *at++ = '[';
  for (const float value : values) {
    at = PutFloat(at, value);
    *at++ = ',';
  }
  at -= values.empty() ? 0 : 1;
  *at++ = ']';
  out.resize(static_cast<std::size_t>(at - out.data()));
}

}  // namespace rehome
