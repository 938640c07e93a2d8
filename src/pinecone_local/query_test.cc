#include "pinecone_local/query.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "base/random.h"

namespace rehome::pinecone_local {
namespace {

namespace fs = std::filesystem;

/// An index in a directory of its own.
class QueryTest : public testing::TestWithParam<Metric> {
 protected:
  QueryTest() : dir_(fs::temp_directory_path() / ("rehome-query-" + RandomHex(8))) {
    fs::create_directories(dir_);
    index_ = Index::Open(dir_ / "q.vectors", LogFile::Mode::kReadWrite,
                         {.name = "q", .dimension = kDimension, .metric = GetParam()})
                 .value();
  }
  ~QueryTest() override { fs::remove_all(dir_); }
  QueryTest(const QueryTest&) = delete;
  QueryTest& operator=(const QueryTest&) = delete;

  static constexpr int kDimension = 48;
  static std::vector<float> Vector(Random& random, double spread) {
    // Around a centre, as embeddings are: near scores are what a bound has to tell apart.
    std::vector<float> values(kDimension);
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] =
          static_cast<float>(std::sin(static_cast<double>(i)) + (random.Unit() - 0.5) * spread);
    }
    return values;
  }
  static VectorRecord Record(int number, std::vector<float> values) {
    return {.id = fmt::format("v{:05}", number),
            .values = std::move(values),
            .sparse = {},
            .metadata = {{"even", number % 2 == 0}}};
  }
  void Put(const std::vector<VectorRecord>& records) { ASSERT_TRUE(index_->Upsert("ns", records)); }
  [[nodiscard]] std::vector<std::pair<std::string, double>> Answer(const Query& query) const {
    const NamespaceView view = index_->View("ns");
    const auto matches = Search(view, index_->config(), query);
    EXPECT_TRUE(matches);
    std::vector<std::pair<std::string, double>> answer;
    for (const Match& match : *matches) {
      answer.emplace_back(match.record.text, match.score);
    }
    return answer;
  }

  fs::path dir_;
  std::shared_ptr<Index> index_;
};

TEST_P(QueryTest, TheQuantisedPassChangesNoAnswer) {
  Random random(11);
  std::vector<VectorRecord> records;
  for (int i = 0; i < 3000; ++i) {
    records.push_back(Record(i, Vector(random, i % 3 == 0 ? 0.01 : 2)));
    if (i % 50 == 0) {  // ties, decided by id
      records.push_back(Record(10'000 + i, records.back().values));
    }
  }
  Put(records);
  ASSERT_TRUE(index_->Delete("ns", std::vector<std::string>{"v00003", "v00004"}));
  for (const std::size_t top_k : {1U, 10U, 500U, 5000U}) {
    for (const bool filtered : {false, true}) {
      Query query{.values = Vector(random, 0.5), .sparse = {}, .top_k = top_k, .filter = {}};
      if (filtered) {
        simdjson::dom::parser parser;
        simdjson::dom::object filter;
        ASSERT_FALSE(parser.parse(R"({"even":true})", 13).get(filter));
        query.filter = Filter::Parse(filter).value();
      }
      const auto quick = Answer(query);
      query.quantised_first = false;
      EXPECT_EQ(quick, Answer(query)) << top_k;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Metrics, QueryTest,
                         testing::Values(Metric::kCosine, Metric::kDotproduct, Metric::kEuclidean),
                         [](const auto& suite) { return std::string(Name(suite.param)); });

}  // namespace
}  // namespace rehome::pinecone_local
