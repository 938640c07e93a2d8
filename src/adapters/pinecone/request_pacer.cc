#include "adapters/pinecone/request_pacer.h"

#include <fmt/format.h>

namespace rehome {
namespace {

constexpr int kTooManyRequests = 429;
/// The service counts in seconds; a tenth of one at once keeps every second within its limit.
constexpr double kBurstSeconds = 0.1;

/// A second's worth, as docs.pinecone.io lists them for serverless indexes.
struct Ceiling {
  double requests;
  double amount;  // bytes or records; 0: not counted
  bool per_namespace;
};

Ceiling CeilingOf(RequestKind kind) {
  switch (kind) {
    case RequestKind::kUpsert:
      return {100, 50e6, true};
    case RequestKind::kQuery:
      return {100, 0, true};
    case RequestKind::kDelete:
      return {100, 5000, true};
    case RequestKind::kFetch:
      return {100, 0, false};
    case RequestKind::kList:
      return {200, 0, false};
    case RequestKind::kStatistics:
      return {100, 0, false};
  }
  CHECK(false && "unknown kind of request");
}

}  // namespace

RequestPacer::Throttles& RequestPacer::Of(RequestKind kind, std::string_view ns) {
  const Ceiling ceiling = CeilingOf(kind);
  const std::scoped_lock lock(mutex_);
  auto& found = throttles_[{kind, ceiling.per_namespace ? std::string(ns) : std::string()}];
  if (found == nullptr) {
    found.reset(new Throttles{.requests{*clock_, ceiling.requests, kBurstSeconds},
                              .amount{*clock_, ceiling.amount, kBurstSeconds}});
  }
  return *found;
}

Result<HttpResponse> RequestPacer::Send(RequestKind kind, std::string_view ns, double amount,
                                        const Call& call,
                                        const std::function<Result<HttpResponse>()>& send) {
  if (clock_ == nullptr) {
    return send();
  }
  Throttles& throttles = Of(kind, ns);
  if (!throttles.requests.Acquire(1, call.stop) || !throttles.amount.Acquire(amount, call.stop)) {
    return Fail(
        ErrorCode::kCancelled,
        fmt::format("a request to {} was cancelled while it waited for the rate limit", ns));
  }
  auto response = send();
  if (response && response->status == kTooManyRequests) {
    throttles.requests.Refused(1, response->retry_after);
    throttles.amount.Refused(amount);
  } else if (response && response->ok()) {
    throttles.requests.Succeeded(1);
    throttles.amount.Succeeded(amount);
  }
  return response;
}

}  // namespace rehome
