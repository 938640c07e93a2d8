#include "pinecone_local/score.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "base/random.h"

namespace rehome::pinecone_local {
namespace {

std::vector<float> Values(Random& random, std::size_t dimension) {
  std::vector<float> values(dimension);
  std::ranges::generate(values, [&] { return static_cast<float>(random.Unit() - 0.5); });
  return values;
}

TEST(Score, AgreesWithDoublesAtEveryLength) {
  Random random(1);
  for (const std::size_t dimension : {1U, 3U, 15U, 16U, 17U, 384U, 1536U}) {
    const auto a = Values(random, dimension);
    const auto b = Values(random, dimension);
    double dot = 0;
    double distance = 0;
    for (std::size_t i = 0; i < dimension; ++i) {
      dot += static_cast<double>(a[i]) * static_cast<double>(b[i]);
      distance += std::pow(static_cast<double>(a[i]) - static_cast<double>(b[i]), 2);
    }
    EXPECT_NEAR(Dot(a, b), dot, 1e-5);
    EXPECT_NEAR(SquaredDistance(a, b), distance, 1e-4);
    EXPECT_EQ(SquaredDistance(a, a), 0);
    EXPECT_NEAR(Cosine(a, std::sqrt(Dot(a, a)), a, std::sqrt(Dot(a, a))), 1, 1e-9);
  }
}

TEST(Score, CosineOfAZeroVectorIsZero) {
  const std::vector<float> zero{0, 0};
  const std::vector<float> one{1, 0};
  EXPECT_EQ(Cosine(zero, 0, one, 1), 0);
}

TEST(TopK, KeepsTheBestAndBreaksTiesById) {
  TopK best(3, Metric::kDotproduct);
  for (const auto& [id, score] :
       {std::pair{"d", 1.0}, {"b", 2.0}, {"a", 1.0}, {"c", 5.0}, {"e", 0.5}}) {
    best.Offer({.score = score, .id = id, .tag = 0});
  }
  std::string order;
  for (const Candidate& candidate : std::move(best).Take()) {
    order += candidate.id;
  }
  EXPECT_EQ(order, "cba");
}

TEST(TopK, PrefersLowScoresWhenEuclidean) {
  TopK best(2, Metric::kEuclidean);
  for (const auto& [id, score] : {std::pair{"far", 9.0}, {"near", 0.0}, {"middle", 4.0}}) {
    best.Offer({.score = score, .id = id, .tag = 0});
  }
  const auto kept = std::move(best).Take();
  ASSERT_EQ(kept.size(), 2U);
  EXPECT_EQ(kept[0].id, "near");
  EXPECT_EQ(kept[1].id, "middle");
}

}  // namespace
}  // namespace rehome::pinecone_local
