#pragma once
// environment.h — everything that a verb may touch of the process it runs in, so that tests run a
// verb in process.
#include <atomic>
#include <cstddef>
#include <functional>
#include <iosfwd>
#include <optional>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "plan/load.h"

namespace rehome::cli {

struct CliEnvironment {
  std::ostream& out;  // results only; with --json exactly one JSON document
  std::ostream& err;  // progress, questions, warnings, errors
  Clock& clock;
  Environment variables;  // looks up environment variables
  /// Asks on the terminal and returns the line; nothing where nobody can be asked (no terminal, end
  /// of input).
  std::function<std::optional<std::string>(const std::string& question)> ask;
  /// SIGINT and SIGTERM: finish the batch, release the lease, exit 5.
  std::stop_token stop;
  /// SIGHUPs so far: the log file is reopened when it grew.
  const std::atomic<unsigned>& hangups;
  bool out_is_terminal = false;
  bool err_is_terminal = false;
  std::size_t err_width = 80;  // columns of the terminal behind `err`
};

}  // namespace rehome::cli
