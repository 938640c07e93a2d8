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

  [[nodiscard]] double Score(const OperationView& record) const {
    if (record.values.size() != values_.size()) {
      return SparseDot(record);
    }
    switch (metric_) {
      case Metric::kCosine:
        return Cosine(values_, norm_, record.values, record.norm);
      case Metric::kDotproduct:
        return Dot(values_, record.values) + SparseDot(record);
      case Metric::kEuclidean:
        return SquaredDistance(values_, record.values);
    }
    return 0;
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

Result<std::vector<Match>> Search(const NamespaceView& view, const IndexConfig& config,
                                  const Query& query) {
  const Scorer scorer(config, query);
  TopK best(query.top_k, config.metric);
  for (const auto& [id, at] : view->records) {
    REHOME_TRY_ASSIGN(const OperationView record, view.Read(at));
    if (query.filter) {
      REHOME_TRY_ASSIGN(const Metadata metadata, ReadStoredMetadata(record.metadata));
      if (!query.filter->Matches(metadata)) {
        continue;
      }
    }
    best.Offer({.score = scorer.Score(record), .id = id, .tag = at.offset});
  }
  std::vector<Match> matches;
  for (const Candidate& candidate : std::move(best).Take()) {
    REHOME_TRY_ASSIGN(const OperationView record, view.Read({.offset = candidate.tag}));
    matches.push_back({.score = candidate.score, .record = record});
  }
  return matches;
}

}  // namespace rehome::pinecone_local
