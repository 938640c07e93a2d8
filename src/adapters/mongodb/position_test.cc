#include "adapters/mongodb/position.h"

#include <gtest/gtest.h>

namespace rehome::mongodb {
namespace {

Document Token(std::string_view data) {
  return DocumentBuilder().String("_data", data).Finish();
}

TEST(Position, IsPrintableAndComesBack) {
  Places places;
  places.emplace("", ResumeAfter(Token("8265F0").view()));
  places.emplace("jobs", StartAfterTime((1'700'000'000ULL << 32U) + 7));
  const ChangePosition position = ToPosition(places);
  EXPECT_TRUE(position.token.starts_with("{")) << position.token;
  EXPECT_EQ(position.token.find('\n'), std::string::npos);
  const Result<Places> parsed = ParsePosition(position);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(*parsed, places);
}

TEST(Position, RefusesWhatNoFeedWrote) {
  for (const char* text : {"", "17", "none", "{}", R"({"a":1})", R"({"":{"after":1}})"}) {
    const Result<Places> parsed = ParsePosition({text});
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, ErrorCode::kInvalidArgument);
  }
}

TEST(Position, TellsTheTimeOfATokenAndOfAStart) {
  const std::uint64_t time = (0x65F01234ULL << 32U) + 5;
  EXPECT_EQ(TimeOf(ResumeAfter(Token("8265F01234000000052B0229296E04").view())), time);
  EXPECT_EQ(TimeOf(StartAfterTime(time)), time);
  EXPECT_EQ(TimeOf(ResumeAfter(Token("65F0123400000005").view())), time);
  EXPECT_EQ(TimeOf(ResumeAfter(Token("6b0457550000000b00").view())), std::nullopt);
  EXPECT_EQ(TimeOf(ResumeAfter(Token("82").view())), std::nullopt);
  EXPECT_EQ(TimeOf(ResumeAfter(Token("82zzzzzzzzzzzzzzzzzz").view())), std::nullopt);
}

}  // namespace
}  // namespace rehome::mongodb
