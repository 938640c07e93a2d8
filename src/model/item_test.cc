#include "model/item.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "base/atomic_file.h"
#include "model/extended_json.h"
#include "model/sort_key.h"
#include "tests/support/json.h"

namespace rehome {
namespace {

using testing_support::JsonValue;

std::string TextOf(std::string_view json) {
  return IdText(JsonValue(json).view());
}

struct GoldenRow {
  std::string json;
  std::string text;
};

/// The rows "| `json` | `text` | … |" of docs/item-ids.md.
std::vector<GoldenRow> GoldenRows() {
  const auto page = ReadFile(std::string(REHOME_SOURCE_DIR) + "/docs/item-ids.md");
  EXPECT_TRUE(page.has_value());
  std::vector<GoldenRow> out;
  std::string_view rest = page ? std::string_view(*page) : std::string_view();
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    const std::size_t separator = line.find("` | `");
    if (!line.starts_with("| `") || separator == std::string_view::npos) {
      continue;
    }
    const std::size_t text = separator + 5;
    out.push_back({std::string(line.substr(3, separator - 3)),
                   std::string(line.substr(text, line.find('`', text) - text))});
  }
  return out;
}

TEST(IdText, IsWhatTheDocumentationSays) {
  const auto rows = GoldenRows();
  EXPECT_GE(rows.size(), 35U);
  for (const GoldenRow& row : rows) {
    EXPECT_EQ(TextOf(row.json), row.text) << row.json;
  }
}

TEST(IdText, IsEqualExactlyForIdsThatMongoDbComparesEqual) {
  std::vector<std::string> ids;
  for (GoldenRow& row : GoldenRows()) {
    ids.push_back(std::move(row.json));
  }
  ids.insert(ids.end(),
             {R"("56e1fc72e0c917e9c4714161")", R"("n~5")", R"("s~a")", "\"o~()\"", R"("a%20b")",
              R"("a b")", R"({"a":{"b":1}})", R"({"a":{"b":{"$numberDecimal":"1.0"}}})",
              R"({"a":1,"b":2})", R"({"b":2,"a":1})", R"({"a":"x,b=n~5"})", R"({"a":"x","b":5})",
              R"({"a":[1,2]})", R"([1,2])", R"([[1],2])",
              R"("h~0000000000000000000000000000000000000000000000000000000000000000")"});
  for (const std::string& a : ids) {
    for (const std::string& b : ids) {
      const bool equal = SortKey(JsonValue(a).view()) == SortKey(JsonValue(b).view());
      EXPECT_EQ(TextOf(a) == TextOf(b), equal) << a << " and " << b;
    }
  }
}

TEST(IdText, IsPrintableAscii) {
  const std::string text = IdText(Value::String("é\n\x7F \xFF").view());
  for (const char c : text) {
    EXPECT_TRUE(c > ' ' && c < '\x7F') << text;
  }
}

TEST(ItemId, PutsTheTextIntoThePattern) {
  EXPECT_EQ(ItemId("port_{_id}", JsonValue(R"({"$oid":"56E1FC72E0C917E9C4714161"})").view()),
            "port_56e1fc72e0c917e9c4714161");
  EXPECT_EQ(ItemId("{_id}-{_id}", Value::Int32(7).view()), "n~7-n~7");
  EXPECT_EQ(ItemId("fixed", Value::Int32(7).view()), "fixed");
}

TEST(ItemId, HashesWhatIsOver512Bytes) {
  const Value fits = Value::String(std::string(512 - 7, 'a'));
  const Value too_long = Value::String(std::string(512 - 6, 'a'));
  EXPECT_EQ(ItemId("port_{_id}", fits.view()).size(), 512U);
  const std::string hashed = ItemId("port_{_id}", too_long.view());
  EXPECT_EQ(hashed, "port_h~" + Sha256Hex(IdText(too_long.view())));
  const Value imitation = Value::String(hashed.substr(5));
  EXPECT_NE(ItemId("port_{_id}", imitation.view()), hashed);
}

Document Item(int number) {
  return DocumentBuilder().Int32("_id", number).String("name", "Acme").Null("url").Finish();
}

TEST(DocumentDigest, LeavesTheMarkOut) {
  const Document plain = Item(1);
  EXPECT_EQ(DocumentDigest(plain.view()), Md5(plain.bytes()));
  EXPECT_EQ(DocumentDigest(WithMark(plain.view(), "port_1").view()), Md5(plain.bytes()));
  EXPECT_EQ(DocumentDigest(WithMark(plain.view(), "").view()), Md5(plain.bytes()));
  EXPECT_NE(DocumentDigest(Item(2).view()), DocumentDigest(plain.view()));
}

TEST(DocumentDigest, LeavesTheMarkOutWhereverItStands) {
  const Document marked = DocumentBuilder()
                              .String(kEmbeddingId, "x")
                              .Int32("_id", 1)
                              .Bool(kIsEmbedded, true)
                              .String("name", "Acme")
                              .Bool(kIsEmbedded, false)
                              .Null("url")
                              .Finish();
  EXPECT_EQ(DocumentDigest(marked.view()), Md5(Item(1).bytes()));
  const Document only = DocumentBuilder().Bool(kIsEmbedded, true).Finish();
  EXPECT_EQ(DocumentDigest(only.view()), Md5(Document().bytes()));
}

TEST(DocumentDigest, CountsFieldsOfThatNameInSubDocuments) {
  const auto with = [](bool value) {
    return DocumentBuilder()
        .Append("a", DocumentBuilder().Bool(kIsEmbedded, value).Finish())
        .Finish();
  };
  EXPECT_NE(DocumentDigest(with(true).view()), DocumentDigest(with(false).view()));
}

TEST(SameButForMark, SaysWhatTheDigestsSay) {
  const Document plain = Item(1);
  const std::vector<Document> documents{
      plain,
      WithMark(plain.view(), ""),
      WithMark(plain.view(), "port_1"),
      DocumentBuilder()
          .Null(kEmbeddingId)
          .Int32("_id", 1)
          .String("name", "Acme")
          .Null("url")
          .Finish(),
      Item(2),
      WithMark(Item(2).view(), "port_1"),
      DocumentBuilder().Int32("_id", 1).Null("url").String("name", "Acme").Finish(),
      DocumentBuilder().Bool(kIsEmbedded, true).Finish(),
      Document()};
  for (const Document& a : documents) {
    for (const Document& b : documents) {
      EXPECT_EQ(SameButForMark(a.view(), b.view()),
                DocumentDigest(a.view()) == DocumentDigest(b.view()));
    }
  }
}

TEST(Mark, IsSetAndResetInPlace) {
  const Document marked = WithMark(Item(1).view(), "port_1");
  EXPECT_TRUE(IsMarked(marked.view()));
  EXPECT_EQ(marked.Find(kEmbeddingId)->AsString(), "port_1");
  const Document reset = WithMark(marked.view(), "");
  EXPECT_FALSE(IsMarked(reset.view()));
  EXPECT_TRUE(reset.Find(kEmbeddingId)->IsNull());
  EXPECT_EQ(WithMark(reset.view(), "port_1"), marked);
  EXPECT_EQ(WithMark(marked.view(), "port_1"), marked);
  EXPECT_FALSE(IsMarked(Item(1).view()));
}

TEST(Mark, KeepsTheOrderOfFieldsAndDropsDoubles) {
  const Document item = DocumentBuilder()
                            .String(kEmbeddingId, "x")
                            .Int32("_id", 1)
                            .Null(kEmbeddingId)
                            .Int32("b", 2)
                            .Finish();
  const Document expected = DocumentBuilder()
                                .String(kEmbeddingId, "y")
                                .Int32("_id", 1)
                                .Int32("b", 2)
                                .Bool(kIsEmbedded, true)
                                .Finish();
  EXPECT_EQ(WithMark(item.view(), "y"), expected);
}

TEST(Mark, NeedsBothFields) {
  EXPECT_FALSE(IsMarked(DocumentBuilder().Bool(kIsEmbedded, true).Finish().view()));
  EXPECT_FALSE(
      IsMarked(DocumentBuilder().Bool(kIsEmbedded, true).Null(kEmbeddingId).Finish().view()));
  EXPECT_FALSE(
      IsMarked(DocumentBuilder().Int32(kIsEmbedded, 1).String(kEmbeddingId, "x").Finish().view()));
}

}  // namespace
}  // namespace rehome
