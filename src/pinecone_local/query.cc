#include "pinecone_local/query.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "pinecone_local/metadata.h"

namespace rehome::pinecone_local {
namespace {

/// The query's side of the scores, prepared once.
class Scorer {
 public:
  Scorer(const IndexConfig& config, const Query& query)
      : metric_(config.metric), values_(query.values), norm_(std::sqrt(Dot(values_, values_))) {
    const auto& [indices, weights] = query.sparse;
    sparse_.reserve(indices.size());
    for (std::size_t i = 0; i < indices.size(); ++i) {
      sparse_.emplace_back(indices[i], weights[i]);
    }
    std::ranges::sort(sparse_);
  }

  /// By the dense values alone.
  [[nodiscard]] double Dense(const DenseView& record) const {
    switch (metric_) {
      case Metric::kCosine:
        return Cosine(values_, norm_, record.values, record.norm);
      case Metric::kDotproduct:
        return Dot(values_, record.values);
      case Metric::kEuclidean:
        return SquaredDistance(values_, record.values);
    }
    return 0;
  }

  [[nodiscard]] double norm() const { return norm_; }

  [[nodiscard]] double Score(const OperationView& record) const {
    if (record.values.size() != values_.size()) {
      return SparseDot(record);
    }
    const double dense = Dense({.values = record.values, .norm = record.norm});
    return metric_ == Metric::kDotproduct ? dense + SparseDot(record) : dense;
  }

 private:
  [[nodiscard]] double SparseDot(const OperationView& record) const {
    if (sparse_.empty()) {
      return 0;
    }
    double sum = 0;
    for (std::size_t i = 0; i < record.sparse_indices.size(); ++i) {
      const auto found = std::ranges::lower_bound(sparse_, record.sparse_indices[i], {},
                                                  &std::pair<std::uint32_t, float>::first);
      if (found != sparse_.end() && found->first == record.sparse_indices[i]) {
        sum += static_cast<double>(found->second) * static_cast<double>(record.sparse_values[i]);
      }
    }
    return sum;
  }

  Metric metric_;
  std::span<const float> values_;
  double norm_;
  std::vector<std::pair<std::uint32_t, float>> sparse_;  // by index
};

/// Says from a row's codes that its score cannot reach the bar.
class Sieve {
 public:
  Sieve(Metric metric, std::span<const float> values, double norm, const QuantisedRows& rows)
      : metric_(metric), rows_(rows), query_(values, norm), norm_(norm) {}

  [[nodiscard]] bool RulesOut(std::size_t row, double bar) const {
    const RowBound& bound = rows_.bound(row);
    const auto [dot, error] = query_.DotWith(rows_.codes(row), bound);
    const auto norm = static_cast<double>(bound.norm);
    switch (metric_) {
      case Metric::kCosine:
        return dot + error < bar * norm * norm_ - kSlack * norm * norm_;
      case Metric::kDotproduct:
        return dot + error < bar;
      case Metric::kEuclidean: {
        const double squares = norm * norm + norm_ * norm_;
        return (squares * (1 - kSlack) - 2 * (dot + error)) * (1 - query_.rounding()) > bar;
      }
    }
    return false;
  }

 private:
  static constexpr double kSlack = 4e-6;  // norms and quotients, rounded

  Metric metric_;
  const QuantisedRows& rows_;
  QuantisedQuery query_;
  double norm_;
};

}  // namespace

Status CheckQuery(const IndexConfig& config, const Query& query) {
  if (!query.sparse.indices.empty() && !config.AcceptsSparse()) {
    return Fail(ErrorCode::kInvalidArgument,
                "Index configuration does not support sparse values - only indexes that are sparse "
                "or using "
                "dotproduct are supported");
  }
  if (!query.values.empty()) {
    return CheckDimensionOf(config, query.values.size());
  }
  if (!config.sparse) {
    return Fail(ErrorCode::kInvalidArgument,
                "Cannot query index with dense 'vector_type' with only sparse vector");
  }
  return {};
}

namespace {

/// Rows that are asked of memory ahead of their turn, where every row is read.
constexpr std::size_t kReadAhead = 4;

/// Scores of rows by dense values alone, if those are all that counts.
Result<TopK> BestOfRows(const NamespaceView& view, const IndexConfig& config, const Query& query) {
  const Scorer scorer(config, query);
  const RecordTable& records = view->records;
  const bool dense_only = query.sparse.indices.empty() && !config.sparse &&
                          query.values.size() == records.codes().dimension();
  std::optional<Sieve> sieve;
  if (dense_only && query.quantised_first) {
    sieve.emplace(config.metric, query.values, scorer.norm(), records.codes());
  }
  TopK best(query.top_k, config.metric);
  for (std::size_t number = 0; number < records.size(); ++number) {
    const std::optional<double> bar = best.Bar();
    if (sieve && bar && sieve->RulesOut(number, *bar)) {
      continue;
    }
    const RecordTable::Row& row = records.row(number);
    if (!sieve && number + kReadAhead < records.size()) {
      view.Prefetch(records.row(number + kReadAhead).at);
    }
    if (dense_only && !query.filter) {
      const DenseView dense = view.Dense(row.at);
      if (dense.values.size() == query.values.size()) {
        best.Offer({.score = scorer.Dense(dense), .id = *row.id, .tag = row.at.offset});
      }
      continue;
    }
    REHOME_TRY_ASSIGN(const OperationView record, view.Read(row.at));
    if (query.filter) {
      REHOME_TRY_ASSIGN(const Metadata metadata, ReadStoredMetadata(record.metadata));
      if (!query.filter->Matches(metadata)) {
        continue;
      }
    }
    best.Offer({.score = scorer.Score(record), .id = *row.id, .tag = row.at.offset});
  }
  return best;
}

}  // namespace

Result<std::vector<Match>> Search(const NamespaceView& view, const IndexConfig& config,
                                  const Query& query) {
  REHOME_TRY_ASSIGN(TopK best, BestOfRows(view, config, query));
  std::vector<Match> matches;
  for (const Candidate& candidate : std::move(best).Take()) {
    REHOME_TRY_ASSIGN(const OperationView record, view.Read({.offset = candidate.tag}));
    matches.push_back({.score = candidate.score, .record = record});
  }
  return matches;
}

Result<std::vector<Match>> SearchFor(const NamespaceView& view, const IndexConfig& config,
                                     Query query, std::string_view id) {
  if (!id.empty()) {
    const auto at = view.Find(id);
    if (!at) {
      return std::vector<Match>{};
    }
    REHOME_TRY_ASSIGN(const OperationView stored, view.Read(*at));
    REHOME_TRY_ASSIGN(VectorRecord record, ToRecord(stored));
    query.values = std::move(record.values);
    query.sparse = std::move(record.sparse);
  }
  REHOME_TRY(CheckQuery(config, query));
  return Search(view, config, query);
}

}  // namespace rehome::pinecone_local
