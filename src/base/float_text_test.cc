#include "base/float_text.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"

namespace rehome {
namespace {

std::string TextOf(float value) {
  std::string text(kFloatTextBytesMax, '\0');
  text.resize(static_cast<std::size_t>(PutFloat(text.data(), value) - text.data()));
  return text;
}

/// As other readers do it: through a double.
std::uint32_t BitsThroughDouble(const std::string& text) {
  double number = 0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), number);
  EXPECT_EQ(end.ptr, text.data() + text.size()) << text;
  return std::bit_cast<std::uint32_t>(static_cast<float>(number));
}

/// The bits that are read, if the whole text is a number.
std::optional<std::uint32_t> Read(const std::string& text) {
  float value = 0;
  const char* end = ReadFloat(text.data(), text.data() + text.size(), value);
  return end == text.data() + text.size() ? std::optional(std::bit_cast<std::uint32_t>(value))
                                          : std::nullopt;
}

/// What the C library, which rounds once, makes of it.
std::uint32_t Expected(const std::string& text) {
  return std::bit_cast<std::uint32_t>(std::strtof(text.c_str(), nullptr));
}

void ExpectKept(float value) {
  const std::string text = TextOf(value);
  ASSERT_LE(text.size(), kFloatTextBytesMax);
  ASSERT_EQ(BitsThroughDouble(text), std::bit_cast<std::uint32_t>(value)) << text;
  ASSERT_EQ(Read(text), std::bit_cast<std::uint32_t>(value)) << text;
}

TEST(FloatText, KeepsTheBitsOfFloatsOfEveryExponent) {
  constexpr std::uint32_t kMantissaBits = 23;
  constexpr std::uint32_t kMantissas = 1U << kMantissaBits;
  Random random(7);
  for (std::uint32_t exponent = 0; exponent < 255; ++exponent) {  // 0: the subnormals
    for (int i = 0; i < 2'000; ++i) {
      const auto mantissa = i < 2 ? static_cast<std::uint32_t>(i) * (kMantissas - 1)
                                  : static_cast<std::uint32_t>(random.Next()) % kMantissas;
      const std::uint32_t bits = exponent << kMantissaBits | mantissa;
      ExpectKept(std::bit_cast<float>(bits));
      ExpectKept(-std::bit_cast<float>(bits));
    }
  }
}

TEST(FloatText, KeepsTheBitsOfAMillionUsualFloats) {
  Random random(7);
  for (int i = 0; i < 1'000'000; ++i) {
    ExpectKept(static_cast<float>(random.Unit() * 2 - 1));
  }
}

TEST(FloatText, KeepsTheBitsAroundEveryPowerOfTenAndAtTheEnds) {
  std::vector<float> values = {0.0F,
                               -0.0F,
                               1.0F,
                               -1.0F,
                               std::numeric_limits<float>::max(),
                               std::numeric_limits<float>::lowest(),
                               std::numeric_limits<float>::min(),
                               std::numeric_limits<float>::denorm_min()};
  for (const float power : {1e-5F, 1e-4F, 1e-3F, 1e-2F, 1e-1F, 1.0F, 10.0F}) {
    float below = power;
    float above = power;
    for (int i = 0; i < 1000; ++i) {
      values.insert(values.end(), {below, above, -below, -above});
      below = std::nextafter(below, 0.0F);
      above = std::nextafter(above, 100.0F);
    }
  }
  for (const float value : values) {
    ExpectKept(value);
  }
}

TEST(FloatText, IsShortWhereItCanBe) {
  EXPECT_EQ(TextOf(0.5F), "0.5");
  EXPECT_EQ(TextOf(-0.25F), "-0.25");
  EXPECT_EQ(TextOf(0.0F), "0");
  EXPECT_EQ(TextOf(-0.0F), "-0.0");
  EXPECT_EQ(TextOf(3.0F), "3");
}

TEST(FloatText, WritesLists) {
  std::string out = "x";
  AppendFloats(out, std::vector<float>{});
  AppendFloats(out, std::vector{0.5F});
  AppendFloats(out, std::vector{1.0F, -2.0F});
  EXPECT_EQ(out, "x[][0.5][1,-2]");
}

/// All decimal digits of a double that lies in the middle between two floats, a point among them.
std::string AllDigits(double number) {
  constexpr int kDecimals = 160;  // the smallest is 2^-150
  std::string text = fmt::format("{:.{}f}", number, kDecimals);
  text.erase(text.find_last_not_of('0') + 1);
  return text;
}

/// A number that is smaller by less than one in the last place.
std::string JustBelow(std::string digits) {
  std::size_t at = digits.size();
  while (--at, digits[at] == '0' || digits[at] == '.') {
    digits[at] = digits[at] == '.' ? '.' : '9';
  }
  --digits[at];
  return digits + "9";
}

TEST(FloatText, ReadsTheMiddleBetweenTwoFloatsAndWhatIsNextToItRight) {
  Random random(11);
  for (int i = 0; i < 4'000; ++i) {
    const auto below =
        std::bit_cast<float>(static_cast<std::uint32_t>(random.Next()) % 0x7F7FFFFFU);
    const float above = std::nextafter(below, std::numeric_limits<float>::infinity());
    const std::string middle =
        AllDigits((static_cast<double>(below) + static_cast<double>(above)) / 2);
    for (const std::string& text : {middle + "0", middle + "01", JustBelow(middle)}) {
      ASSERT_EQ(Read(text), Expected(text)) << text;
      ASSERT_EQ(Read("-" + text), Expected("-" + text)) << text;
    }
    ASSERT_EQ(Read(middle + "01"), std::bit_cast<std::uint32_t>(above)) << middle;
    ASSERT_EQ(Read(JustBelow(middle)), std::bit_cast<std::uint32_t>(below)) << middle;
  }
}

TEST(FloatText, ReadsFloatsThatTravelledAsDoubles) {
  Random random(13);
  for (int i = 0; i < 200'000; ++i) {
    const auto value = static_cast<float>(random.Unit() * 2 - 1);
    const std::string text = fmt::format("{}", static_cast<double>(value));  // up to 17 digits
    ASSERT_EQ(Read(text), std::bit_cast<std::uint32_t>(value)) << text;
  }
}

std::string Digits(Random& random, std::uint64_t count_max) {
  std::string digits;
  for (std::uint64_t n = 1 + random.Below(count_max); n > 0; --n) {
    digits += static_cast<char>('0' + random.Below(10));
  }
  return digits;
}

TEST(FloatText, ReadsNumbersOfAnyLengthAsTheNearestFloat) {
  Random random(17);
  for (int i = 0; i < 300'000; ++i) {
    std::string whole = random.Below(2) == 0 ? "0" : Digits(random, 12);
    whole.erase(0, std::min(whole.find_first_not_of('0'), whole.size() - 1));
    std::string text = (random.Below(2) == 0 ? "-" : "") + whole;
    text += random.Below(4) == 0 ? "" : "." + Digits(random, 30);
    if (random.Below(2) == 0) {
      text += fmt::format("{}{}{}", random.Below(2) == 0 ? "e" : "E",
                          std::array{"", "+", "-"}[random.Below(3)], random.Below(60));
    }
    const float expected = std::strtof(text.c_str(), nullptr);
    ASSERT_EQ(Read(text), std::isfinite(expected) ? std::optional(Expected(text)) : std::nullopt)
        << text;
  }
}

TEST(FloatText, ReadsZerosAndTheEndsOfTheRange) {
  for (const char* text :
       {"0", "-0", "0.0", "-0.0", "0e5", "0.000e-99999999999999999999", "1e-46", "-1e-400",
        "1e-99999999999999999999", "7e-46", "8e-46", "1.1754943e-38", "1.17549429e-38",
        "340282346638528859811704183484516925440", "3.4028235677973366e38", "-3.4028234e38"}) {
    EXPECT_EQ(Read(text), Expected(text)) << text;
  }
  const std::string zeros(500, '0');
  EXPECT_EQ(Read("0." + zeros + "5e500"), Expected("0.5"));
  EXPECT_EQ(Read("5" + zeros + "e-502"), Expected("0.05"));
  EXPECT_EQ(Read("5" + zeros + "e-600"), Expected("0"));
}

TEST(FloatText, ReadsNothingThatIsNoNumberOfThisSize) {
  for (const char* text : {"",
                           "-",
                           "+1",
                           ".5",
                           "1.",
                           "-.5",
                           "1e",
                           "1e+",
                           "01",
                           "0x1",
                           "nan",
                           "inf",
                           "null",
                           "1e39",
                           "-1e400",
                           "3.4028236e38",
                           "1e99999999999999999999",
                           "1.5.5",
                           "1,",
                           " 1",
                           "1-"}) {
    EXPECT_EQ(Read(text), std::nullopt) << text;
  }
  float value = 0;
  const std::string list = "[0.25,-1]";
  EXPECT_EQ(ReadFloat(list.data() + 1, list.data() + list.size(), value), list.data() + 5);
  EXPECT_EQ(value, 0.25F);
}

}  // namespace
}  // namespace rehome
