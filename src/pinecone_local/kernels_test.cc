#include "pinecone_local/kernels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/random.h"
#include "pinecone_local/quantised_rows.h"
#include "pinecone_local/score.h"

namespace rehome::pinecone_local {
namespace {

std::vector<float> Vector(Random& random, std::size_t dimension, double size = 1) {
  std::vector<float> values(dimension);
  std::ranges::generate(values, [&] { return static_cast<float>((random.Unit() - 0.5) * size); });
  return values;
}

TEST(Kernels, TheBestAgreeWithThePortable) {
  const Kernels& best = BestKernels();
  const Kernels& portable = PortableKernels();
  Random random(7);
  for (const std::size_t count : {1U, 7U, 8U, 31U, 32U, 33U, 64U, 384U, 1000U, 1536U}) {
    const auto a = Vector(random, count);
    const auto b = Vector(random, count);
    EXPECT_NEAR(best.dot(a.data(), b.data(), count), portable.dot(a.data(), b.data(), count), 1e-4);
    EXPECT_NEAR(best.squared_distance(a.data(), b.data(), count),
                portable.squared_distance(a.data(), b.data(), count), 1e-4);
    const float largest = portable.largest(a.data(), count);
    EXPECT_EQ(best.largest(a.data(), count), largest);
    std::vector<std::int8_t> codes(count);
    std::vector<std::int8_t> expected(count);
    best.encode(a.data(), count, 127 / largest, codes.data());
    portable.encode(a.data(), count, 127 / largest, expected.data());
    EXPECT_EQ(codes, expected);
    EXPECT_NEAR(best.squared_residual(a.data(), codes.data(), count, largest / 127),
                portable.squared_residual(a.data(), codes.data(), count, largest / 127), 1e-9);
  }
}

TEST(Kernels, CodesMultiplyExactlyAtTheirExtremes) {
  for (const int left : {-127, 127, 1, 0}) {
    for (const int right : {-127, 127, -1}) {
      const std::vector<std::int8_t> a(kCodesStride * 3, static_cast<std::int8_t>(left));
      const std::vector<std::int8_t> b(kCodesStride * 3, static_cast<std::int8_t>(right));
      EXPECT_EQ(BestKernels().dot_codes(a.data(), b.data(), a.size()),
                left * right * static_cast<int>(a.size()));
    }
  }
}

double Norm(const std::vector<float>& values) {
  return std::sqrt(Dot(values, values));
}

TEST(QuantisedRows, TheBoundHoldsForRowsOfEverySize) {
  constexpr std::size_t kDimension = 100;
  Random random(3);
  QuantisedRows rows;
  std::vector<std::vector<float>> vectors;
  for (std::size_t row = 0; row < 400; ++row) {
    vectors.push_back(Vector(random, kDimension, std::pow(10, row % 40) * 1e-20));
    if (row % 7 == 0) {
      vectors.back()[row % kDimension] *= 1e3F;  // one large value leaves the others few steps
    }
    rows.Set(row, vectors.back(), Norm(vectors.back()));
  }
  for (int i = 0; i < 20; ++i) {
    const auto query = Vector(random, kDimension, std::pow(10, i) * 1e-10);
    const QuantisedQuery quantised(query, Norm(query));
    for (std::size_t row = 0; row < rows.size(); ++row) {
      const auto [dot, error] = quantised.DotWith(rows.codes(row), rows.bound(row));
      EXPECT_FALSE(std::abs(dot - Dot(query, vectors[row])) > error) << row;
    }
  }
}

TEST(QuantisedRows, TheLastRowTakesARemovedOnesPlace) {
  QuantisedRows rows;
  const std::vector<float> one{1, 2, 3};
  const std::vector<float> two{-3, 2, 1};
  rows.Set(0, one, Norm(one));
  rows.Set(1, two, Norm(two));
  rows.RemoveSwap(0);
  ASSERT_EQ(rows.size(), 1U);
  const QuantisedQuery query(two, Norm(two));
  const auto [dot, error] = query.DotWith(rows.codes(0), rows.bound(0));
  EXPECT_NEAR(dot, 14, error);
  rows.RemoveSwap(0);
  rows.Set(0, one, Norm(one));
  EXPECT_EQ(rows.size(), 1U);
}

}  // namespace
}  // namespace rehome::pinecone_local
