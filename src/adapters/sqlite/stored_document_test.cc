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
  EXPECT_EQ(StoredDocument(Rich().bytes()).value_or(Document()), Rich());
}

TEST(StoredDocument, LeavesUnusualOnesToTheFullCheck) {
  const Document undefined =
      DocumentBuilder().Append("u", ValueView(BsonType::kUndefined, {})).Finish();
  EXPECT_FALSE(IsPlainBson(undefined.bytes()));
  EXPECT_EQ(StoredDocument(undefined.bytes()).value_or(Document()), undefined);
}

TEST(StoredDocument, NamesTheOneThatIsNestedTooDeeply) {
  Document inner = DocumentBuilder().Finish();
  for (int level = 0; level < kDocumentDepthMax; ++level) {
    inner = DocumentBuilder().Append("x", inner).Finish();
  }
  const auto deep =
      StoredDocument(DocumentBuilder().String("_id", "no. 7").Append("x", inner).Finish().bytes());
  ASSERT_FALSE(deep.has_value());
  EXPECT_EQ(deep.error().code, ErrorCode::kDataLoss);
  EXPECT_NE(deep.error().message.find("_id \"no. 7\""), std::string::npos) << deep.error().message;
  EXPECT_NE(deep.error().hint.find("take that row out (sqlite3"), std::string::npos);
  const auto unnamed = StoredDocument(DocumentBuilder().Append("x", inner).Finish().bytes());
  EXPECT_EQ(unnamed.error().message.find("_id"), std::string::npos) << unnamed.error().message;
  EXPECT_NE(unnamed.error().hint.find("take that row out;"), std::string::npos);
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
