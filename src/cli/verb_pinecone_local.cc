#include <fmt/format.h>

#include <condition_variable>
#include <mutex>
#include <ostream>

#include "cli/console.h"
#include "cli/exit_codes.h"
#include "cli/verbs.h"
#include "pinecone_local/server.h"

namespace rehome::cli {

int RunVerb(const ServeOptions& options, CliEnvironment& environment) {
  auto server =
      PineconeLocal::Start({.dir = options.dir, .port = options.port, .api_key = options.api_key});
  if (!server) {
    return ReportError(server.error(), false, environment);
  }
  environment.out << fmt::format("ready {}\n", (*server)->url());
  environment.out.flush();
  std::mutex mutex;
  std::unique_lock lock(mutex);
  std::condition_variable_any never;
  never.wait(lock, environment.stop, [] { return false; });
  // A server is stopped by a signal: that is its regular end.
  return kExitDone;
}

}  // namespace rehome::cli
