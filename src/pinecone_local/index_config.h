#pragma once
// index_config.h — what an index is: fixed when it is made (dimension: by the first upsert at the
// latest), apart from tags and deletion protection.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "pinecone_local/score.h"

namespace rehome::pinecone_local {

inline constexpr int kDimensionMax = 20'000;

/// Text that the index embeds by itself: the records API.
struct IntegratedModel {
  std::string model;
  std::string field;             // of a record, whose text is embedded
  std::string read_parameters;   // JSON, as given; empty: none
  std::string write_parameters;  // likewise
  bool operator==(const IntegratedModel&) const = default;
};

struct IndexConfig {
  std::string name;
  int dimension = 0;  // 0: not fixed yet, or sparse
  Metric metric = Metric::kCosine;
  bool sparse = false;  // holds sparse values only; metric is then dotproduct
  bool deletion_protected = false;
  std::map<std::string, std::string> tags{};
  std::string cloud = "aws";
  std::string region = "us-east-1";
  std::optional<IntegratedModel> integrated{};
  std::string documents{};  // a documents index: its schema's fields as JSON; holds nothing here
  bool operator==(const IndexConfig&) const = default;

  /// Nobody has said its dimension yet: the first upsert may.
  [[nodiscard]] bool is_open() const { return dimension == 0 && !sparse && documents.empty(); }
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
/// kNotFound with the API's text for a cloud or region that the service does not have.
[[nodiscard]] Status CheckRegion(std::string_view cloud, std::string_view region);

}  // namespace rehome::pinecone_local
