#include "adapters/mongodb/address.h"

#include <gtest/gtest.h>

namespace rehome::mongodb {
namespace {

std::string IdentityOf(std::string_view uri) {
  const Result<Address> address = ParseAddress(uri);
  return address ? address->Identity() : address.error().message;
}

TEST(Address, IsOneForEverySpellingOfADatabase) {
  const std::string identity = "mongodb://a:27017,b:27018/app";
  for (const std::string_view uri :
       {"mongodb://a,b:27018/app", "mongodb://B:27018,A/app?replicaSet=rs0",
        "mongodb://user:p%40ss@a:27017,b:27018/app?authSource=admin", "mongodb://a,a,b:27018/app",
        "mongodb://a:27017,b:27018/%61pp"}) {
    EXPECT_EQ(IdentityOf(uri), identity) << uri;
  }
  EXPECT_EQ(IdentityOf("mongodb+srv://u:p@Cluster.example/app"),
            "mongodb+srv://cluster.example/app");
  EXPECT_EQ(IdentityOf("mongodb://[::1]/app"), "mongodb://[::1]:27017/app");
  EXPECT_EQ(IdentityOf("mongodb://[::1]:9/app"), "mongodb://[::1]:9/app");
}

TEST(Address, DistinguishesDatabasesByCase) {
  EXPECT_NE(IdentityOf("mongodb://a/app"), IdentityOf("mongodb://a/App"));
}

TEST(Address, RefusesWhatNamesNoDatabaseOrHost) {
  for (const std::string_view uri :
       {"mongodb://a", "mongodb://a/", "mongodb://a/?w=1", "mongodb:///app", "http://a/app", "",
        "mongodb://a/app.jobs", "mongodb://a/a%20b"}) {
    const Result<Address> address = ParseAddress(uri);
    ASSERT_FALSE(address) << uri;
    EXPECT_EQ(address.error().code, ErrorCode::kInvalidArgument);
    EXPECT_FALSE(address.error().hint.empty());
  }
}

TEST(Address, NeverShowsAPasswordInWhatItRefuses) {
  const Result<Address> address = ParseAddress("mongodb://user:hunter2@/app");
  ASSERT_FALSE(address);
  EXPECT_EQ(address.error().message.find("hunter2"), std::string::npos);
}

TEST(Address, BlanksSecretsAsWrittenAndDecoded) {
  const Result<Address> address = ParseAddress(
      "mongodb://user:p%40ss/w0rd@a/app?tls=true&tlsCertificateKeyFilePassword=s3cret&"
      "authMechanismProperties=AWS_SESSION_TOKEN:tok");
  ASSERT_TRUE(address);
  EXPECT_EQ(address->Identity(), "mongodb://a:27017/app");
  EXPECT_EQ(address->Scrubbed("p%40ss/w0rd p@ss/w0rd s3cret AWS_SESSION_TOKEN:tok ok"),
            "*** *** *** *** ok");
}

TEST(Address, SecretsThatOverlapAreBothBlanked) {
  const auto address = ParseAddress("mongodb://u:ab@h/db?tlsCertificateKeyFilePassword=bcd");
  ASSERT_TRUE(address.has_value());
  EXPECT_EQ(address->Scrubbed("ab, bcd, -abcd-, cd"), "***, ***, -***-, cd");
}

}  // namespace
}  // namespace rehome::mongodb
