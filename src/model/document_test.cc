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

}  // namespace
}  // namespace rehome
