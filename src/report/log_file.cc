#include "report/log_file.h"

#include <spdlog/details/file_helper.h>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <sys/stat.h>

#include <cstdio>
#include <nlohmann/json.hpp>

namespace rehome {
namespace {

using Json = nlohmann::ordered_json;

spdlog::file_event_handlers OwnerOnly() {
  spdlog::file_event_handlers handlers;
  handlers.after_open = [](const spdlog::filename_t&, std::FILE* file) {
    static_cast<void>(::fchmod(::fileno(file), S_IRUSR | S_IWUSR));
  };
  return handlers;
}

/// Appends, and opens its file again when the count of hangups has grown. Where that fails, lines
/// are lost until the next hangup.
class ReopeningSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  ReopeningSink(const std::filesystem::path& path, const std::atomic<unsigned>& hangups)
      : hangups_(hangups), seen_(hangups.load()), file_(OwnerOnly()) {
    file_.open(path.string());
  }

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    if (const unsigned now = hangups_.load(); now != seen_) {
      seen_ = now;
      is_open_ = false;  // reopen() throws
      file_.reopen(false);
      is_open_ = true;
    }
    if (!is_open_) {
      return;
    }
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    file_.write(line);
    file_.flush();
  }
  void flush_() override {
    if (is_open_) {
      file_.flush();
    }
  }

 private:
  const std::atomic<unsigned>& hangups_;
  unsigned seen_;
  bool is_open_ = true;
  spdlog::details::file_helper file_;
};

}  // namespace

struct LogFile::Impl {
  Impl(std::shared_ptr<ReopeningSink> sink, Clock& time)
      : logger("rehome", std::move(sink)), clock(time) {
    logger.set_pattern("%v");
    logger.set_error_handler(
        [](const std::string&) {});  // see the class: a lost line stops nothing
  }
  void Write(std::string_view event, const Json& fields) {
    Json line{{"time", FormatTime(clock.Now())}, {"event", event}};
    line.update(fields);
    logger.info(line.dump(-1, ' ', false, Json::error_handler_t::replace));
  }
  spdlog::logger logger;
  Clock& clock;
};

LogFile::LogFile(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
LogFile::~LogFile() = default;

Result<std::unique_ptr<LogFile>> LogFile::Open(const std::filesystem::path& path, Clock& clock,
                                               const std::atomic<unsigned>& hangups) {
  try {
    auto sink = std::make_shared<ReopeningSink>(path, hangups);
    return std::unique_ptr<LogFile>(new LogFile(std::make_unique<Impl>(std::move(sink), clock)));
  } catch (const spdlog::spdlog_ex& exception) {
    return Fail(ErrorCode::kFailedPrecondition, std::string("log: ") + exception.what(),
                "make the directory of `log.file` and let this user write there, or take `log:` "
                "out of the plan");
  }
}

void LogFile::Event(std::string_view name, const Fields& fields) {
  Json json = Json::object();
  for (const auto& [key, value] : fields) {
    json[key] = value;
  }
  impl_->Write(name, json);
}

void LogFile::PhaseStarted(Phase phase) {
  impl_->Write("phase_started", {{"phase", Number(phase)}, {"name", Name(phase)}});
}

void LogFile::PhaseFinished(Phase phase, PhaseState state, double seconds) {
  impl_->Write("phase_finished", {{"phase", Number(phase)},
                                  {"name", Name(phase)},
                                  {"state", Name(state)},
                                  {"seconds", seconds}});
}

void LogFile::Advanced(const Progress& progress) {
  impl_->Write("advanced", {{"phase", progress.phase ? Json(Number(*progress.phase)) : Json()},
                            {"step", progress.step},
                            {"done", progress.done},
                            {"total", progress.total},
                            {"quarantined", progress.quarantined}});
}

void LogFile::Note(std::string text) {
  impl_->Write("note", {{"text", std::move(text)}});
}
void LogFile::Warn(std::string text) {
  impl_->Write("warning", {{"text", std::move(text)}});
}

}  // namespace rehome
