#include "cli/process.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "adapters/http/http_client.h"
#include "adapters/mongodb/mongodb_document_store.h"
#include "cli/run_cli.h"
#include "cli/signals.h"

namespace rehome::cli {
namespace {

std::optional<std::string> Variable(const std::string& name) {
  // Nothing in this program changes the environment, so that reading it is safe from any thread.
  const char* value = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe)
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

std::optional<std::string> Ask(const std::string& question) {
  if (::isatty(STDIN_FILENO) == 0 || ::isatty(STDERR_FILENO) == 0) {
    return std::nullopt;
  }
  std::cerr << question << std::flush;
  std::string line;
  return std::getline(std::cin, line) ? std::optional(line) : std::nullopt;
}

std::size_t Columns(int fd) {
  winsize size{};
  const bool known = ::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size.ws_col : 80;
}

}  // namespace

int RunProcess(int argc, char** argv, Clock& clock) {
  const Signals signals;
  const HttpLibrary http;
  MongodbDocumentStore::UnpublishCounters();
  CliEnvironment environment{
      .out = std::cout,
      .err = std::cerr,
      .clock = clock,
      .variables = Variable,
      .ask = Ask,
      .stop = signals.stop(),
      .hangups = signals.hangups(),
      .out_is_terminal = ::isatty(STDOUT_FILENO) != 0,
      .err_is_terminal = ::isatty(STDERR_FILENO) != 0,
      .err_width = Columns(STDERR_FILENO),
  };
  const std::vector<std::string> args(argv + 1, argv + argc);
  return RunCli(args, environment);
}

}  // namespace rehome::cli
