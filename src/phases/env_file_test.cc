#include "phases/env_file.h"

#include <gtest/gtest.h>

#include <array>

namespace rehome {
namespace {

std::string With(std::string_view text, std::string_view value) {
  const Result<std::string> changed = WithEnvValue(text, "NS", value);
  return changed ? *changed : "error: " + changed.error().message;
}

struct Edit {
  std::string_view before;
  std::string_view value;  // what the application reads before
  std::string_view after;  // with the value "new"
};

constexpr std::array kEdits{
    Edit{"NS=old\n", "old", "NS=new\n"},
    Edit{"NS=old", "old", "NS=new"},
    Edit{"A=1\r\nNS=old\r\nB=2\r\n", "old", "A=1\r\nNS=new\r\nB=2\r\n"},
    Edit{"export NS=old # why\n", "old", "export NS=new # why\n"},
    Edit{"NS = \"old\"   # why\n", "old", "NS = \"new\"   # why\n"},
    Edit{"NS='old'\n", "old", "NS='new'\n"},
    Edit{"NS=\n", "", "NS=new\n"},
    Edit{"NS=", "", "NS=new"},
    Edit{"NS= # none yet\n", "", "NS=new # none yet\n"},
    Edit{"NS=first\nNS=old\n# NS=comment\n", "old", "NS=first\nNS=new\n# NS=comment\n"},
    Edit{"TEXT=\"line\nNS=inside\n\"\nNS=old\n", "old", "TEXT=\"line\nNS=inside\n\"\nNS=new\n"},
    Edit{"NS=old\nTEXT='line\nNS=inside\n'\n", "old", "NS=new\nTEXT='line\nNS=inside\n'\n"},
    Edit{"NS=\"two\nlines\" # c\nB=1\n", "two\nlines", "NS=\"new\" # c\nB=1\n"},
    Edit{"NS=a#b\n", "a#b", "NS=new\n"},
    Edit{"NS=\"a#b\"\n", "a#b", "NS=\"new\"\n"},
    Edit{"NS=\"unclosed\nB=1\n", "\"unclosed", "NS=\"new\"\nB=1\n"},
    Edit{"NS='C:\\dir\\'\n", "C:\\dir\\", "NS='new'\n"},
    Edit{"NS=\"a\\tb\\\"c\"\n", "a\tb\"c", "NS=\"new\"\n"},
    Edit{"\tNS\t=\told\t\n", "old", "\tNS\t=\tnew\t\n"},
    Edit{"XNS=1\nNS_X=2\nNS=old\n", "old", "XNS=1\nNS_X=2\nNS=new\n"},
    Edit{"\xEF\xBB\xBFNS=old\n", "old", "\xEF\xBB\xBFNS=new\n"},
    Edit{"NS=it's \"ok\"\n", "it's \"ok\"", "NS=new\n"},
    Edit{"exported=1\nNS=old\r", "old", "exported=1\nNS=new\r"},
};

TEST(EnvFile, EditsOnlyTheValueAndGivesTheSameBytesBack) {
  for (const Edit& one : kEdits) {
    SCOPED_TRACE(one.before);
    EXPECT_EQ(EnvValue(one.before, "NS"), one.value);
    const std::string after = With(one.before, "new");
    EXPECT_EQ(after, one.after);
    EXPECT_EQ(EnvValue(after, "NS"), "new");
    const std::optional<std::string> written = EnvWrittenValue(one.before, "NS");
    ASSERT_TRUE(written.has_value());
    EXPECT_EQ(WithEnvWrittenValue(after, "NS", *written).value_or("error"), one.before);
  }
}

TEST(EnvFile, AppendsAMissingKeyAndTakesItAwayAgain) {
  for (const std::string_view before :
       {"", "A=1", "A=1\n", "A=1\r\nB=2\r\n", "A=1\r\nB=2", "# NS=x\n\n\n", "\n", "\r",
        "TEXT=\"\nNS=inside\"", "A='open\n", "A=1 # c", "NSX=1\n"}) {
    SCOPED_TRACE(before);
    EXPECT_EQ(EnvValue(before, "NS"), std::nullopt);
    EXPECT_EQ(WithoutEnvKey(before, "NS"), before);
    const std::string after = With(before, "new");
    EXPECT_EQ(EnvValue(after, "NS"), "new");
    EXPECT_TRUE(std::string_view(after).starts_with(before));
    EXPECT_EQ(WithoutEnvKey(after, "NS"), before);
  }
}

TEST(EnvFile, KeepsTheLineEndOfTheFile) {
  EXPECT_EQ(With("A=1\r\n", "new"), "A=1\r\nNS=new\r\n");
  EXPECT_EQ(With("A=1\r\nB=2", "new"), "A=1\r\nB=2\r\nNS=new");
  EXPECT_EQ(With("A=1", "new"), "A=1\nNS=new");
}

TEST(EnvFile, QuotesWhatNeedsQuotes) {
  EXPECT_EQ(With("NS=old\n", "a b"), "NS=a b\n");
  EXPECT_EQ(With("NS=old\n", "a#b"), "NS='a#b'\n");
  EXPECT_EQ(With("NS=old\n", " a "), "NS=' a '\n");
  EXPECT_EQ(With("NS=old\n", "'a'"), "NS=\"'a'\"\n");
  EXPECT_EQ(With("NS='old'\n", "it's"), "NS=it's\n");
  EXPECT_EQ(With("NS=\"old\"\n", "C:\\new"), "NS=C:\\new\n");
  EXPECT_EQ(With("NS=\"old\"\n", ""), "NS=\"\"\n");
  EXPECT_EQ(With("NS = old # c\n", ""), "NS = '' # c\n");
  EXPECT_EQ(With("NS=`old`\n", "new"), "NS=new\n");
}

TEST(EnvFile, RefusesWhatNoQuotingHolds) {
  for (const std::string_view value : {"a\nb", "a\rb", "${HOME}", "'\"# mixed", "'\\\\\""}) {
    SCOPED_TRACE(value);
    const Result<std::string> changed = WithEnvValue("NS=old\n", "NS", value);
    ASSERT_FALSE(changed.has_value());
    EXPECT_EQ(changed.error().code, ErrorCode::kInvalidArgument);
  }
  EXPECT_EQ(WithEnvWrittenValue("A=1\n", "NS", "x").error().code, ErrorCode::kNotFound);
}

TEST(EnvFile, SettingTwiceIsSettingOnce) {
  const std::string once = With("export NS=old # c\r\n", "new");
  EXPECT_EQ(With(once, "new"), once);
}

TEST(EnvFile, AValueClosesNoQuoteThatAnotherLineLeavesOpen) {
  const std::string open = "A='x\nB=1";
  EXPECT_EQ(WithEnvValue(open, "NS", "1'").value(), "A='x\nB=1\nNS=\"1'\"");
  const Result<std::string> refused = WithEnvValue("C=\"y", "NS", "#1'");
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  const std::string edited = WithEnvValue(open, "NS", "a b").value();
  EXPECT_EQ(EnvValue(edited, "A"), "'x");
  EXPECT_EQ(EnvValue(edited, "B"), "1");
  EXPECT_EQ(EnvValue(edited, "NS"), "a b");
}

}  // namespace
}  // namespace rehome
