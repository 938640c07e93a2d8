// pinecone_local_main.cc — the server alone, for tests and benchmarks: prints `ready URL` and
// serves until stdin closes.
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "pinecone_local/server.h"

namespace {

/// The value after `name`, or empty.
std::string Argument(std::span<char*> arguments, std::string_view name) {
  for (std::size_t i = 1; i + 1 < arguments.size(); ++i) {
    if (arguments[i] == name) {
      return arguments[i + 1];
    }
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  const std::span<char*> arguments(argv, static_cast<std::size_t>(argc));
  rehome::PineconeLocalOptions options;
  options.dir = Argument(arguments, "--dir");
  options.index_name = Argument(arguments, "--index");
  options.metric = Argument(arguments, "--metric");
  options.dimension =
      static_cast<int>(std::strtol(Argument(arguments, "--dimension").c_str(), nullptr, 10));
  options.port =
      static_cast<std::uint16_t>(std::strtoul(Argument(arguments, "--port").c_str(), nullptr, 10));
  options.api_key = rehome::Secret(Argument(arguments, "--api-key"));
  const auto server = rehome::PineconeLocal::Start(std::move(options));
  if (!server) {
    fmt::print(stderr, "{}\n{}\n", server.error().message, server.error().hint);
    return 1;
  }
  fmt::print("ready {}\n", (*server)->url());
  static_cast<void>(std::fflush(stdout));
  while (std::getchar() != EOF) {
  }
  return 0;
}
