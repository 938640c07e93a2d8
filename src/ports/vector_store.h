#pragma once
// vector_store.h — where vectors live: one index with namespaces. Implementation:
// adapters/pinecone. Contract for all methods (checked by tests/contract/vector_store_contract.h):
//   threads   safe to call from several threads at once
//   repeat    calling again with the same arguments leaves the same state
//   scope     every call names a namespace; "" and "__default__" are refused with kInvalidArgument
//   errors    kUnavailable, kDeadlineExceeded, kOutcomeUnknown, kResourceExhausted may be retried;
//             others not
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "model/document.h"
#include "model/vector_record.h"
#include "ports/call.h"

namespace rehome {

struct IndexInfo {
  std::string identity;     // host or directory, without credentials
  int dimension = 0;        // 0: sparse, or not fixed yet (an empty local index)
  std::string metric;       // cosine, dotproduct, euclidean
  std::string vector_type;  // dense, sparse
  std::map<std::string, std::uint64_t>
      namespaces;  // vector counts as the statistics say; they may lag
};

/// Log sequence number of a namespace: a read whose indexed LSN is at least a write's shows that
/// write.
using Lsn = std::uint64_t;

struct IdPage {
  std::vector<std::string> ids;  // bytewise ascending
  std::string next;              // empty: the last page
};

struct QueryMatch {
  std::string id;
  double score = 0;
  Metadata metadata;
};

class VectorStore {
 public:
  static constexpr std::size_t kUpsertCountMax = 1000;
  static constexpr std::size_t kIdsMax = 1000;
  /// Encoded bytes of one request body (pinecone-api.md 2.1).
  static constexpr std::size_t kRequestBytesMax = 2'000'000;

  virtual ~VectorStore() = default;
  [[nodiscard]] virtual std::string Identity() const = 0;
  [[nodiscard]] virtual Result<IndexInfo> Describe(const Call& call) = 0;

  /// Inserts or replaces whole records, split by count and bytes as the service wants. Returns the
  /// LSN after which a read shows all of them, if the service told one. kInvalidArgument: nothing
  /// of the failing request was written; the message names the record.
  [[nodiscard]] virtual Result<std::optional<Lsn>> Upsert(std::string_view ns,
                                                          std::span<const VectorRecord> records,
                                                          const Call& call) = 0;
  /// Present records of `ids`; absent ones are left out. Any number of ids.
  [[nodiscard]] virtual Result<std::vector<VectorRecord>> Fetch(std::string_view ns,
                                                                std::span<const std::string> ids,
                                                                const Call& call) = 0;
  /// Absent ids and an absent namespace are success.
  [[nodiscard]] virtual Result<std::optional<Lsn>> Delete(std::string_view ns,
                                                          std::span<const std::string> ids,
                                                          const Call& call) = 0;
  /// `token` empty: the first page.
  [[nodiscard]] virtual Result<IdPage> ListIds(std::string_view ns, std::string_view token,
                                               const Call& call) = 0;
  [[nodiscard]] virtual Result<std::vector<QueryMatch>> Query(std::string_view ns,
                                                              std::span<const float> vector,
                                                              int top_k, bool with_metadata,
                                                              const Call& call) = 0;
  /// The highest LSN that reads of `ns` show now; nothing where the service tells none.
  [[nodiscard]] virtual Result<std::optional<Lsn>> IndexedLsn(std::string_view ns,
                                                              const Call& call) = 0;
};

}  // namespace rehome
