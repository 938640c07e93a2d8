#include "adapters/pinecone/replies.h"

#include <gtest/gtest.h>

#include <string>

namespace rehome {
namespace {

TEST(Replies, WholeNumbersMayBeWrittenAsOthersAreAndMustFit) {
  EXPECT_EQ(ReadUpsertedCount(R"({"upsertedCount":3})").value(), 3U);
  EXPECT_EQ(ReadStatistics(R"({"dimension":3.0,"namespaces":{"n":{"vectorCount":1e3}}})")
                .value()
                .namespaces.at("n"),
            1000U);
  for (const char* number : {"1e300", "-1", "1.5", "18446744073709551616", "\"3\"", "true"}) {
    const std::string count = std::string(R"({"upsertedCount":)") + number + "}";
    EXPECT_EQ(ReadUpsertedCount(count).error().code, ErrorCode::kUnavailable) << number;
  }
  EXPECT_FALSE(ReadStatistics(R"({"dimension":4294967297})").has_value());
}

TEST(Replies, NestingIsBounded) {
  constexpr std::size_t kDeep = 300'000;
  const std::string lists = std::string(kDeep, '[') + std::string(kDeep, ']');
  EXPECT_EQ(ReadIdPage(R"({"vectors":[],"pagination":)" + lists + "}").error().code,
            ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace rehome
