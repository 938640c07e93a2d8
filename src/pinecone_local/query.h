#pragma once
// query.h — exact nearest neighbours within one namespace.
#include <optional>
#include <vector>

#include "base/error.h"
#include "pinecone_local/filter.h"
#include "pinecone_local/index.h"
#include "pinecone_local/score.h"

namespace rehome::pinecone_local {

struct Query {
  std::vector<float> values;  // empty: only sparse
  SparseValues sparse;
  std::size_t top_k = 0;
  std::optional<Filter> filter;
  bool quantised_first =
      true;  // rules rows out before their floats are read; the answer is the same
};

struct Match {
  double score = 0;
  OperationView record;  // valid while the view is
};

/// kInvalidArgument if the index cannot answer such a query.
[[nodiscard]] Status CheckQuery(const IndexConfig& config, const Query& query);
/// Best first. Scores as in the API: cosine, dot product (dense + sparse), or squared distance,
/// which is best when low.
[[nodiscard]] Result<std::vector<Match>> Search(const NamespaceView& view,
                                                const IndexConfig& config, const Query& query);

/// The matches of `query`, or of the stored vector of `id` if that is not empty: none if there is
/// no such record.
[[nodiscard]] Result<std::vector<Match>> SearchFor(const NamespaceView& view,
                                                   const IndexConfig& config, Query query,
                                                   std::string_view id);

}  // namespace rehome::pinecone_local
