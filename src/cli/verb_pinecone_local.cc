#include <fmt/format.h>

#include <condition_variable>
#include <mutex>
#include <ostream>

#include "adapters/hashing/hashing_embedder.h"
#include "cli/console.h"
#include "cli/exit_codes.h"
#include "cli/verbs.h"
#include "pinecone_local/server.h"

namespace rehome::cli {

namespace {

/// Each dimension has a hashing embedder of its own, which costs nothing to make.
Result<EmbeddedTexts> EmbedByHashing(std::span<const std::string> texts, int dimension) {
  REHOME_TRY_ASSIGN(const auto embedder, HashingEmbedder::Create(dimension));
  REHOME_TRY_ASSIGN(Embeddings embedded, embedder->Embed(texts, TextRole::kPassage, {}));
  EmbeddedTexts result{.vectors = std::move(embedded.vectors), .tokens = 0};
  for (const std::string& text : texts) {
    result.tokens += embedder->CountTokens(text);
  }
  return result;
}

}  // namespace

int RunVerb(const ServeOptions& options, CliEnvironment& environment) {
  PineconeLocalOptions server_options;
  server_options.dir = options.dir;
  server_options.port = options.port;
  server_options.api_key = options.api_key;
  server_options.address = options.address;
  server_options.embed = EmbedByHashing;
  server_options.conditions = {.index_lag = Millis{options.index_lag_ms},
                               .faults = options.faults,
                               .rate_limits = options.rate_limits,
                               .quota = options.quota};
  server_options.admin = options.admin;
  server_options.clock = &environment.clock;
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
