#pragma once
// retrying.h — the one place where calls are repeated: exponential backoff with full jitter, a cap,
// a service's own Retry-After, and a budget that all stores of a run share, so that a service that
// is down is not hammered by every worker. Only IsRetryable errors; every port call may be
// repeated. Order: retrying(rate_limited(traced(adapter))), so that the limiter sees each refusal.
#include <memory>
#include <mutex>

#include "base/clock.h"
#include "base/random.h"
#include "decorators/intercepted.h"
#include "ports/chat.h"

namespace rehome {

struct RetryOptions {
  int attempts_max = 6;  // the first one included
  /// As long as nothing has succeeded: more likely the address is wrong, and a person waits. 0: as
  /// later.
  int attempts_max_at_first = 0;
  Millis delay_first{200};
  Millis delay_max{20'000};
  /// A service that asks for a longer wait than this is not waited for.
  Millis retry_after_max{120'000};
  /// Retries that may be outstanding: each costs 1, each success gives `budget_refill` back.
  double budget = 100;
  double budget_refill = 0.1;
};

/// Safe to call from several threads at once.
class RetryPolicy {
 public:
  RetryPolicy(Clock& clock, Random random, RetryOptions options = {})
      : clock_(clock), options_(options), random_(random), budget_(options.budget) {}

  /// The last attempt's result, its error said to be of how many attempts; kCancelled after a stop.
  template <class F>
  auto Run(const Operation& operation, const Call& call, F attempt) -> decltype(attempt(call)) {
    for (int attempts = 1;; ++attempts) {
      auto result = attempt(call);
      if (result) {
        Succeeded();
        return result;
      }
      REHOME_TRY(WaitToRepeat(operation, call, attempts, result.error()));
    }
  }

 private:
  /// Success: try again now. Else what to return instead.
  [[nodiscard]] Status WaitToRepeat(const Operation& operation, const Call& call, int attempts,
                                    const Error& error);
  [[nodiscard]] bool MayRepeat(const Operation& operation, int attempts, const Error& error);
  [[nodiscard]] Millis Delay(int attempts, const Error& error);
  void Succeeded();

  Clock& clock_;
  const RetryOptions options_;
  std::mutex mutex_;
  Random random_;           // guarded by mutex_
  double budget_;           // guarded by mutex_
  bool succeeded_ = false;  // guarded by mutex_
};

/// For databases: the election of a primary takes ten seconds and more.
[[nodiscard]] inline RetryOptions PatientWithElections() {
  return {.attempts_max = 8, .attempts_max_at_first = 3};
}
/// Embedders sell tokens by the minute, and some do not say when the next one begins.
[[nodiscard]] inline RetryOptions PatientWithMinutes() {
  return {.attempts_max = 12, .attempts_max_at_first = RetryOptions().attempts_max};
}

using RetryingVectorStore = InterceptedVectorStore<RetryPolicy>;
using RetryingNamespaceAliases = InterceptedNamespaceAliases<RetryPolicy>;
using RetryingEmbedder = InterceptedEmbedder<RetryPolicy>;
/// A chat endpoint writes nothing: asking again only costs.
class RetryingChat final : public Chat {
 public:
  RetryingChat(std::shared_ptr<Chat> inner, std::shared_ptr<RetryPolicy> policy)
      : inner_(std::move(inner)), policy_(std::move(policy)) {}
  [[nodiscard]] Result<std::string> Complete(std::string_view instructions, std::string_view input,
                                             const Call& call) override {
    return policy_->Run({.name = "chat"}, call,
                        [&](const Call& c) { return inner_->Complete(instructions, input, c); });
  }

 private:
  const std::shared_ptr<Chat> inner_;
  const std::shared_ptr<RetryPolicy> policy_;
};

using RetryingDocumentStore = InterceptedDocumentStore<RetryPolicy>;

}  // namespace rehome
