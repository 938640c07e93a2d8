#include "mapping/text.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "model/extended_json.h"

namespace rehome {
namespace {

TEST(Text, TrimsAsciiAndUnicodeWhiteSpace) {
  EXPECT_EQ(Trim(" \t\r\n a b \v\f"), "a b");
  EXPECT_EQ(Trim("\xC2\xA0"
                 "a\xE3\x80\x80"),
            "a");
  EXPECT_EQ(Trim("\xE2\x80\x83\xE2\x80\xAF\xEF\xBB\xBF"), "");
  EXPECT_EQ(Trim("é"), "é");
  EXPECT_EQ(Trim("\x80\x80"), "\x80\x80") << "invalid UTF-8 is left alone";
}

TEST(Text, CollapsesRunsOfWhiteSpace) {
  EXPECT_EQ(CollapseSpace("  a \t\xC2\xA0 b\n"), "a b");
}

TEST(Text, FoldsTheCaseOfEuropeanLetters) {
  EXPECT_EQ(FoldCase("ÅNGSTRÖM Zażółć ŻÓŁĆ ΣΩ ЖЁ"), FoldCase("ångström zażółć żółć σω жё"));
  EXPECT_EQ(FoldCase("×÷ß"), "×÷ß");
  EXPECT_EQ(FoldCase("\xC3"), "\xC3");
}

TEST(Text, RendersEveryScalarShortest) {
  const auto text = [](std::string_view json) {
    return AsText(ParseExtendedJsonValue(json)->view());
  };
  EXPECT_EQ(AsText(Value::Double(5.0).view()), "5");
  EXPECT_EQ(AsText(Value::Double(0.1).view()), "0.1");
  EXPECT_EQ(AsText(Value::Double(std::numeric_limits<double>::infinity()).view()), "Infinity");
  EXPECT_EQ(text(R"({"$numberDecimal":"4.90"})"), "4.90");
  EXPECT_EQ(text(R"({"$numberLong":"9007199254740993"})"), "9007199254740993");
  EXPECT_EQ(text(R"({"$oid":"e2666e334bd444020826a7e1"})"), "e2666e334bd444020826a7e1");
  EXPECT_EQ(text(R"(["a", null, "", " b "])"), "a, b");
  EXPECT_EQ(text("null"), "");
}

TEST(Text, CutsBetweenCharacters) {
  EXPECT_EQ(CutText("aé", 2), "a");
  EXPECT_EQ(CutText("aé", 3), "aé");
}

}  // namespace
}  // namespace rehome
