#pragma once
// wiring.h — the composition root: a plan's addresses become ports. Its source is the only file
// that knows the concrete adapters. Outermost first, a store is retrying(rate_limited(adapter));
// read-only ones refuse every write outside of that.
//
//   sqlite:FILE       one file
//   mongodb://…       a server, replica set or sharded cluster; mongodb+srv:// too
//   local:DIR         pinecone-local inside this process: a thread, a free loopback port, a random
//                     key; reached over HTTP
//   http(s)://HOST    an index's data plane
//   pinecone:NAME     an index whose host the control plane tells
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "cli/environment.h"
#include "phases/session.h"

namespace rehome::cli {

enum class Access : std::uint8_t {
  kReadOnly,  // nothing is written anywhere, not even a file or a lock: plan, status, explain, …
  kVerify,    // likewise, but for what the embedder answered: it was paid for and is kept
  kReadWrite,
};

/// What the engine works with. `events`, the clock of `environment` and the adapters' global state
/// outlive it. Source and target are one object where the plan names one store. kInvalidArgument:
/// an address that this build cannot open. Stores are otherwise opened lazily: what is wrong with
/// one shows in its first call.
[[nodiscard]] Result<Deps> Wire(const Plan& plan, Access access, EventSink& events,
                                CliEnvironment& environment);

/// Where a store's address leads.
enum class StoreKind : std::uint8_t { kDocuments, kVectors };
[[nodiscard]] StoreKind KindOf(std::string_view address);

/// One store alone, by its address (`backup restore --into`), for the life of this process.
[[nodiscard]] Result<std::shared_ptr<DocumentStore>> OpenDocuments(const StoreSpec& spec,
                                                                   Access access, Clock& clock);
[[nodiscard]] Result<std::shared_ptr<VectorStore>> OpenVectors(const StoreSpec& spec,
                                                               const Plan& plan,
                                                               CliEnvironment& environment);

/// A directory that is removed with its last owner. A killed process leaves it: name it
/// `.scratch-…`, so that it says what it is.
[[nodiscard]] Result<std::shared_ptr<void>> ScratchDirectory(const std::filesystem::path& dir);

/// Where texts' embeddings are kept between runs: $XDG_CACHE_HOME/rehome, else ~/.cache/rehome,
/// else `fallback`.
[[nodiscard]] std::filesystem::path CacheDirectory(const Environment& variables,
                                                   const std::filesystem::path& fallback);

}  // namespace rehome::cli
