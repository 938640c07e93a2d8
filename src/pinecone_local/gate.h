#pragma once
// gate.h — what a request meets before it reaches its operation: faults that were ordered, rates
// and quotas. Safe for several threads.
#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "base/clock.h"
#include "pinecone_local/catalog.h"
#include "pinecone_local/conditions.h"
#include "pinecone_local/routes.h"

namespace rehome::pinecone_local {

class Gate {
 public:
  explicit Gate(Clock& clock) : clock_(clock) {}

  /// Replaces the conditions; counters of faults, rates and units start again.
  [[nodiscard]] Status Set(const PineconeLocalConditions& conditions);
  [[nodiscard]] PineconeLocalConditions conditions() const;
  /// The fault that this request meets; it is counted.
  [[nodiscard]] std::optional<Fault> Meet(std::string_view path);
  /// Refuses what is over a rate or quota. `index` is null on the control plane.
  [[nodiscard]] Refusable<void> Admit(const Route& route, const ApiRequest& request,
                                      const Catalog& catalog, const Index* index);

 private:
  struct ArmedFault {
    Fault fault;
    std::uint64_t seen = 0;
    std::uint64_t struck = 0;
  };
  /// Fills at its rate, up to what it holds in one second.
  struct Bucket {
    double tokens = 0;
    SteadyTime filled{};
  };
  struct Usage {
    Traffic traffic = Traffic::kControl;
    std::string ns;
    double records = 1;
    double bytes = 0;
  };
  [[nodiscard]] static Usage UsageOf(const Route& route, const ApiRequest& request);
  [[nodiscard]] Refusable<void> CheckRates(const Usage& usage, const std::string& index);
  [[nodiscard]] Refusable<void> CheckQuota(const Usage& usage, const Route& route,
                                           const Catalog& catalog, const Index* index);
  [[nodiscard]] bool Take(const std::string& bucket, double amount, double per_second);

  Clock& clock_;
  std::atomic<bool> open_ = true;  // nothing is switched on: the usual case costs nothing
  mutable std::mutex mutex_;
  // All below: guarded by mutex_.
  PineconeLocalConditions conditions_;
  std::vector<ArmedFault> faults_;
  Quota quota_;
  std::uint64_t write_units_ = 0;
  std::uint64_t read_units_ = 0;
  std::map<std::string, Bucket, std::less<>> buckets_;
};

}  // namespace rehome::pinecone_local
