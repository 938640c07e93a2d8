#pragma once
// replies.h — Pinecone's answers as values. Unknown keys are passed over; what is missing or of a
// wrong type is a BadAnswer. Private to this folder.
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "ports/vector_store.h"

namespace rehome {

/// Records of a fetch, in no order.
[[nodiscard]] Result<std::vector<VectorRecord>> ReadFetched(std::string_view body);
[[nodiscard]] Result<std::vector<QueryMatch>> ReadMatches(std::string_view body);
[[nodiscard]] Result<IdPage> ReadIdPage(std::string_view body);
/// Without the identity.
[[nodiscard]] Result<IndexInfo> ReadStatistics(std::string_view body);
[[nodiscard]] Result<std::size_t> ReadUpsertedCount(std::string_view body);

/// The control plane's description of an index, in 2026-07's shape or an older one.
struct IndexModel {
  std::string host;    // may lack the scheme
  std::string metric;  // empty: not said
  std::string state;
  bool ready = false;
  bool documents = false;  // has fields that only the documents API serves
  bool pods = false;       // runs on pods, which list no ids
};
[[nodiscard]] Result<IndexModel> ReadIndexModel(std::string_view body);

/// The namespace that a namespace alias leads to.
[[nodiscard]] Result<std::string> ReadAliasTarget(std::string_view body);

/// Whether an error body is the data plane's own "not found" (gRPC code 5), not some proxy's page.
[[nodiscard]] bool IsNotFoundStatus(std::string_view body);

}  // namespace rehome
