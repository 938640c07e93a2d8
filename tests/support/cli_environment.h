#pragma once
// cli_environment.h — a process for verbs that run inside a test: what they print, what they are
// told, time that stands.
#include <atomic>
#include <map>
#include <optional>
#include <sstream>
#include <stop_token>
#include <string>

#include "cli/environment.h"

namespace rehome::cli {

class TestConsole {
 public:
  [[nodiscard]] CliEnvironment& environment() { return environment_; }
  [[nodiscard]] std::string out() const { return out_.str(); }
  [[nodiscard]] std::string err() const { return err_.str(); }
  void Clear() {
    out_.str({});
    err_.str({});
  }

  std::map<std::string, std::string> variables;
  std::optional<std::string> answer;  // to every question; nothing: nobody can be asked
  int questions = 0;
  ManualClock clock;
  std::stop_source stop;
  std::atomic<unsigned> hangups{0};

 private:
  std::ostringstream out_;
  std::ostringstream err_;
  CliEnvironment environment_{
      .out = out_,
      .err = err_,
      .clock = clock,
      .variables =
          [this](const std::string& name) {
            const auto found = variables.find(name);
            return found == variables.end() ? std::nullopt : std::optional(found->second);
          },
      .ask =
          [this](const std::string&) {
            ++questions;
            return answer;
          },
      .stop = stop.get_token(),
      .hangups = hangups,
      .out_is_terminal = false,
      .err_is_terminal = false,
      .err_width = 80,
  };
};

}  // namespace rehome::cli
