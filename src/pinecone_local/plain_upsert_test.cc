#include "pinecone_local/plain_upsert.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/random.h"
#include "pinecone_local/json_reader.h"

namespace rehome::pinecone_local {
namespace {

/// What the reader of every form makes of it; nothing for an error.
std::optional<UpsertRequest> ReadGenerally(const std::string& text) {
  UpsertRequest upsert;
  const auto body = JsonObject::Parse(text);
  if (!body) {
    return std::nullopt;
  }
  const auto ns = body->String("namespace");
  const auto list = body->Find("vectors");
  simdjson::dom::array array;
  if (!ns || !list || list->get(array) != simdjson::SUCCESS) {
    return std::nullopt;
  }
  upsert.ns = *ns;
  for (const Json element : array) {
    auto record = ParseRecord(element);
    if (!record) {
      return std::nullopt;
    }
    upsert.records.push_back(*std::move(record));
  }
  return upsert;
}

void ExpectEqual(const std::optional<UpsertRequest>& plain, const std::string& text) {
  const auto general = ReadGenerally(text);
  ASSERT_TRUE(general) << text;
  EXPECT_EQ(plain->ns, general->ns) << text;
  EXPECT_EQ(plain->records, general->records) << text;
}

const std::vector<std::string> kPlain = {
    R"({"vectors":[{"id":"v1","values":[0.1,0.2,0.3]}]})",
    R"({"vectors":[{"id":"v1","values":[0.1,0.2,0.3]}],"namespace":"__default__"})",
    R"({"namespace":"n s/1","vectors":[{"id":"a b","values":[1,-2,3e-7]},{"id":"'{}[]:,'","values":[0.25,-0.0,-1.5E+2]}]})",
    R"({"vectors":[{"metadata":{"g":"x\"}","n":1,"f":-1.5e3,"b":true,"l":["a","{"],"ü":"é\u00e9","e":""},"values":[0.123456789,0.00012345678],"id":"m"}],"namespace":""})",
    R"({"vectors":[{"id":"m","metadata":{},"values":[0.0123456789012345678,1.17549429e-38]}]})",
    R"({"vectors":[{"id":"1234567890123456789012","values":[100000000000000000000000,-18446744073709551616]}]})",
    // NOLINTNEXTLINE(bugprone-suspicious-missing-comma): one text
    " { \"vectors\" : [ { \"id\" : \"x\" , \"values\" : [ 1 , 2.5\n,\t3 ] ,\r\"metadata\" : { "
    "\"k\" : "
    "[ ] } } ] , \"namespace\" : \"n\" } \n"};

TEST(PlainUpsert, ReadsWhatClientsSend) {
  for (const std::string& text : kPlain) {
    const auto plain = ReadPlainUpsert(text);
    ASSERT_TRUE(plain) << text;
    ExpectEqual(plain, text);
  }
}

TEST(PlainUpsert, TheGeneralReaderTakesWholeNumbersOfAnyLengthToo) {
  const auto read = ReadGenerally(
      R"({"vectors":[{"id":"a","values":[1],"metadata":{"n":-123456789012345678901234567890,)"
      R"("s":"\\\"123456789012345678901","m":1234567890123456789}}]})");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->records.front().metadata,
            (Metadata{{"n", -123456789012345678901234567890.0},
                      {"s", std::string("\\\"123456789012345678901")},
                      {"m", 1234567890123456789.0}}));
  EXPECT_FALSE(ReadGenerally(R"({"vectors":[{"id":"a","values":[012345678901234567890]}]})"));
  EXPECT_FALSE(ReadGenerally(R"({"vectors":[{"id":"a","values":[1-23456789012345678901]}]})"));
}

TEST(PlainUpsert, LeavesEverythingElseToTheGeneralReader) {
  const std::string wide(513, 'x');
  for (const std::string& text : std::vector<std::string>{
           "",
           "{",
           "[]",
           "null",
           "{}",
           R"({"vectors":[]})",
           R"({"vectors":null})",
           R"({"vectors":[{"id":"a","values":[1]}]}x)",
           R"({"vectors":[{"id":"a","values":[1]},]})",
           R"({"vectors":[{"id":"a","values":[1,]}]})",
           R"({"vectors":[{"id":"a","values":[01]}]})",
           R"({"vectors":[{"id":"a","values":[null]}]})",
           R"({"vectors":[{"id":"a","values":[1e39]}]})",
           R"({"vectors":[{"id":"a","values":null}]})",
           R"({"vectors":[{"values":[1]}]})",
           R"({"vectors":[{"id":"","values":[1]}]})",
           R"({"vectors":[{"id":"é","values":[1]}]})",
           R"({"vectors":[{"id":"a\u0041","values":[1]}]})",
           R"({"vectors":[{"id":"a","id":"b","values":[1]}]})",
           R"({"vectors":[{"id":"a","values":[1]}],"vectors":[]})",
           R"({"vectors":[{"id":"a","values":[1],"other":1}]})",
           R"({"vectors":[{"id":"a","sparseValues":{"indices":[1],"values":[1]}}]})",
           R"({"vectors":[{"id":"a","values":[1],"metadata":null}]})",
           R"({"vectors":[{"id":"a","values":[1],"metadata":{"x":null}}]})",
           R"({"vectors":[{"id":"a","values":[1],"metadata":{"$x":1}}]})",
           R"({"vectors":[{"id":"a","values":[1],"metadata":{"x":"}]})",
           fmt::format(R"({{"vectors":[{{"id":"{}","values":[1]}}]}})", wide),
           fmt::format(
               R"({{"vectors":[{{"id":"a","values":[1],"metadata":{{"k":"{:0>41000}"}}}}]}})", ""),
           "{\"vectors\":[{\"id\":\"a\",\"values\":[1],\"metadata\":{\"k\":\"\xC3\"}}]}"}) {
    EXPECT_FALSE(ReadPlainUpsert(text)) << text.substr(0, 200);
  }
}

TEST(PlainUpsert, NeverReadsOtherwiseThanTheGeneralReader) {
  constexpr std::string_view kAlphabet = "{}[]:,\"\\ \n0123456789.-+eEntfix\xC3\xA9";
  Random random(23);
  int plain_count = 0;
  for (int i = 0; i < 100'000; ++i) {
    std::string text = kPlain[random.Below(kPlain.size())];
    for (std::uint64_t n = 1 + random.Below(3); n > 0; --n) {
      const std::size_t at = random.Below(text.size());
      const char c = kAlphabet[random.Below(kAlphabet.size())];
      switch (random.Below(4)) {
        case 0:
          text.erase(at, 1);
          break;
        case 1:
          text.insert(at, 1, c);
          break;
        case 2:
          text[at] = c;
          break;
        default:
          text.insert(at, text.substr(random.Below(text.size()), 1 + random.Below(20)));
      }
    }
    if (const auto plain = ReadPlainUpsert(text)) {
      ++plain_count;
      ASSERT_NO_FATAL_FAILURE(ExpectEqual(plain, text));
    }
  }
  EXPECT_GT(plain_count, 5'000);  // many changes leave such a body
}

}  // namespace
}  // namespace rehome::pinecone_local
