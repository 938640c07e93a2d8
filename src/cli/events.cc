#include "cli/events.h"

#include <utility>
#include <vector>

#include "report/log_file.h"
#include "report/progress.h"

namespace rehome::cli {

Result<std::unique_ptr<EventSink>> OpenEvents(const Plan& plan, bool log,
                                              CliEnvironment& environment) {
  std::unique_ptr<EventSink> display;
  if (environment.err_is_terminal) {
    display = std::make_unique<TerminalProgress>(environment.err, environment.clock,
                                                 environment.err_width);
  } else {
    display = std::make_unique<PlainProgress>(environment.err, environment.clock);
  }
  if (!log || plan.log_file.empty()) {
    return display;
  }
  REHOME_TRY_ASSIGN(auto file,
                    LogFile::Open(plan.log_file, environment.clock, environment.hangups));
  std::vector<std::unique_ptr<EventSink>> sinks;
  sinks.push_back(std::move(display));
  sinks.push_back(std::move(file));
  return std::make_unique<TeeSink>(std::move(sinks));
}

}  // namespace rehome::cli
