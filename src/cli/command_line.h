#pragma once
// command_line.h — arguments → Command. The only file that knows the option parser.
#include <span>
#include <string>
#include <variant>

#include "cli/options.h"

namespace rehome::cli {

/// The command line is answered without running a verb: help, version, or wrong usage.
struct CommandLineAnswer {
  int exit_code = 0;
  std::string out;  // help and version
  std::string err;  // what was wrong and the nearest right command, as a sentence
};

/// `args` without the program's name.
[[nodiscard]] std::variant<Command, CommandLineAnswer> ParseCommandLine(
    std::span<const std::string> args);

}  // namespace rehome::cli
