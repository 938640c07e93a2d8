#include "adapters/sqlite/stored_document.h"

#include <gtest/gtest.h>

#include "model/validate.h"

namespace rehome::sqlite {
namespace {

Document Rich() {
  return DocumentBuilder()
      .Int32("_id", 1)
      .String("s", "text")
      .Array("list", ArrayBuilder().String("x").Finish())
      .Append("inner", DocumentBuilder().Bool("b", true).Null("n").Finish())
      .Binary("bin", "abc")
      .Double("d", 1.5)
      .Int64("l", 7)
      .Finish();
}

TEST(StoredDocument, PassesOrdinaryDocumentsAtOnce) {
  EXPECT_TRUE(IsPlainBson(Rich().bytes()));
  EXPECT_EQ(StoredDocument("k", Rich().bytes()).value_or(Document()), Rich());
}

TEST(StoredDocument, LeavesUnusualOnesToTheFullCheck) {
  const Document undefined =
      DocumentBuilder().Int32("_id", 1).Append("u", ValueView(BsonType::kUndefined, {})).Finish();
  EXPECT_FALSE(IsPlainBson(undefined.bytes()));
  EXPECT_EQ(StoredDocument("k", undefined.bytes()).value_or(Document()), undefined);
}

TEST(StoredDocument, NamesTheOneThatIsNestedTooDeeply) {
  Document inner = DocumentBuilder().Finish();
  for (int level = 0; level < kDocumentDepthMax; ++level) {
    inner = DocumentBuilder().Append("x", inner).Finish();
  }
  const auto deep = StoredDocument(
      "k", DocumentBuilder().String("_id", "no. 7").Append("x", inner).Finish().bytes());
  ASSERT_FALSE(deep.has_value());
  EXPECT_EQ(deep.error().code, ErrorCode::kDataLoss);
  EXPECT_NE(deep.error().message.find("_id \"no. 7\""), std::string::npos) << deep.error().message;
  EXPECT_TRUE(deep.error().hint.contains("WHERE key = x'6b'")) << deep.error().hint;
  const auto unnamed = StoredDocument("k", DocumentBuilder().Append("x", inner).Finish().bytes());
  EXPECT_EQ(unnamed.error().message.find("_id"), std::string::npos) << unnamed.error().message;
  EXPECT_TRUE(unnamed.error().hint.contains("WHERE key = x'6b'")) << unnamed.error().hint;
}

TEST(StoredDocument, RefusesOneWithoutAnId) {
  const auto refused = StoredDocument("k", DocumentBuilder().Int32("_hd", 1).Finish().bytes());
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kDataLoss);
  EXPECT_TRUE(refused.error().message.contains("no _id")) << refused.error().message;
}

// The walk must be at least as strict as libbson: what it passes, libbson passes.
TEST(StoredDocument, NeverPassesWhatTheFullCheckRefuses) {
  const std::string good = Rich().bytes();
  for (std::size_t length = 0; length < good.size(); ++length) {
    EXPECT_FALSE(IsPlainBson(std::string_view(good).substr(0, length)));
  }
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = good;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
      if (IsPlainBson(damaged)) {
        EXPECT_TRUE(Document::Parse(damaged)) << "byte " << at << " bit " << bit;
      }
    }
  }
}

}  // namespace
}  // namespace rehome::sqlite
