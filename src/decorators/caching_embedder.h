#pragma once
// caching_embedder.h — an embedding is paid for once: every answer is on disk before it is
// returned, keyed by embedding contract, role and text. A lost or damaged cache is only a cost.
#include <condition_variable>
#include <filesystem>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>

#include "base/digest.h"
#include "ports/embedder_decorator.h"

namespace rehome {

class EmbeddingLog;

struct CachingOptions {
  std::filesystem::path file;  // created with its directory
  std::string
      contract_hash;  // EmbeddingContract::Hash(): a vector of another contract is never reused
  std::size_t in_flight_max =
      2000;  // texts asked for and not yet on disk, over all threads: what a kill can cost
  bool read_only = false;  // nothing is written, not even the file: answers are only reused
};

/// Safe to call from several threads at once: a text that one thread is asking for is waited for by
/// the others. Goes outermost: caching(spend_capped(retrying(rate_limited(adapter)))).
class CachingEmbedder final : public EmbedderDecorator {
 public:
  /// `inner` is shared. Errors: the file's (base/atomic_file.h's FileError).
  [[nodiscard]] static Result<std::unique_ptr<CachingEmbedder>> Open(
      std::shared_ptr<Embedder> inner, CachingOptions options);
  CachingEmbedder(const CachingEmbedder&) = delete;
  CachingEmbedder& operator=(const CachingEmbedder&) = delete;
  ~CachingEmbedder() override;

  /// `tokens` counts what was really asked for now. On an error, what was answered before it is
  /// kept.
  [[nodiscard]] Result<Embeddings> Embed(std::span<const std::string> texts, TextRole role,
                                         const Call& call) override;

  [[nodiscard]] bool IsFree(std::string_view text, TextRole role) override {
    return Holds(text, role) || inner().IsFree(text, role);
  }

  /// Whether the answer for `text` is on disk.
  [[nodiscard]] bool Holds(std::string_view text, TextRole role);

 private:
  struct Request;
  CachingEmbedder(std::shared_ptr<Embedder> inner, CachingOptions options,
                  std::unique_ptr<EmbeddingLog> log);
  [[nodiscard]] Md5Digest KeyOf(std::string_view text, TextRole role) const;
  /// Fills in what is cached and claims what nobody else is asking for; waits while it can do
  /// neither.
  [[nodiscard]] Status Claim(Request& request, const Call& call);
  /// Asks for what was claimed, one request after the other, and writes each answer before the
  /// next is asked for; the claims end either way.
  [[nodiscard]] Status Ask(Request& request, TextRole role, const Call& call);
  [[nodiscard]] Status AskOnce(Request& request, std::span<const Md5Digest> keys,
                               std::span<const std::string> texts, TextRole role, const Call& call);
  /// These are nobody's any more.
  void Release(std::span<const Md5Digest> keys);

  const CachingOptions options_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::unique_ptr<EmbeddingLog> log_;  // guarded by mutex_
  std::set<Md5Digest> in_flight_;      // guarded by mutex_; at most in_flight_max
  std::uint64_t finished_ = 0;         // guarded by mutex_; how often texts left in_flight_
};

}  // namespace rehome
