#include "cli/run_cli.h"

#include <algorithm>
#include <exception>
#include <nlohmann/json.hpp>
#include <ostream>
#include <variant>

#include "cli/command_line.h"
#include "cli/console.h"
#include "cli/exit_codes.h"
#include "cli/verbs.h"
#include "report/escape.h"

namespace rehome::cli {
namespace {

int Dispatch(std::span<const std::string> args, CliEnvironment& environment) {
  const auto parsed = ParseCommandLine(args);
  if (const auto* answer = std::get_if<CommandLineAnswer>(&parsed)) {
    const bool wants_json = std::ranges::find(args, "--json") != args.end();
    if (wants_json && answer->exit_code != kExitDone) {
      PrintJson({{"error",
                  {{"code", Name(ErrorCode::kInvalidArgument)},
                   {"exit", answer->exit_code},
                   {"message", answer->err},
                   {"hint", ""}}}},
                environment);
    }
    environment.out << answer->out;
    if (!answer->err.empty()) {
      environment.err << "rehome: " << answer->err << "\n";
    }
    return answer->exit_code;
  }
  return std::visit([&](const auto& options) { return RunVerb(options, environment); },
                    std::get<Command>(parsed));
}

}  // namespace

int RunCli(std::span<const std::string> args, CliEnvironment& environment) {
  try {
    const int exit_code = Dispatch(args, environment);
    environment.out.flush();
    environment.err.flush();
    // A result that could not be written (full disk, closed pipe) must not look like success.
    return environment.out.good() || exit_code != kExitDone ? exit_code : kExitInterrupted;
  } catch (const std::exception& exception) {
    environment.err
        << "rehome: a bug: " << Escape(exception.what())
        << "\n  The journal is intact: the same command resumes. Please report this line.\n";
    return kExitBug;
  }
}

}  // namespace rehome::cli
