#pragma once
// embedding.h — the embedding contract: what a vector is comparable with.
#include <string>

namespace rehome {

/// Two vectors may be compared only if every field is equal. The hash stands in every vector's
/// metadata and in the cache key, so that a vector of another model, of another text template or of
/// another length is never reused.
struct EmbeddingContract {
  std::string provider;
  std::string model;
  int dimension = 0;
  std::string metric;  // cosine, dotproduct, euclidean
  bool normalised = false;
  std::string text_template;
  bool operator==(const EmbeddingContract&) const = default;
  /// 32 lower-case hex digits.
  [[nodiscard]] std::string Hash() const;
};

}  // namespace rehome
