#pragma once
// score.h — how alike two vectors are, and the best K of many. Exact: every candidate is scored.
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace rehome::pinecone_local {

enum class Metric : std::uint8_t { kCosine, kDotproduct, kEuclidean };

[[nodiscard]] std::string_view Name(Metric metric);
[[nodiscard]] std::optional<Metric> ParseMetric(std::string_view name);

/// Dot product of two vectors of one length.
[[nodiscard]] double Dot(std::span<const float> a, std::span<const float> b);
/// Sum of squared differences: Pinecone's euclidean score.
[[nodiscard]] double SquaredDistance(std::span<const float> a, std::span<const float> b);

/// Cosine of two vectors whose norms are known; 0 when one is zero; never outside -1..1.
[[nodiscard]] double Cosine(std::span<const float> a, double norm_a, std::span<const float> b,
                            double norm_b);

struct Candidate {
  double score = 0;
  std::string_view id;
  std::uint64_t tag = 0;  // the caller's
};

/// Keeps the best K: the highest scores (the lowest when euclidean), equal ones by ascending id.
class TopK {
 public:
  TopK(std::size_t count, Metric metric)
      : count_(count), lower_first_(metric == Metric::kEuclidean) {}
  void Offer(const Candidate& candidate);
  /// The score that a candidate must reach to be kept; nothing while any is.
  [[nodiscard]] std::optional<double> Bar() const {
    return heap_.size() < count_ ? std::nullopt : std::optional(heap_.front().score);
  }
  /// Best first.
  [[nodiscard]] std::vector<Candidate> Take() &&;

 private:
  [[nodiscard]] bool Better(const Candidate& a, const Candidate& b) const;

  std::size_t count_;
  bool lower_first_;
  std::vector<Candidate> heap_;  // the worst of the kept on top
};

}  // namespace rehome::pinecone_local
