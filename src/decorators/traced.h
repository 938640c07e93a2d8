#pragma once
// traced.h — how often each method was called, how long it took and how it failed, for the log.
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "decorators/intercepted.h"

namespace rehome {

struct MethodStats {
  std::uint64_t calls = 0;
  std::map<ErrorCode, std::uint64_t> errors;
  std::chrono::nanoseconds total{0};
  std::chrono::nanoseconds longest{0};
  double cost = 0;  // vectors written, successful calls only
};

/// Safe to call from several threads at once.
class CallTrace {
 public:
  explicit CallTrace(Clock& clock) : clock_(clock) {}

  template <class F>
  auto Run(const Operation& operation, const Call& call, F attempt) -> decltype(attempt(call)) {
    const SteadyTime start = clock_.Steady();
    auto result = attempt(call);
    Record(operation, start, result ? nullptr : &result.error());
    return result;
  }

  [[nodiscard]] std::map<std::string, MethodStats, std::less<>> Snapshot();

 private:
  void Record(const Operation& operation, SteadyTime start, const Error* error);

  Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, MethodStats, std::less<>> methods_;  // guarded by mutex_
};

/// One line a method: `upsert calls=12 seconds=0.340 longest_ms=41 errors=unavailable:1`.
[[nodiscard]] std::string FormatTrace(
    const std::map<std::string, MethodStats, std::less<>>& methods);

using TracedVectorStore = InterceptedVectorStore<CallTrace>;
using TracedEmbedder = InterceptedEmbedder<CallTrace>;
using TracedDocumentStore = InterceptedDocumentStore<CallTrace>;

}  // namespace rehome
