#include "model/extended_json.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/atomic_file.h"
#include "base/random.h"
#include "tests/support/json.h"

namespace rehome {
namespace {

// nlohmann's object sorts keys, which would hide an order that was lost.
using Json = nlohmann::ordered_json;
using testing_support::Canonical;

std::string Bytes(std::string_view hex) {
  std::string out;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    out.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return out;
}

std::string Relaxed(const Document& document) {
  return ToExtendedJson(document.view(), JsonMode::kRelaxed);
}

std::string ReadBack(std::string_view json) {
  const auto document = ParseExtendedJson(json);
  return document ? Canonical(*document) : "error: " + document.error().message;
}

/// MongoDB's BSON corpus, https://github.com/mongodb/specifications/tree/master/source/bson-corpus.
class BsonCorpus : public testing::Test {
 protected:
  static std::vector<Json> Files() {
    const std::filesystem::path directory = std::filesystem::path(REHOME_PEERS_DIR) / "bson_corpus";
    std::vector<Json> out;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
      const auto text = ReadFile(entry.path());
      EXPECT_TRUE(text.has_value()) << entry.path();
      out.push_back(Json::parse(*text));
    }
    EXPECT_EQ(out.size(), 31U) << "the corpus is not in " << directory
                               << ": run tests/peers/fetch.sh";
    return out;
  }

  static std::vector<Json> Cases(const char* kind) {
    std::vector<Json> out;
    for (const Json& file : Files()) {
      for (Json test : file.value(kind, Json::array())) {
        test["bson_type"] = file["bson_type"];
        out.push_back(std::move(test));
      }
    }
    return out;
  }

  static std::string Describe(const Json& test) { return test["description"].get<std::string>(); }
};

TEST_F(BsonCorpus, ReadsAndWritesEveryValidCase) {
  const auto tests = Cases("valid");
  EXPECT_GT(tests.size(), 200U);
  for (const Json& test : tests) {
    SCOPED_TRACE(Describe(test));
    const std::string bson = Bytes(test["canonical_bson"].get<std::string>());
    const auto json = test["canonical_extjson"].get<std::string>();
    const auto document = Document::Parse(bson);
    ASSERT_TRUE(document.has_value()) << document.error().message;
    EXPECT_EQ(Json::parse(Canonical(*document)), Json::parse(json));
    const auto parsed = ParseExtendedJson(json);
    ASSERT_TRUE(parsed.has_value()) << parsed.error().message;
    const bool lossy = test.value("lossy", false);
    if (!lossy) {
      EXPECT_EQ(parsed->bytes(), bson);
      EXPECT_TRUE(FaithfulJson(document->view()).has_value());
    }
    if (test.contains("relaxed_extjson")) {
      const Json relaxed = Json::parse(test["relaxed_extjson"].get<std::string>());
      EXPECT_EQ(Json::parse(Relaxed(*document)), relaxed);
      const auto reread = ParseExtendedJson(test["relaxed_extjson"].get<std::string>());
      ASSERT_TRUE(reread.has_value()) << reread.error().message;
      EXPECT_EQ(Json::parse(Relaxed(*reread)), relaxed);
    }
  }
}

TEST_F(BsonCorpus, ReadsDegenerateForms) {
  for (const Json& test : Cases("valid")) {
    SCOPED_TRACE(Describe(test));
    if (test.contains("degenerate_bson")) {
      const auto document = Document::Parse(Bytes(test["degenerate_bson"].get<std::string>()));
      ASSERT_TRUE(document.has_value()) << document.error().message;
      EXPECT_EQ(Json::parse(Canonical(*document)),
                Json::parse(test["canonical_extjson"].get<std::string>()));
    }
    if (test.contains("degenerate_extjson")) {
      const auto document = ParseExtendedJson(test["degenerate_extjson"].get<std::string>());
      ASSERT_TRUE(document.has_value()) << document.error().message;
      if (!test.value("lossy", false)) {
        EXPECT_EQ(document->bytes(), Bytes(test["canonical_bson"].get<std::string>()));
      }
    }
  }
}

TEST_F(BsonCorpus, RefusesBytesThatAreNoBson) {
  const auto tests = Cases("decodeErrors");
  EXPECT_GT(tests.size(), 50U);
  for (const Json& test : tests) {
    SCOPED_TRACE(Describe(test));
    const auto document = Document::Parse(Bytes(test["bson"].get<std::string>()));
    if (Describe(test).find("UTF-8") != std::string::npos) {
      // Where we part from the corpus: MongoDB stores such strings, so a backup must carry them.
      ASSERT_TRUE(document.has_value());
      EXPECT_FALSE(FaithfulJson(document->view()).has_value());
      continue;
    }
    ASSERT_FALSE(document.has_value());
    EXPECT_EQ(document.error().code, ErrorCode::kDataLoss);
  }
}

TEST_F(BsonCorpus, RefusesTextThatIsNoExtendedJson) {
  const auto tests = Cases("parseErrors");
  EXPECT_GT(tests.size(), 100U);
  for (const Json& test : tests) {
    SCOPED_TRACE(Describe(test));
    const auto text = test["string"].get<std::string>();
    const bool is_decimal = test["bson_type"] == "0x13";
    const auto document =
        ParseExtendedJson(is_decimal ? Json({{"d", {{"$numberDecimal", text}}}}).dump() : text);
    ASSERT_FALSE(document.has_value());
    EXPECT_EQ(document.error().code, ErrorCode::kInvalidArgument);
  }
}

/// A document and a text of the corpus with a byte changed: refused, or read to something
/// well-formed.
TEST_F(BsonCorpus, DamagedInputIsRefusedOrReadSafely) {
  Random random(1);
  std::size_t accepted = 0;
  for (const Json& test : Cases("valid")) {
    for (int round = 0; round < 20; ++round) {
      std::string bson = Bytes(test["canonical_bson"].get<std::string>());
      bson[random.Below(bson.size())] = static_cast<char>(random.Next());
      if (const auto document = Document::Parse(bson)) {
        ++accepted;
        const auto reread = ParseExtendedJson(Canonical(*document));
        EXPECT_EQ(FaithfulJson(document->view()).has_value(), reread && reread->bytes() == bson);
      }
      auto json = test["canonical_extjson"].get<std::string>();
      json[random.Below(json.size())] = static_cast<char>(random.Next());
      if (const auto document = ParseExtendedJson(json)) {
        EXPECT_TRUE(Document::Parse(document->bytes()).has_value()) << json;
      }
    }
  }
  EXPECT_GT(accepted, 1000U);
}

TEST(ExtendedJson, ReadsPlainNumbersByTheirSize) {
  EXPECT_EQ(
      ReadBack("{\"a\":2147483647,\"b\":2147483648,\"c\":-2147483649,\"d\":1.5,\"e\":1e3}"),
      R"({"a":{"$numberInt":"2147483647"},"b":{"$numberLong":"2147483648"},)"
      R"("c":{"$numberLong":"-2147483649"},"d":{"$numberDouble":"1.5"},"e":{"$numberDouble":"1000.0"}})");
  EXPECT_EQ(
      ReadBack("{\"a\":9223372036854775807,\"b\":9223372036854775808,\"c\":"
               "123456789012345678901234567890}"),
      R"({"a":{"$numberLong":"9223372036854775807"},"b":{"$numberDouble":"9.223372036854776E+18"},)"
      R"("c":{"$numberDouble":"1.2345678901234568E+29"}})");
}

TEST(ExtendedJson, ReadsLegacyForms) {
  EXPECT_EQ(
      ReadBack(R"({"a":{"$binary":"//8=","$type":"05"},"b":{"$type":"0","$binary":"//8="}})"),
      R"({"a":{"$binary":{"base64":"//8=","subType":"05"}},"b":{"$binary":{"base64":"//8=","subType":"00"}}})");
  EXPECT_EQ(ReadBack(R"({"a":{"$regex":"^x","$options":"mi"},"b":{"$options":"","$regex":"y"}})"),
            R"({"a":{"$regularExpression":{"pattern":"^x","options":"im"}},)"
            R"("b":{"$regularExpression":{"pattern":"y","options":""}}})");
  EXPECT_EQ(ReadBack(R"({"a":{"$regex":"^x","$options":"Y\ud83d\ude80Y"}})"),
            R"({"a":{"$regularExpression":{"pattern":"^x","options":"Y🚀Y"}}})");
  EXPECT_EQ(ReadBack(R"({"a":{"$date":1356351330501},"b":{"$scope":{},"$code":"f"}})"),
            R"({"a":{"$date":{"$numberLong":"1356351330501"}},"b":{"$code":"f","$scope":{}}})");
}

TEST(ExtendedJson, ReadsIsoDates) {
  const auto milliseconds = [](std::string_view iso) {
    const auto value = ParseExtendedJsonValue("{\"$date\":\"" + std::string(iso) + "\"}");
    return value ? value->view().AsInt64() : -1;
  };
  EXPECT_EQ(milliseconds("2012-12-24T12:15:30.501Z"), 1'356'351'330'501);
  EXPECT_EQ(milliseconds("2012-12-24T12:15:30.5Z"), 1'356'351'330'500);
  EXPECT_EQ(milliseconds("2012-12-24T14:15:30.501+02:00"), 1'356'351'330'501);
  EXPECT_EQ(milliseconds("2012-12-24T05:45:30.501-0630"), 1'356'351'330'501);
  EXPECT_EQ(milliseconds("1969-12-31T23:59:59Z"), -1000);
  for (const char* wrong :
       {"2012-12-24", "2012-13-24T12:15:30Z", "2012-02-30T12:15:30Z", "2012-12-24T12:15:30",
        "2012-12-24T25:15:30Z", "2012-12-24T12:15:30.Z", "2012-12-24T12:15:30Zx", ""}) {
    EXPECT_EQ(milliseconds(wrong), -1) << wrong;
  }
}

TEST(ExtendedJson, KeepsKeyOrderAndDuplicateKeys) {
  const std::string json = R"({"b":"1","a":"2","b":"3","":"4"})";
  EXPECT_EQ(ReadBack(json), json);
}

TEST(ExtendedJson, TakesTheTopLevelAsADocumentWhateverItsKeys) {
  const std::string json = R"({"$oid":"56e1fc72e0c917e9c4714161"})";
  EXPECT_EQ(ReadBack(json), json);
  EXPECT_EQ(ParseExtendedJsonValue(json)->view().type(), BsonType::kObjectId);
}

TEST(ExtendedJson, WritesDoublesThatReadBackToTheSameBits) {
  for (const double number :
       {0.1, -0.0, 1e17, 9.999999999999999e16, 1e-5, 9.99e-6, 5e-324, 1.7976931348623157e308, 1e100,
        123456.0, std::numeric_limits<double>::infinity(),
        -std::numeric_limits<double>::infinity()}) {
    const Document document = DocumentBuilder().Double("d", number).Finish();
    EXPECT_TRUE(FaithfulJson(document.view()).has_value()) << Canonical(document);
    EXPECT_EQ(ParseExtendedJson(Relaxed(document))->bytes(), document.bytes()) << Relaxed(document);
  }
  EXPECT_EQ(Relaxed(DocumentBuilder().Double("d", 1e100).Finish()), R"({"d":1E+100})");
}

TEST(ExtendedJson, EscapesStrings) {
  const std::string text("\"\\/\b\f\n\r\t\x01\x7F é");
  const Document document = DocumentBuilder().String("k\n", text).Finish();
  EXPECT_EQ(Canonical(document), "{\"k\\n\":\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\x7F é\"}");
  EXPECT_TRUE(FaithfulJson(document.view()).has_value());
  EXPECT_TRUE(FaithfulJson(DocumentBuilder().String("nul", std::string("a\0b", 3)).Finish().view())
                  .has_value());
}

TEST(ExtendedJson, KnowsWhatDoesNotRoundTrip) {
  const Document looks_like_oid =
      DocumentBuilder()
          .Append("a", DocumentBuilder().String("$oid", "56e1fc72e0c917e9c4714161").Finish())
          .Finish();
  EXPECT_FALSE(FaithfulJson(looks_like_oid.view()).has_value());
  const Document looks_malformed =
      DocumentBuilder().Append("a", DocumentBuilder().Bool("$date", true).Finish()).Finish();
  EXPECT_FALSE(FaithfulJson(looks_malformed.view()).has_value());
  EXPECT_FALSE(FaithfulJson(DocumentBuilder().String("s", "\xFF").Finish().view()).has_value());
  EXPECT_FALSE(FaithfulJson(Document::Trusted(Bytes("10000000016400120000000000F87F00")).view())
                   .has_value());  // NaN, payload 12
  EXPECT_TRUE(FaithfulJson(Document::Trusted(Bytes("10000000016400000000000000F87F00")).view())
                  .has_value());
  const Document odd_array =
      DocumentBuilder().Array("a", DocumentBuilder().Bool("7", true).Finish()).Finish();
  EXPECT_FALSE(FaithfulJson(odd_array.view()).has_value());
}

std::string NestedArrays(std::size_t levels) {
  return "{\"a\":" + std::string(levels, '[') + std::string(levels, ']') + "}";
}

TEST(ExtendedJson, RefusesWhatIsNestedDeeperThan200Levels) {
  EXPECT_TRUE(ParseExtendedJson(NestedArrays(199)).has_value());
  const auto deep = ParseExtendedJson(NestedArrays(200));
  ASSERT_FALSE(deep.has_value());
  EXPECT_EQ(deep.error().code, ErrorCode::kInvalidArgument);
  EXPECT_FALSE(ParseExtendedJson(NestedArrays(100'000)).has_value());
}

TEST(ExtendedJson, NamesTheByteOfAnError) {
  const auto error = ParseExtendedJson(R"({"a":1,"b":{"$oid":"zz"}})");
  ASSERT_FALSE(error.has_value());
  EXPECT_NE(error.error().message.find("byte 11:"), std::string::npos) << error.error().message;
  const auto value = ParseExtendedJsonValue(R"({"$oid":"zz"})");
  ASSERT_FALSE(value.has_value());
  EXPECT_NE(value.error().message.find("byte 0:"), std::string::npos) << value.error().message;
}

TEST(ExtendedJson, RefusesTextThatIsNotOneDocument) {
  for (const char* text : {"",
                           " ",
                           "{",
                           "}",
                           "[]",
                           "5",
                           "\"a\"",
                           "{} {}",
                           "{}x",
                           "{\"a\"}",
                           "{\"a\":}",
                           "{\"a\":1,}",
                           "{\"a\":nul}",
                           "{\"a\":01}",
                           "{\"a\":1.}",
                           "{\"a\":+1}",
                           "{\"a\":1e999}",
                           "{\"a\":NaN}",
                           "{\"a\":\"\xFF\"}",
                           "{\"a\":\"\n\"}",
                           "{\"a\":\"\\ud800\"}",
                           "{'a':1}",
                           "{\"a\":tru}",
                           "{\"a\":[1,]}",
                           "{\"a\":[1 2]}",
                           "{\"a\":nullx}",
                           "{\"a\":-}"}) {
    const auto document = ParseExtendedJson(text);
    ASSERT_FALSE(document.has_value()) << text;
    EXPECT_EQ(document.error().code, ErrorCode::kInvalidArgument) << text;
  }
}

TEST(ExtendedJson, ReadsSingleValues) {
  EXPECT_EQ(*ParseExtendedJsonValue("5"), Value::Int32(5));
  EXPECT_EQ(*ParseExtendedJsonValue(" \"text\" "), Value::String("text"));
  EXPECT_EQ(*ParseExtendedJsonValue("true"), Value::Bool(true));
  EXPECT_EQ(*ParseExtendedJsonValue("{\"$numberLong\":\"5\"}"), Value::Int64(5));
  EXPECT_EQ(ParseExtendedJsonValue("{\"a\":1}")->view().type(), BsonType::kDocument);
  EXPECT_EQ(ParseExtendedJsonValue("[1]")->view().type(), BsonType::kArray);
  for (const char* text : {"", "1,2", "1],[2", "1]", "text"}) {
    EXPECT_FALSE(ParseExtendedJsonValue(text).has_value()) << text;
  }
}

TEST(ExtendedJson, WritesSingleValues) {
  EXPECT_EQ(ToExtendedJson(Value::Int32(5).view(), JsonMode::kCanonical), R"({"$numberInt":"5"})");
  EXPECT_EQ(ToExtendedJson(Value::String("a").view(), JsonMode::kRelaxed), "\"a\"");
}

}  // namespace
}  // namespace rehome
