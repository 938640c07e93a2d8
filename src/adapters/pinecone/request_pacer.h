#pragma once
// request_pacer.h — Pinecone's documented request rates, kept: one throttle for each kind of
// request, per namespace or index as the service counts, slower after each 429. Private to this
// folder.
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "adapters/http/http_client.h"
#include "base/throttle.h"

namespace rehome {

enum class RequestKind : std::uint8_t { kUpsert, kQuery, kDelete, kFetch, kList, kStatistics };

/// Safe to call from several threads at once.
class RequestPacer {
 public:
  /// `clock` outlives it; null: nothing is paced (an index of one's own).
  explicit RequestPacer(Clock* clock) : clock_(clock) {}

  /// Sends when the rate allows. `amount`: bytes of an upsert, ids of a delete. kCancelled after a
  /// stop while it waits.
  [[nodiscard]] Result<HttpResponse> Send(RequestKind kind, std::string_view ns, double amount,
                                          const Call& call,
                                          const std::function<Result<HttpResponse>()>& send);

 private:
  struct Throttles {
    Throttle requests;
    Throttle amount;
  };
  [[nodiscard]] Throttles& Of(RequestKind kind, std::string_view ns);

  Clock* const clock_;
  std::mutex mutex_;
  /// By kind and namespace ("" where the index is counted). Guarded by mutex_; what it leads to is
  /// not.
  std::map<std::pair<RequestKind, std::string>, std::unique_ptr<Throttles>> throttles_;
};

}  // namespace rehome
