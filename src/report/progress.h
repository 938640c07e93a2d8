#pragma once
// progress.h — what a person sees while the engine works: one line that is redrawn on a terminal,
// plain lines elsewhere. Both write to a stream that nobody else writes to while they live.
#include <cstddef>
#include <iosfwd>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "ports/event_sink.h"

namespace rehome {

/// What one step's events say about its speed. Rate and ETA are of the step as a whole, on the
/// steady clock.
class StepMeter {
 public:
  /// A step whose name or phase differs from the last one's starts anew.
  void Advance(const Progress& progress, SteadyTime now);
  void Clear() { last_.reset(); }
  [[nodiscard]] bool started() const { return last_.has_value(); }
  /// "items  61/101  60 %  1,204/s  ETA 2.0 s  1 quarantined"; data escaped.
  [[nodiscard]] std::string Line() const;

 private:
  std::optional<Progress> last_;
  SteadyTime started_;
  SteadyTime now_;
  std::uint64_t done_at_start_ = 0;  // a resumed step begins with what an earlier process did
};

/// One live line, redrawn at most ten times a second, cut to the width; finished phases and notes
/// stay above it.
class TerminalProgress final : public EventSink {
 public:
  TerminalProgress(std::ostream& stream, Clock& clock, std::size_t columns);
  ~TerminalProgress() override;
  TerminalProgress(const TerminalProgress&) = delete;
  TerminalProgress& operator=(const TerminalProgress&) = delete;
  void PhaseStarted(Phase phase) override;
  void PhaseFinished(Phase phase, PhaseState state, double seconds) override;
  void Advanced(const Progress& progress) override;
  void Note(std::string text) override;
  void Warn(std::string text) override;

 private:
  void PrintAbove(const std::string& line);
  void Draw();
  void Erase();

  std::ostream& stream_;
  Clock& clock_;
  const std::size_t columns_;
  std::mutex mutex_;
  StepMeter meter_;                  // guarded by mutex_
  std::string title_;                // guarded by mutex_; empty: nothing runs
  bool in_phase_ = false;            // guarded by mutex_
  std::optional<SteadyTime> drawn_;  // guarded by mutex_; when the live line was drawn last
  bool line_is_up_ = false;          // guarded by mutex_
};

/// Starts, ends, notes, and of the rest at most one line in five seconds.
class PlainProgress final : public EventSink {
 public:
  PlainProgress(std::ostream& stream, Clock& clock);
  void PhaseStarted(Phase phase) override;
  void PhaseFinished(Phase phase, PhaseState state, double seconds) override;
  void Advanced(const Progress& progress) override;
  void Note(std::string text) override;
  void Warn(std::string text) override;

 private:
  void Print(const std::string& line);

  std::ostream& stream_;
  Clock& clock_;
  std::mutex mutex_;
  StepMeter meter_;                    // guarded by mutex_
  std::optional<SteadyTime> printed_;  // guarded by mutex_
};

/// Passes every event to each of its sinks, in order.
class TeeSink final : public EventSink {
 public:
  explicit TeeSink(std::vector<std::unique_ptr<EventSink>> sinks) : sinks_(std::move(sinks)) {}
  void PhaseStarted(Phase phase) override;
  void PhaseFinished(Phase phase, PhaseState state, double seconds) override;
  void Advanced(const Progress& progress) override;
  void Note(std::string text) override;
  void Warn(std::string text) override;

 private:
  std::vector<std::unique_ptr<EventSink>> sinks_;
};

}  // namespace rehome
