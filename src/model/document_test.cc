#include "model/document.h"

#include <gtest/gtest.h>

namespace rehome {
namespace {

std::string Nested(std::size_t levels) {
  std::string bytes("\x05\0\0\0\0", 5);
  std::string out;
  // Built from outside in, since every level's length is known: 8 bytes more than the one that it
  // holds.
  for (std::size_t level = levels; level > 0; --level) {
    const auto size = static_cast<std::uint32_t>(5 + 8 * level);
    out.append(reinterpret_cast<const char*>(&size), 4)
        .append(
            "\x03"
            "a\0",
            3);
  }
  out.append(bytes).append(levels, '\0');
  return out;
}

TEST(DocumentParse, ReadsNestedDocuments) {
  const auto document = Document::Parse(Nested(150));
  ASSERT_TRUE(document.has_value()) << document.error().message;
  EXPECT_EQ(document->bytes(), Nested(150));
}

TEST(DocumentParse, RefusesNestingThatWouldExhaustTheStack) {
  const auto document = Document::Parse(Nested(1'000'000));
  ASSERT_FALSE(document.has_value());
  EXPECT_EQ(document.error().code, ErrorCode::kDataLoss);
}

TEST(DocumentBuilder, WritesInPlaceWhatItWouldAppend) {
  const std::vector<std::int32_t> numbers{7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17};
  ArrayBuilder apart;
  for (const std::int32_t number : numbers) {
    apart.Append(DocumentBuilder().Int32("number", number).Finish());
  }
  const Document expected = DocumentBuilder()
                                .Append("empty", Document())
                                .Array("numbers", apart.Finish())
                                .Array("none", Document())
                                .Bool("last", true)
                                .Finish();
  const auto nothing = [](auto&&...) {};
  DocumentBuilder builder;
  builder.Nested("empty", nothing)
      .ArrayOf("numbers", numbers,
               [](DocumentBuilder& array, std::string_view key, std::int32_t number) {
                 array.Nested(key, [&](DocumentBuilder& one) { one.Int32("number", number); });
               })
      .ArrayOf("none", std::vector<int>(), nothing)
      .Bool("last", true);
  EXPECT_EQ(builder.Finish(), expected);
}

TEST(DocumentView, FindsAKeyOfEveryLengthAndNoPartOfOne) {
  constexpr std::size_t kLengths = 40;
  DocumentBuilder builder;
  for (std::size_t length = 0; length < kLengths; length += 2) {
    builder.Int32(std::string(length, 'k'), static_cast<std::int32_t>(length));
  }
  const Document document = builder.Finish();
  for (std::size_t length = 0; length < kLengths; ++length) {
    const auto found = document.Find(std::string(length, 'k'));
    ASSERT_EQ(found.has_value(), length % 2 == 0) << length;
    if (found) {
      EXPECT_EQ(found->AsInt32(), static_cast<std::int32_t>(length));
    }
    EXPECT_FALSE(document.Find(std::string(length, 'k') + "x").has_value());
  }
}

}  // namespace
}  // namespace rehome
