#include <gtest/gtest.h>

#include "plan/plan.h"

namespace rehome {
namespace {

TEST(FieldPath, ReadsKeysPositionsAndQuotedKeys) {
  const Result<FieldPath> path = ParseFieldPath(R"(["a.b"].c[2]["d\"]e"])");
  ASSERT_TRUE(path.has_value()) << path.error().message;
  ASSERT_EQ(path->steps.size(), 4U);
  EXPECT_EQ(std::get<std::string>(path->steps[0]), "a.b");
  EXPECT_EQ(std::get<std::size_t>(path->steps[2]), 2U);
  EXPECT_EQ(std::get<std::string>(path->steps[3]), "d\"]e");
}

TEST(FieldPath, RefusesWhatIsNone) {
  for (const std::string_view text :
       {"", ".", "a.", ".a", "a..b", "a[", "a[]", "a[x]", "a[1", "a[\"b", "a[\"b\"", "a]", "a[1]b",
        "a[-1]", "a[99999999999999999999]", "a\"b", "a[\"b\\"}) {
    EXPECT_FALSE(ParseFieldPath(text).has_value()) << text;
  }
}

TEST(FieldPath, FindsTheValueOrNothing) {
  ArrayBuilder list;
  list.String("zero").String("one");
  const Document document =
      DocumentBuilder()
          .Array("list", list.Finish())
          .Append("client", DocumentBuilder().String("na.me", "Acme").Finish())
          .Null("none")
          .Finish();
  const auto find = [&](std::string_view path) {
    return ParseFieldPath(path)->Find(document.view());
  };
  EXPECT_EQ(find("list[1]")->AsString(), "one");
  EXPECT_EQ(find("client[\"na.me\"]")->AsString(), "Acme");
  EXPECT_TRUE(find("none")->IsNull());
  for (const std::string_view absent :
       {"list[2]", "list.x", "client[0]", "client.na", "none.x", "other"}) {
    EXPECT_FALSE(find(absent).has_value()) << absent;
  }
}

}  // namespace
}  // namespace rehome
