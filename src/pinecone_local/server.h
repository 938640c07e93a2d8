#pragma once
// server.h — the embedded Pinecone-compatible server: HTTP on a loopback port, vectors durable in
// one directory. docs/pinecone-local.md describes what it answers and what lies on disk.
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "base/secret.h"
#include "pinecone_local/conditions.h"
#include "pinecone_local/text_embedder.h"

namespace rehome {

struct PineconeLocalOptions {
  std::filesystem::path dir{};
  std::string index_name{};  // among several in `dir`, or of a new one; empty: "local"
  int dimension = 0;         // 0: what is stored, else the first upsert fixes it
  std::string metric{};      // cosine, dotproduct, euclidean; empty: what is stored, else cosine
  std::string address = "127.0.0.1";  // one that others reach needs an api_key
  std::uint16_t port = 0;             // 0: any free one
  Secret api_key{};                   // empty: any key, or none, is accepted
  bool read_only =
      false;  // nothing in `dir` changes (no lock, no new file); a missing `dir` is an empty index
  TextEmbedder embed{};                  // for records, /embed and /models; empty: those are 501
  PineconeLocalConditions conditions{};  // how hard the server is from the start
  bool admin = false;                    // POST /_admin/conditions changes that
  Clock* clock = nullptr;                // outlives the server; null: the system's
};

/// Serves from its own threads until it is destroyed; the destructor stops and joins them.
class PineconeLocal {
 public:
  /// Opens `dir` (creates it unless read_only) and listens.
  /// Errors: kLeaseHeld another process serves `dir` (the message names it); kFailedPrecondition
  /// the stored index has another dimension or metric, or `dir` may not be written; kUnavailable
  /// the port cannot be bound; kDataLoss a stored file is damaged; kInvalidArgument a name, metric,
  /// address, dimension or condition that cannot be, or an address that others reach without an
  /// api_key.
  [[nodiscard]] static Result<std::unique_ptr<PineconeLocal>> Start(PineconeLocalOptions options);
  PineconeLocal(const PineconeLocal&) = delete;
  PineconeLocal& operator=(const PineconeLocal&) = delete;
  ~PineconeLocal();

  [[nodiscard]] std::uint16_t port() const;
  /// "http://127.0.0.1:PORT": control plane and the index's data plane.
  [[nodiscard]] std::string url() const;

 private:
  struct Impl;
  explicit PineconeLocal(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace rehome
