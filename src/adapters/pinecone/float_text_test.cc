#include "adapters/pinecone/float_text.h"

#include <gtest/gtest.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "base/random.h"

namespace rehome {
namespace {

std::string TextOf(float value) {
  std::string text(kFloatTextBytesMax, '\0');
  text.resize(static_cast<std::size_t>(PutFloat(text.data(), value) - text.data()));
  return text;
}

/// As readers do it: through a double.
std::uint32_t BitsThroughDouble(const std::string& text) {
  double number = 0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), number);
  EXPECT_EQ(end.ptr, text.data() + text.size()) << text;
  return std::bit_cast<std::uint32_t>(static_cast<float>(number));
}

TEST(FloatText, KeepsTheBitsOfAMillionRandomFloats) {
  Random random(7);
  for (int i = 0; i < 1'000'000; ++i) {
    const float value = i % 2 == 0 ? std::bit_cast<float>(static_cast<std::uint32_t>(random.Next()))
                                   : static_cast<float>(random.Unit() * 2 - 1);
    if (std::isfinite(value)) {
      const std::string text = TextOf(value);
      ASSERT_EQ(BitsThroughDouble(text), std::bit_cast<std::uint32_t>(value)) << text;
    }
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
    const std::string text = TextOf(value);
    EXPECT_LE(text.size(), kFloatTextBytesMax);
    EXPECT_EQ(BitsThroughDouble(text), std::bit_cast<std::uint32_t>(value)) << text;
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

}  // namespace
}  // namespace rehome
