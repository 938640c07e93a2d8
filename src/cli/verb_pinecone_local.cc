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
  PineconeLocalOptions server_options;
  server_options.dir = options.dir;
  server_options.port = options.port;
  server_options.api_key = options.api_key;
  auto server = PineconeLocal::Start(std::move(server_options));
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
