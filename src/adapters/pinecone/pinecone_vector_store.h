#pragma once
// pinecone_vector_store.h — the vector store port over Pinecone's REST API (version 2026-07), the
// service's or pinecone-local's.
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "adapters/http/api_client.h"
#include "base/clock.h"
#include "base/secret.h"
#include "ports/namespace_aliases.h"
#include "ports/vector_store.h"

namespace rehome {

class RequestPacer;
enum class RequestKind : std::uint8_t;

struct PineconeOptions {
  std::string
      address;  // https://INDEX-HOST, http://HOST:PORT/PREFIX, a bare host, or pinecone:INDEX-NAME
  Secret api_key;
  std::string control_url = "https://api.pinecone.io";  // where pinecone:INDEX-NAME is resolved
  std::string identity;                                 // empty: the index's URL
  Clock* clock = nullptr;        // keeps the documented request rates; null: an index without any
  std::size_t parallel_max = 4;  // requests under way for one call
};

class PineconeVectorStore final : public VectorStore {
 public:
  /// Asks the service only for pinecone:INDEX-NAME. Errors besides the request's: kInvalidArgument
  /// the address is none; kNotFound no such index; kFailedPrecondition it is a documents index,
  /// which the vectors API cannot reach, or is not ready.
  [[nodiscard]] static Result<std::unique_ptr<PineconeVectorStore>> Open(
      const PineconeOptions& options, std::shared_ptr<HttpClient> http, const Call& call);

  [[nodiscard]] std::string Identity() const override { return identity_; }
  [[nodiscard]] Result<IndexInfo> Describe(const Call& call) override;
  /// Of records with one id the last is written. Records are validated (id, finite and non-zero
  /// values, metadata size) before the request that holds them is sent.
  [[nodiscard]] Result<std::optional<Lsn>> Upsert(std::string_view ns,
                                                  std::span<const VectorRecord> records,
                                                  const Call& call) override;
  /// In the order asked, each id once.
  [[nodiscard]] Result<std::vector<VectorRecord>> Fetch(std::string_view ns,
                                                        std::span<const std::string> ids,
                                                        const Call& call) override;
  [[nodiscard]] Result<std::optional<Lsn>> Delete(std::string_view ns,
                                                  std::span<const std::string> ids,
                                                  const Call& call) override;
  [[nodiscard]] Result<IdPage> ListIds(std::string_view ns, std::string_view token,
                                       const Call& call) override;
  /// Best first by the index's metric (euclidean: smallest first), equal scores by id.
  [[nodiscard]] Result<std::vector<QueryMatch>> Query(std::string_view ns,
                                                      std::span<const float> vector, int top_k,
                                                      bool with_metadata,
                                                      const Call& call) override;
  [[nodiscard]] Result<std::optional<Lsn>> IndexedLsn(std::string_view ns,
                                                      const Call& call) override;

  /// The same index's namespace aliases; may outlive the store.
  [[nodiscard]] std::unique_ptr<NamespaceAliases> Aliases() const;

  ~PineconeVectorStore() override;

 private:
  struct Request {
    RequestKind kind;
    std::string_view ns{};
    std::string_view method = "GET";
    std::string_view path;
    std::string_view body{};
    double amount = 0;  // as RequestPacer counts
  };
  PineconeVectorStore(ApiClient api, const PineconeOptions& options, std::string identity,
                      std::string metric);
  /// Any status is a response.
  [[nodiscard]] Result<HttpResponse> Send(const Request& request, const Call& call) const;
  /// The response if it is ok(); `what` says what was tried.
  [[nodiscard]] Result<HttpResponse> Ask(const Request& request, std::string_view what,
                                         const Call& call) const;
  /// The index's metric, asked for once.
  [[nodiscard]] Result<std::string> Metric(const Call& call);

  const ApiClient api_;
  const std::string identity_;
  const std::size_t parallel_max_;
  const std::unique_ptr<RequestPacer> pacer_;
  std::mutex mutex_;
  std::string metric_;  // guarded by mutex_; empty: not known yet
};

}  // namespace rehome
