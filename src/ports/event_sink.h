#pragma once
// event_sink.h — how the engine tells what it does. It never prints.
#include <cstdint>
#include <optional>
#include <string>

#include "model/phase.h"

namespace rehome {

struct Progress {
  std::optional<Phase> phase = Phase::kPrepare;  // absent: a verification by itself
  std::string step;  // "backup training_data", "items", "vectors portfolio_acme"
  std::uint64_t done = 0;
  std::uint64_t total = 0;  // 0: not known
  std::uint64_t quarantined = 0;
};

/// Implementations must be safe to call from several threads and must return fast.
class EventSink {
 public:
  virtual ~EventSink() = default;
  virtual void PhaseStarted(Phase phase) = 0;
  virtual void PhaseFinished(Phase phase, PhaseState state, double seconds) = 0;
  virtual void Advanced(const Progress& progress) = 0;
  /// A sentence for the operator: what happened, what is safe.
  virtual void Note(std::string text) = 0;
  virtual void Warn(std::string text) = 0;
};

}  // namespace rehome
