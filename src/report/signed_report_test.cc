#include "report/signed_report.h"

#include <gtest/gtest.h>

#include <string>

namespace rehome {
namespace {

constexpr std::string_view kBody =
    R"({"rehome_report":1,"passed":true,"checks":[{"check":"counts"}]})";

std::string Signed(const SigningKey& key) {
  const auto text = SignReport(kBody, key);
  EXPECT_TRUE(text.has_value());
  return text.value_or("");
}

TEST(SignedReport, SaysWhoSignedIt) {
  const SigningKey key = SigningKey::Generate();
  const ReportVerdict verdict = CheckReport(Signed(key));
  EXPECT_TRUE(verdict.authentic) << verdict.problem;
  EXPECT_EQ(verdict.public_key, key.PublicHex());
  EXPECT_EQ(verdict.body, kBody);
}

TEST(SignedReport, ShowsEveryChangedOrMissingByte) {
  const std::string good = Signed(SigningKey::Generate());
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(static_cast<unsigned char>(bad[at]) ^ (1U << (at % 7)));
    EXPECT_FALSE(CheckReport(bad).authentic) << at;
    EXPECT_FALSE(CheckReport(good.substr(0, at)).authentic) << at;
  }
  EXPECT_FALSE(CheckReport(good + "\n").authentic);
  EXPECT_FALSE(CheckReport("").authentic);
  EXPECT_FALSE(CheckReport(std::string(100'000, '[')).authentic);
  const std::string lists = std::string(300'000, '[') + std::string(300'000, ']');
  EXPECT_FALSE(CheckReport(R"({"public_key":"a","signature":"b","x":)" + lists + "}").authentic);
}

TEST(SignedReport, SignedAgainByAnotherKeySaysThatKey) {
  const SigningKey forger = SigningKey::Generate();
  const SigningKey key = SigningKey::Generate();
  const ReportVerdict verdict = CheckReport(Signed(forger));
  EXPECT_TRUE(verdict.authentic);
  EXPECT_NE(verdict.public_key, key.PublicHex());
}

TEST(SignedReport, IsMadeOfOneObjectOnly) {
  EXPECT_FALSE(SignReport("[1]", SigningKey::Generate()).has_value());
  EXPECT_FALSE(SignReport("{", SigningKey::Generate()).has_value());
}

}  // namespace
}  // namespace rehome
