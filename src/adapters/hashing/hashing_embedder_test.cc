#include "adapters/hashing/hashing_embedder.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "base/digest.h"

namespace rehome {
namespace {

std::vector<float> Embedded(const std::string& text, int dimension = 256) {
  auto embedder = HashingEmbedder::Create(dimension);
  EXPECT_TRUE(embedder);
  auto embeddings = (*embedder)->Embed(std::vector{text}, TextRole::kPassage, {});
  EXPECT_TRUE(embeddings);
  return embeddings->vectors.at(0);
}

double Dot(const std::vector<float>& a, const std::vector<float>& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

std::string BitsDigest(const std::vector<float>& values) {
  return Md5({reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)}).Hex();
}

TEST(HashingEmbedder, GivesUnitVectorsOfTheAskedDimension) {
  for (const int dimension : {1, 2, 7, 384, 1536, 20'000}) {
    for (const char* text :
         {"", " ", "a", "Senior C++ engineer", "\xFF\xFE", "日本語 テキスト", "…"}) {
      const auto values = Embedded(text, dimension);
      ASSERT_EQ(values.size(), static_cast<std::size_t>(dimension));
      EXPECT_NEAR(Dot(values, values), 1.0, 1e-5) << text;
    }
  }
}

TEST(HashingEmbedder, SharedWordsAndStemsAreNearerThanNone) {
  const auto query = Embedded("react dashboard developer");
  const double same_words = Dot(query, Embedded("Dashboard for a React shop"));
  const double stems = Dot(query, Embedded("developing dashboards"));
  const double nothing = Dot(query, Embedded("kitchen plumbing invoice"));
  EXPECT_GT(same_words, nothing + 0.1);
  EXPECT_GT(stems, nothing + 0.1);
}

TEST(HashingEmbedder, IgnoresCaseAndPunctuationButNotPlusAndHash) {
  EXPECT_EQ(Embedded("Hello, WORLD!"), Embedded("hello world"));
  EXPECT_EQ(Embedded("ÉCOLE ΑΘΗΝΑ МОСКВА ЁЖ"), Embedded("école αθηνα москва ёж"));
  EXPECT_EQ(Embedded("a\u202Eb"), Embedded("a b"));
  EXPECT_NE(Embedded("C++"), Embedded("C"));
  EXPECT_NE(Embedded("C#"), Embedded("C++"));
}

TEST(HashingEmbedder, CountsWords) {
  const auto embedder = HashingEmbedder::Create(8);
  ASSERT_TRUE(embedder);
  EXPECT_EQ((*embedder)->CountTokens("C++ and C#: two, words"), 5U);
  EXPECT_EQ((*embedder)->CountTokens("  "), 0U);
}

// The bits are part of the contract: a change here is a new model name.
TEST(HashingEmbedder, KeepsItsBits) {
  EXPECT_EQ(BitsDigest(Embedded("Acme: Landing page. Skills: React, C++. Industry: Retail.", 384)),
            "dc31a7425a257e5ebaf744c76234047e");
  EXPECT_EQ(BitsDigest(Embedded("", 384)), "4fe4e775cb734cb961289e7e190191c6");
}

TEST(HashingEmbedder, RefusesAnImpossibleDimensionAndHonoursAStop) {
  for (const int dimension : {-1, 0, 20'001}) {
    const auto embedder = HashingEmbedder::Create(dimension);
    ASSERT_FALSE(embedder);
    EXPECT_EQ(embedder.error().code, ErrorCode::kInvalidArgument);
  }
  std::stop_source stop;
  stop.request_stop();
  const auto stopped =
      (*HashingEmbedder::Create(8))
          ->Embed(std::vector<std::string>{"a"}, TextRole::kQuery, {.stop = stop.get_token()});
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, ErrorCode::kCancelled);
}

}  // namespace
}  // namespace rehome
