#pragma once
// run_cli.h — the whole program but for the process around it.
#include <span>
#include <string>

#include "cli/environment.h"

namespace rehome::cli {

/// Parses `args` (without the program's name), runs the verb and returns the exit code. Throws
/// nothing.
[[nodiscard]] int RunCli(std::span<const std::string> args, CliEnvironment& environment);

}  // namespace rehome::cli
