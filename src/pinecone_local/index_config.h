#pragma once
// index_config.h — what an index is: fixed when it is made (dimension: by the first upsert at the
// latest), apart from tags and deletion protection.
#include <map>
#include <string>
#include <string_view>

#include "base/error.h"
#include "pinecone_local/score.h"

namespace rehome::pinecone_local {

inline constexpr int kDimensionMax = 20'000;

struct IndexConfig {
  std::string name;
  int dimension = 0;  // 0: not fixed yet, or sparse
  Metric metric = Metric::kCosine;
  bool sparse = false;  // holds sparse values only; metric is then dotproduct
  bool deletion_protected = false;
  std::map<std::string, std::string> tags{};
  bool operator==(const IndexConfig&) const = default;

  /// Sparse values are stored on sparse indexes and beside dense values under dotproduct.
  [[nodiscard]] bool AcceptsSparse() const { return metric == Metric::kDotproduct; }
  [[nodiscard]] std::string_view vector_type() const { return sparse ? "sparse" : "dense"; }
  /// As the log holds it.
  [[nodiscard]] std::string ToJson() const;
  [[nodiscard]] static Result<IndexConfig> FromJson(std::string_view json);
};

/// 1..45 of [a-z0-9-], first and last alphanumeric.
[[nodiscard]] Status CheckIndexName(std::string_view name);
[[nodiscard]] Status CheckDimension(std::int64_t dimension);

}  // namespace rehome::pinecone_local
