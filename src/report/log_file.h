#pragma once
// log_file.h — the `log:` of a plan: one JSON object a line, `time` and `event` first, then the
// event's fields.
#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "ports/event_sink.h"

namespace rehome {

/// Safe to use from several threads. A line that cannot be written is lost: the journal, not the
/// log, is the truth.
class LogFile final : public EventSink {
 public:
  /// Appends to `path` (made with mode 0600; its directory must exist). When `hangups` has grown,
  /// the file is closed and opened again before the next line. kFailedPrecondition: it cannot be
  /// opened for writing. `clock` and `hangups` must outlive the log.
  [[nodiscard]] static Result<std::unique_ptr<LogFile>> Open(const std::filesystem::path& path,
                                                             Clock& clock,
                                                             const std::atomic<unsigned>& hangups);
  ~LogFile() override;
  LogFile(const LogFile&) = delete;
  LogFile& operator=(const LogFile&) = delete;

  using Fields = std::vector<std::pair<std::string, std::string>>;
  /// An event of its own: "verb_started", {{"verb","run"}}. Never document contents, vectors or
  /// secrets.
  void Event(std::string_view name, const Fields& fields);

  void PhaseStarted(Phase phase) override;
  void PhaseFinished(Phase phase, PhaseState state, double seconds) override;
  void Advanced(const Progress& progress) override;
  void Note(std::string text) override;
  void Warn(std::string text) override;

 private:
  struct Impl;
  explicit LogFile(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace rehome
