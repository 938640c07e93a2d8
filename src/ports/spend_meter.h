#pragma once
// spend_meter.h — what embedding has cost, and the most that it may.
#include <mutex>

#include "base/error.h"

namespace rehome {

/// Safe to call from several threads at once. US dollars.
class SpendMeter {
 public:
  /// `max` 0: no limit.
  explicit SpendMeter(double max) : max_(max) {}

  /// What earlier attempts are known to have spent; what this one spends counts on from there. What
  /// it has spent already is not forgotten.
  void StartAt(double spent);
  /// Sets `estimate` aside for a request that is about to be made. kResourceExhausted if that
  /// might exceed the limit: the request must not be made.
  [[nodiscard]] Status Reserve(double estimate);
  /// The request was made, or was not: `actual` stands in the place of `estimate`.
  void Settle(double estimate, double actual);
  [[nodiscard]] double spent() const;

 private:
  const double max_;
  mutable std::mutex mutex_;
  double spent_ = 0;     // guarded by mutex_
  double reserved_ = 0;  // guarded by mutex_
};

}  // namespace rehome
