#include "base/crypto.h"

#include <gtest/gtest.h>

#include <string>

namespace rehome {
namespace {

const Secret kKey(std::string(62, '0') + "42");
const Secret kOtherKey(std::string(62, '0') + "43");

TEST(SigningKey, SignsWhatOnlyItsPublicHalfConfirms) {
  const SigningKey key = SigningKey::Generate();
  const std::string signature = key.Sign("a report");
  EXPECT_TRUE(IsSignedBy(key.PublicHex(), "a report", signature));
  EXPECT_FALSE(IsSignedBy(key.PublicHex(), "a reporT", signature));
  EXPECT_FALSE(IsSignedBy(SigningKey::Generate().PublicHex(), "a report", signature));
  EXPECT_FALSE(IsSignedBy("", "a report", signature));
  EXPECT_FALSE(IsSignedBy(key.PublicHex(), "a report", "zz"));
  const auto again = SigningKey::Parse(key.SeedHex());
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->PublicHex(), key.PublicHex());
  EXPECT_EQ(again->Sign("a report"), signature);
}

TEST(Keys, AreRefusedWithoutBeingRepeated) {
  for (const char* bad : {"", "secret", "0g", "00"}) {
    const auto key = StreamKey::Parse(Secret(bad));
    ASSERT_FALSE(key.has_value());
    EXPECT_EQ(key.error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(key.error().message.find("secret"), std::string::npos);
    EXPECT_FALSE(SigningKey::Parse(Secret(bad)).has_value());
  }
  EXPECT_EQ(StreamKey::Parse(kKey)->Mark(), StreamKey::Parse(kKey)->Mark());
  EXPECT_NE(StreamKey::Parse(kKey)->Mark(), StreamKey::Parse(kOtherKey)->Mark());
}

TEST(Sealer, GivesBackWhatWasSealedInOrder) {
  const StreamKey key = *StreamKey::Parse(kKey);
  Sealer sealer(key);
  const std::string one = sealer.Seal("one", "place", SealTag::kMore);
  const std::string two = sealer.Seal("", "place", SealTag::kEnd);
  auto opener = Opener::Begin(key, sealer.header());
  ASSERT_TRUE(opener.has_value());
  const auto first = opener->Open(one, "place");
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->message, "one");
  EXPECT_EQ(first->tag, SealTag::kMore);
  const auto second = opener->Open(two, "place");
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(second->tag, SealTag::kEnd);
}

TEST(Opener, RefusesWhatWasChangedMovedOrSealedElsewhere) {
  const StreamKey key = *StreamKey::Parse(kKey);
  const StreamKey other = *StreamKey::Parse(kOtherKey);
  Sealer sealer(key);
  const std::string sealed = sealer.Seal("message", "place", SealTag::kEnd);
  const auto refuses = [&](const StreamKey& with, std::string_view header, const std::string& bytes,
                           std::string_view bound) {
    auto opener = Opener::Begin(with, header);
    return !opener || !opener->Open(bytes, bound);
  };
  EXPECT_FALSE(refuses(key, sealer.header(), sealed, "place"));
  EXPECT_TRUE(refuses(other, sealer.header(), sealed, "place"));
  EXPECT_TRUE(refuses(key, sealer.header(), sealed, "elsewhere"));
  EXPECT_TRUE(refuses(key, "short", sealed, "place"));
  for (std::size_t at = 0; at < sealed.size(); ++at) {
    std::string changed = sealed;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    EXPECT_TRUE(refuses(key, sealer.header(), changed, "place")) << at;
    EXPECT_TRUE(refuses(key, sealer.header(), sealed.substr(0, at), "place")) << at;
  }
}

}  // namespace
}  // namespace rehome
