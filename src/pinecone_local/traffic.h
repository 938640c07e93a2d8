#pragma once
// traffic.h — the kinds of requests that the service meters apart.
#include <cstdint>

namespace rehome::pinecone_local {

enum class Traffic : std::uint8_t {
  kControl,  // not metered
  kUpsert,
  kQuery,
  kUpdate,
  kDelete,
  kFetch,
  kFetchByMetadata,
  kUpdateByMetadata,
  kDeleteByMetadata,
  kList,
  kStats,
  kInference,
};

}  // namespace rehome::pinecone_local
