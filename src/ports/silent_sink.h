#pragma once
// silent_sink.h — tells nobody: for callers that only want the outcome.
#include "ports/event_sink.h"

namespace rehome {

class SilentSink final : public EventSink {
 public:
  void PhaseStarted(Phase /*phase*/) override {}
  void PhaseFinished(Phase /*phase*/, PhaseState /*state*/, double /*seconds*/) override {}
  void Advanced(const Progress& /*progress*/) override {}
  void Note(std::string /*text*/) override {}
  void Warn(std::string /*text*/) override {}
};

}  // namespace rehome
