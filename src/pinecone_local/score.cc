#include "pinecone_local/score.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "pinecone_local/kernels.h"

namespace rehome::pinecone_local {
std::string_view Name(Metric metric) {
  switch (metric) {
    case Metric::kCosine:
      return "cosine";
    case Metric::kDotproduct:
      return "dotproduct";
    case Metric::kEuclidean:
      return "euclidean";
  }
  return "";
}

std::optional<Metric> ParseMetric(std::string_view name) {
  for (const Metric metric : {Metric::kCosine, Metric::kDotproduct, Metric::kEuclidean}) {
    if (Name(metric) == name) {
      return metric;
    }
  }
  return std::nullopt;
}

double Dot(std::span<const float> a, std::span<const float> b) {
  CHECK(a.size() == b.size());
  return BestKernels().dot(a.data(), b.data(), a.size());
}

double SquaredDistance(std::span<const float> a, std::span<const float> b) {
  CHECK(a.size() == b.size());
  return BestKernels().squared_distance(a.data(), b.data(), a.size());
}

double Cosine(std::span<const float> a, double norm_a, std::span<const float> b, double norm_b) {
  if (norm_a == 0 || norm_b == 0) {
    return 0;
  }
  return std::clamp(Dot(a, b) / norm_a / norm_b, -1.0, 1.0);
}

bool TopK::Better(const Candidate& a, const Candidate& b) const {
  if (a.score != b.score) {
    return lower_first_ ? a.score < b.score : a.score > b.score;
  }
  return a.id < b.id;
}

void TopK::Offer(const Candidate& candidate) {
  const auto better = [this](const Candidate& a, const Candidate& b) { return Better(a, b); };
  if (heap_.size() == count_) {
    if (count_ == 0 || !Better(candidate, heap_.front())) {
      return;
    }
    std::ranges::pop_heap(heap_, better);
    heap_.back() = candidate;
  } else {
    heap_.push_back(candidate);
  }
  std::ranges::push_heap(heap_, better);
}

std::vector<Candidate> TopK::Take() && {
  std::ranges::sort_heap(heap_,
                         [this](const Candidate& a, const Candidate& b) { return Better(a, b); });
  return std::move(heap_);
}

}  // namespace rehome::pinecone_local
