#include "report/escape.h"

#include <gtest/gtest.h>

namespace rehome {
namespace {

TEST(EscapeLines, KeepsOurListsAndNothingElse) {
  EXPECT_EQ(EscapeLines("two problems:\n  first\n  second"), "two problems:\n  first\n  second");
  EXPECT_EQ(EscapeLines("id a\nb\x1b[2J:\n  c"), Escape("id a\nb\x1b[2J:") + "\n  c");
}

TEST(Escape, LeavesPlainTextOfAnyScript) {
  EXPECT_EQ(Escape("Café Ångström 東京 🚀"), "Café Ångström 東京 🚀");
}

TEST(Escape, WritesOutWhatMovesTheCursorOrReordersText) {
  EXPECT_EQ(Escape("a\x1b[2Jb\r\n\t"), "a\\x1b[2Jb\\r\\n\\t");
  EXPECT_EQ(Escape("\u202Egnp.exe"), "\\u{202e}gnp.exe");
  EXPECT_EQ(Escape("\u0085\u2028\uFEFF"), "\\u{85}\\u{2028}\\u{feff}");
  EXPECT_EQ(Escape(std::string_view("\0", 1)), "\\x00");
}

TEST(Escape, WritesOutInvalidUtf8ByteByByte) {
  EXPECT_EQ(Escape("\xff\xc3"), "\\xff\\xc3");
  EXPECT_EQ(Escape("\xc0\x80"), "\\xc0\\x80");           // overlong
  EXPECT_EQ(Escape("\xed\xa0\x80"), "\\xed\\xa0\\x80");  // surrogate
  EXPECT_EQ(Escape("\xf8\x88\x80\x80\x80"), "\\xf8\\x88\\x80\\x80\\x80");
}

TEST(DisplayWidth, CountsColumnsNotBytes) {
  EXPECT_EQ(DisplayWidth("abc"), 3U);
  EXPECT_EQ(DisplayWidth("東京"), 4U);
  EXPECT_EQ(DisplayWidth("e\u0301"), 1U);
}

TEST(CutToWidth, NeverExceedsTheWidthNorCutsACharacter) {
  EXPECT_EQ(CutToWidth("abcdef", 6), "abcdef");
  EXPECT_EQ(CutToWidth("abcdefg", 6), "abcde…");
  EXPECT_EQ(CutToWidth("東京東京", 6), "東京…");
  EXPECT_EQ(CutToWidth("abc", 0), "");
}

}  // namespace
}  // namespace rehome
