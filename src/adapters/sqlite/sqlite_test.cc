#include "adapters/sqlite/sqlite.h"

#include <gtest/gtest.h>

#include "adapters/sqlite/catalog.h"
#include "adapters/sqlite/index_keys.h"
#include "model/sort_key.h"

namespace rehome::sqlite {
namespace {

struct Case {
  int code;
  ErrorCode expected;
  bool hinted;
};

class MapSqliteCodes : public ::testing::TestWithParam<Case> {};

TEST_P(MapSqliteCodes, BecomeTheCodeThatCallersReactTo) {
  const Error error = MapSqlite(GetParam().code, "app.db", "detail");
  EXPECT_EQ(error.code, GetParam().expected);
  EXPECT_EQ(!error.hint.empty(), GetParam().hinted);
  EXPECT_NE(error.message.find("app.db: detail"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(
    All, MapSqliteCodes,
    ::testing::Values(Case{SQLITE_FULL, ErrorCode::kResourceExhausted, true},
                      Case{SQLITE_IOERR_SHMSIZE, ErrorCode::kResourceExhausted, true},
                      Case{SQLITE_BUSY, ErrorCode::kUnavailable, true},
                      Case{SQLITE_BUSY_SNAPSHOT, ErrorCode::kUnavailable, true},
                      Case{SQLITE_LOCKED, ErrorCode::kUnavailable, true},
                      Case{SQLITE_READONLY, ErrorCode::kFailedPrecondition, true},
                      Case{SQLITE_READONLY_DIRECTORY, ErrorCode::kFailedPrecondition, true},
                      Case{SQLITE_PERM, ErrorCode::kFailedPrecondition, true},
                      Case{SQLITE_CANTOPEN, ErrorCode::kFailedPrecondition, true},
                      Case{SQLITE_IOERR_FSYNC, ErrorCode::kFailedPrecondition, true},
                      Case{SQLITE_CONSTRAINT_TRIGGER, ErrorCode::kFailedPrecondition, true},
                      Case{SQLITE_CORRUPT, ErrorCode::kDataLoss, true},
                      Case{SQLITE_CORRUPT_INDEX, ErrorCode::kDataLoss, true},
                      Case{SQLITE_NOTADB, ErrorCode::kInvalidArgument, true},
                      Case{SQLITE_TOOBIG, ErrorCode::kInvalidArgument, true},
                      Case{SQLITE_INTERRUPT, ErrorCode::kCancelled, false},
                      Case{SQLITE_ERROR, ErrorCode::kInternal, false},
                      Case{SQLITE_CONSTRAINT_NOTNULL, ErrorCode::kInternal, false}));

TEST(TableName, IsDifferentForNamesThatSqliteWouldFold) {
  EXPECT_EQ(TableName("jobs"), "\"jobs\"");
  EXPECT_NE(TableName("Jobs"), TableName("jobs"));
  EXPECT_NE(TableName("Jobs"), TableName("$jobs"));
  EXPECT_NE(TableName("J"), TableName("$J"));
  EXPECT_EQ(TableName("a\"b"), "\"a\"\"b\"");
  EXPECT_FALSE(TableName("sqlite_master").starts_with("\"sqlite_"));
  EXPECT_NE(TableName("sqlite_x"), TableName("$_sqlite_x"));
}

TEST(DecodeId, RefusesWhatIsNoBsonValue) {
  const Value id = Value::String("x");
  EXPECT_EQ(DecodeId(EncodeId(id.view())).value_or(Value()), id);
  for (const std::string_view bytes : {"", "\x02\xFF\xFF\xFF\x7Fx", "\x10", "\x55junk"}) {
    const auto refused = DecodeId(bytes);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kDataLoss);
  }
}

Document Nested() {
  const Document one = DocumentBuilder().Int32("b", 1).Finish();
  const Document none = DocumentBuilder().Int32("c", 1).Finish();
  return DocumentBuilder().Array("a", ArrayBuilder().Append(one).Append(none).Finish()).Finish();
}

TEST(IndexKeys, ReachThroughArraysOfDocuments) {
  const std::vector<std::string> keys = IndexKeys(Nested().view(), {"i", {"a.b"}, false});
  EXPECT_EQ(keys, (std::vector{KeyPart(Value().view()), KeyPart(Value::Int32(1).view())}));
  EXPECT_EQ(IndexKeys(Nested().view(), {"i", {"a.0.b"}, false}).back(),
            KeyPart(Value::Int32(1).view()));
}

TEST(IndexKeys, TreatNumbersThatCompareEqualAsOneAndMissingAsNull) {
  const auto keys = [](const Document& document) {
    return IndexKeys(document.view(), {"i", {"n"}, false});
  };
  EXPECT_EQ(keys(DocumentBuilder().Int32("n", 5).Finish()),
            keys(DocumentBuilder().Double("n", 5).Finish()));
  EXPECT_EQ(keys(Document()), keys(DocumentBuilder().Null("n").Finish()));
  EXPECT_NE(keys(Document()), keys(DocumentBuilder().Array("n", Document()).Finish()));
}

TEST(HasFieldValue, MatchesWholeArraysAndTheirElements) {
  const Document array = ArrayBuilder().String("x").Finish();
  const Document document = DocumentBuilder().Array("list", array).Finish();
  EXPECT_TRUE(HasFieldValue(document.view(), "list", std::vector{SortKey(*document.Find("list"))}));
  EXPECT_TRUE(
      HasFieldValue(document.view(), "list", std::vector{SortKey(Value::String("x").view())}));
  EXPECT_FALSE(HasFieldValue(document.view(), "list", std::vector{SortKey(Value().view())}));
  EXPECT_TRUE(HasFieldValue(document.view(), "other", std::vector{SortKey(Value().view())}));
}

TEST(ParseIndex, LeavesKindsItCannotBuildAsMetadata) {
  const auto index = [](const Document& key) {
    return DocumentBuilder().Int32("v", 2).Append("key", key).String("name", "n");
  };
  const Document ascending = DocumentBuilder().Int32("a", 1).Finish();
  EXPECT_EQ(ParseIndex(index(ascending).Finish().view()), (IndexSpec{"n", {"a"}, false}));
  EXPECT_EQ(
      ParseIndex(
          index(DocumentBuilder().Double("a", -1).Finish()).Bool("unique", true).Finish().view()),
      (IndexSpec{"n", {"a"}, true}));
  EXPECT_FALSE(ParseIndex(index(DocumentBuilder().String("a", "hashed").Finish()).Finish().view()));
  EXPECT_FALSE(ParseIndex(index(DocumentBuilder().Int32("a.$**", 1).Finish()).Finish().view()));
  EXPECT_FALSE(ParseIndex(index(ascending).Bool("sparse", true).Finish().view()));
  EXPECT_FALSE(
      ParseIndex(index(ascending).Append("partialFilterExpression", Document()).Finish().view()));
  EXPECT_EQ(ParseIndex(IndexDocument({"x", {"a", "b.c"}, true}).view()),
            (IndexSpec{"x", {"a", "b.c"}, true}));
}

}  // namespace
}  // namespace rehome::sqlite
