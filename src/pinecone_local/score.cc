#include "pinecone_local/score.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace rehome::pinecone_local {
namespace {

constexpr std::size_t kLanes = 4;
constexpr std::size_t kChains = 4;
/// Four floats that the compiler keeps in vector registers without being allowed to reorder sums by
/// itself.
using Lanes [[gnu::vector_size(kLanes * sizeof(float))]] = float;

/// Adds up `term(a, b)` over both vectors: four chains of four lanes, then the rest.
template <class Term>
double Accumulate(std::span<const float> a, std::span<const float> b, Term term) {
  std::array<Lanes, kChains> sums{};
  std::size_t at = 0;
  for (; at + kChains * kLanes <= a.size(); at += kChains * kLanes) {
    for (std::size_t chain = 0; chain < kChains; ++chain) {
      Lanes left;
      Lanes right;
      std::memcpy(&left, a.data() + at + chain * kLanes, sizeof left);
      std::memcpy(&right, b.data() + at + chain * kLanes, sizeof right);
      sums[chain] += term(left, right);
    }
  }
  double total = 0;
  for (const Lanes& sum : sums) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      total += static_cast<double>(sum[lane]);
    }
  }
  for (; at < a.size(); ++at) {
    total += static_cast<double>(term(a[at], b[at]));
  }
  return total;
}

}  // namespace

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
  return Accumulate(a, b, [](const auto& left, const auto& right) { return left * right; });
}

double SquaredDistance(std::span<const float> a, std::span<const float> b) {
  return Accumulate(a, b, [](const auto& left, const auto& right) {
    const auto difference = left - right;
    return difference * difference;
  });
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
