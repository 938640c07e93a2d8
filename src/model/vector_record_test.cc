#include "model/vector_record.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "base/random.h"
#include "model/embedding.h"

namespace rehome {
namespace {

VectorRecord Sample() {
  return {.id = "port_1",
          .values = {0.1F, -0.0F, 1.0F, 1e-45F, 3.4028235e38F},
          .sparse = {.indices = {1, 4294967295}, .values = {0.5F, -2.0F}},
          .metadata = {
              {"z", true}, {"a", std::vector<std::string>{"x", "y\""}}, {"n", 5.0}, {"t", "é\n"}}};
}

std::string ErrorOf(std::string_view json) {
  const auto record = ParseVectorJson(json);
  if (record) {
    return "";
  }
  EXPECT_EQ(record.error().code, ErrorCode::kInvalidArgument);
  return record.error().message;
}

TEST(VectorJson, WritesFieldsInOneOrder) {
  EXPECT_EQ(VectorJson(Sample()), R"({"id":"port_1","values":[0.1,-0.0,1,1e-45,3.4028235e+38],)"
                                  R"("sparseValues":{"indices":[1,4294967295],"values":[0.5,-2]},)"
                                  R"("metadata":{"a":["x","y\""],"n":5,"t":"é\n","z":true}})");
  EXPECT_EQ(VectorJson({.id = "a", .values = {1}, .sparse = {}, .metadata = {}}),
            R"({"id":"a","values":[1]})");
}

TEST(VectorJson, ReadsBackToTheSameBits) {
  const auto record = ParseVectorJson(VectorJson(Sample()));
  ASSERT_TRUE(record.has_value()) << record.error().message;
  EXPECT_EQ(*record, Sample());
  EXPECT_EQ(VectorDigest(*record), VectorDigest(Sample()));  // tells -0 from 0
}

TEST(VectorJson, KeepsEveryFloatsBits) {
  Random random(1);
  VectorRecord record{.id = "a", .values = {}, .sparse = {}, .metadata = {}};
  while (record.values.size() < 100'000) {
    const auto value = std::bit_cast<float>(static_cast<std::uint32_t>(random.Next()));
    if (std::isfinite(value)) {
      record.values.push_back(value);
    }
  }
  const auto read = ParseVectorJson(VectorJson(record));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(ValuesDigest(read->values), ValuesDigest(record.values));
}

TEST(VectorJson, RoundsOnlyOnce) {
  // Just above the middle of two floats: rounding to a double first would land in the middle, then
  // go down.
  const auto record = ParseVectorJson(
      R"({"id":"a","values":[1.00000005960464477540,1.0000000596046447753906250]})");
  ASSERT_TRUE(record.has_value());
  EXPECT_EQ(record->values[0], std::nextafter(1.0F, 2.0F));
  EXPECT_EQ(record->values[1], 1.0F);
}

TEST(VectorJson, ReadsTheFormsOfOtherTools) {
  const auto record = ParseVectorJson(
      R"( {"metadata":null,"sparse_values":{"values":[1.5],"indices":[3]},"values":[1,2e0],"id":"x"} )");
  ASSERT_TRUE(record.has_value()) << record.error().message;
  EXPECT_EQ(record->values, (std::vector<float>{1, 2}));
  EXPECT_EQ(record->sparse, (SparseValues{.indices = {3}, .values = {1.5F}}));
  EXPECT_TRUE(ParseVectorJson(R"({"id":"x","sparseValues":null})").has_value());
}

TEST(VectorJson, NamesTheFieldThatIsWrong) {
  const auto names = [](std::string_view json, std::string_view field) {
    const std::string message = ErrorOf(json);
    EXPECT_NE(message.find("`" + std::string(field) + "`"), std::string::npos) << json << "\n"
                                                                               << message;
  };
  names(R"({"id":"a","values":[1,null]})", "values");
  names(R"({"id":"a","values":[1,NaN]})", "values");
  names(R"({"id":"a","values":[1e39]})", "values");
  names(R"({"id":"a","values":["1"]})", "values");
  names(R"({"id":"a","values":null})", "values");
  names(R"({"id":"a","values":{}})", "values");
  names(R"({"id":"","values":[1]})", "id");
  names(R"({"id":5,"values":[1]})", "id");
  names(R"({"id":"é","values":[1]})", "id");
  names(R"({"values":[1]})", "id");
  names(R"({"id":"a","id":"b"})", "id");
  names(R"({"id":"a","metadata":{"k":null}})", "k");
  names(R"({"id":"a","metadata":{"k":{}}})", "k");
  names(R"({"id":"a","metadata":{"k":[1]}})", "k");
  names(R"({"id":"a","metadata":{"k":1,"k":2}})", "k");
  names(R"({"id":"a","metadata":[]})", "metadata");
  names(R"({"id":"a","sparseValues":{"indices":[1],"values":[]}})", "sparseValues");
  names(R"({"id":"a","sparseValues":{"indices":[-1],"values":[1]}})", "sparseValues.indices");
  names(R"({"id":"a","sparseValues":{"indices":[4294967296],"values":[1]}})",
        "sparseValues.indices");
  names(R"({"id":"a","score":1})", "score");
}

TEST(VectorJson, RefusesWhatIsNotOneRecord) {
  for (const char* text : {"", "[]", "5", "null", R"({"id":"a"} {})", R"({"id":"a")",
                           R"({"id":"a"}x)", "{\"id\":\"\xFF\"}"}) {
    EXPECT_NE(ErrorOf(text), "") << text;
  }
}

TEST(VectorJson, WritesNoNumberWhereThereIsNone) {
  const float not_a_number = std::numeric_limits<float>::quiet_NaN();
  const std::string json =
      VectorJson({.id = "a", .values = {not_a_number}, .sparse = {}, .metadata = {}});
  EXPECT_EQ(json, R"({"id":"a","values":[null]})");
  EXPECT_NE(ErrorOf(json), "");
}

TEST(MetadataJson, IsCompactAndSorted) {
  EXPECT_EQ(MetadataJson({}), "{}");
  EXPECT_EQ(
      MetadataJson({{"b", 0.1}, {"a", false}, {"c", std::vector<std::string>{}}, {"d", 1e21}}),
      R"({"a":false,"b":0.1,"c":[],"d":1e+21})");
}

TEST(VectorDigest, SeesEveryPart) {
  const VectorRecord sample = Sample();
  const auto differs = [&](auto change) {
    VectorRecord other = sample;
    change(other);
    return VectorDigest(other) != VectorDigest(sample);
  };
  EXPECT_TRUE(differs([](VectorRecord& r) { r.values[1] = 0.0F; }));
  EXPECT_TRUE(differs([](VectorRecord& r) { r.metadata["n"] = 6.0; }));
  EXPECT_TRUE(differs([](VectorRecord& r) { r.metadata["n"] = "5"; }));
  EXPECT_TRUE(differs([](VectorRecord& r) { r.sparse.indices[0] = 2; }));
  EXPECT_TRUE(differs([](VectorRecord& r) { r.sparse.values[0] = 2; }));
  EXPECT_FALSE(differs([](VectorRecord& r) { r.id = "other"; }));
}

TEST(EmbeddingContract, HashesEveryField) {
  const EmbeddingContract contract{.provider = "hashing",
                                   .model = "m",
                                   .dimension = 8,
                                   .metric = "cosine",
                                   .normalised = true,
                                   .text_template = "{a}"};
  EXPECT_EQ(contract.Hash().size(), 32U);
  const auto differs = [&](auto change) {
    EmbeddingContract other = contract;
    change(other);
    return other.Hash() != contract.Hash();
  };
  EXPECT_TRUE(differs([](EmbeddingContract& c) {
    c.provider = "hashin";
    c.model = "gm";
  }));
  EXPECT_TRUE(differs([](EmbeddingContract& c) { c.dimension = 9; }));
  EXPECT_TRUE(differs([](EmbeddingContract& c) { c.metric = "euclidean"; }));
  EXPECT_TRUE(differs([](EmbeddingContract& c) { c.normalised = false; }));
  EXPECT_TRUE(differs([](EmbeddingContract& c) { c.text_template = "{b}"; }));
  EXPECT_FALSE(differs([](EmbeddingContract&) {}));
}

TEST(MetadataJson, AWholeNumberBeyond64BitsIsWrittenWithAnExponent) {
  EXPECT_EQ(MetadataJson({{"n", 0x1p64}}), R"({"n":1.8446744073709552e+19})");
  EXPECT_EQ(MetadataJson({{"n", -1.2345678901234567e19}}), R"({"n":-1.2345678901234567e+19})");
  EXPECT_EQ(MetadataJson({{"n", -0x1p63}}), R"({"n":-9223372036854775808})");
}

}  // namespace
}  // namespace rehome
