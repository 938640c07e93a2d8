#include "cli/wiring.h"

#include <algorithm>
#include <utility>

#include "adapters/http/http_client.h"
#include "adapters/mongodb/mongodb_document_store.h"
#include "adapters/pinecone/pinecone_vector_store.h"
#include "adapters/sqlite/sqlite_document_store.h"
#include "base/atomic_file.h"
#include "base/process.h"
#include "base/random.h"
#include "cli/hook.h"
#include "cli/probes.h"
#include "cli/wiring_models.h"
#include "decorators/rate_limited.h"
#include "decorators/read_only.h"
#include "decorators/retrying.h"
#include "pinecone_local/server.h"

namespace rehome::cli {
namespace {

constexpr std::string_view kSqlite = "sqlite:";
constexpr std::string_view kMongo = "mongodb";
constexpr std::string_view kLocal = "local:";
constexpr std::size_t kKeyBytes = 24;
constexpr std::size_t kScratchStoresNameBytes = 8;

/// What all stores of one call of the program share: connections, the budget of retries, the clock.
using Shared = ModelParts;

Shared MakeShared(CliEnvironment& environment) {
  Clock& clock = environment.clock;
  HttpOptions http;
  http.ca_file = environment.variables("SSL_CERT_FILE").value_or("");
  // Jitter need not be repeatable here; two processes must not fall into step.
  const auto seed = static_cast<std::uint64_t>(ThisProcess().pid) ^
                    static_cast<std::uint64_t>(clock.Now().time_since_epoch().count());
  return {
      .clock = clock,
      .http = std::make_shared<HttpClient>(std::move(http)),
      .retries = std::make_shared<RetryPolicy>(clock, Random(seed)),
      .document_retries =
          std::make_shared<RetryPolicy>(clock, Random(seed + 1), PatientWithElections()),
      .embed_retries = std::make_shared<RetryPolicy>(clock, Random(seed + 2), PatientWithMinutes()),
      .variables = environment.variables};
}

/// The plan's name as far as an index may have it: lower-case letters, digits and inner hyphens.
std::string IndexName(std::string_view plan_name) {
  constexpr std::size_t kBytesMax = 45;
  std::string name;
  for (const char c : plan_name.substr(0, kBytesMax)) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    name += plain ? c : c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : '-';
  }
  const std::size_t first = name.find_first_not_of('-');
  return first == std::string::npos ? ""
                                    : name.substr(first, name.find_last_not_of('-') + 1 - first);
}

/// An index that is served from inside this process, with the adapter that reaches it.
struct ServedStore {
  std::unique_ptr<PineconeLocal> server;  // outlives the store
  std::unique_ptr<PineconeVectorStore> store;
};

Result<std::shared_ptr<PineconeVectorStore>> ServeLocally(PineconeLocalOptions options,
                                                          const Shared& shared, const Call& call) {
  options.api_key = Secret(RandomHex(kKeyBytes));
  const Secret key = options.api_key;
  const std::string identity =
      std::string(kLocal) + std::filesystem::absolute(options.dir).lexically_normal().string();
  auto served = std::make_shared<ServedStore>();
  REHOME_TRY_ASSIGN(served->server, PineconeLocal::Start(std::move(options)));
  PineconeOptions adapter;
  adapter.address = served->server->url();
  adapter.api_key = key;
  adapter.identity = identity;
  REHOME_TRY_ASSIGN(served->store, PineconeVectorStore::Open(adapter, shared.http, call));
  PineconeVectorStore* const store = served->store.get();
  return std::shared_ptr<PineconeVectorStore>(std::move(served), store);
}

Result<std::shared_ptr<PineconeVectorStore>> OpenIndex(const StoreSpec& spec, const Plan& plan,
                                                       bool is_target, Access access,
                                                       const Shared& shared, const Call& call) {
  if (spec.address.starts_with(kLocal)) {
    PineconeLocalOptions options;
    options.dir = spec.address.substr(kLocal.size());
    options.index_name = IndexName(plan.name);
    // A source of its own has the dimension that it was loaded with.
    options.dimension = is_target ? plan.index.embedder.dimensions : 0;
    options.metric = is_target ? plan.index.metric : "";
    options.read_only = access == Access::kReadOnly;
    return ServeLocally(std::move(options), shared, call);
  }
  PineconeOptions options;
  options.address = spec.address;
  options.api_key = spec.secret;
  options.clock = &shared.clock;
  // As Pinecone's own clients name it.
  if (auto host = shared.variables("PINECONE_CONTROLLER_HOST"); host && !host->empty()) {
    options.control_url = *std::move(host);
  }
  REHOME_TRY_ASSIGN(auto store, PineconeVectorStore::Open(options, shared.http, call));
  return std::shared_ptr<PineconeVectorStore>(std::move(store));
}

std::shared_ptr<NamespaceAliases> AliasesOf(const PineconeVectorStore& store, Access access,
                                            const Shared& shared) {
  std::shared_ptr<NamespaceAliases> aliases = store.Aliases();
  aliases = std::make_shared<RetryingNamespaceAliases>(std::move(aliases), shared.retries);
  return access == Access::kReadOnly ? std::make_shared<ReadOnlyNamespaceAliases>(
                                           std::move(aliases), std::make_shared<WriteRefusal>())
                                     : aliases;
}

std::shared_ptr<DocumentStore> Decorate(std::shared_ptr<DocumentStore> store, Access access,
                                        const Shared& shared) {
  store = std::make_shared<RetryingDocumentStore>(std::move(store), shared.document_retries);
  return access == Access::kReadOnly ? std::make_shared<ReadOnlyDocumentStore>(std::move(store))
                                     : store;
}

std::shared_ptr<VectorStore> Decorate(std::shared_ptr<VectorStore> store, Access access,
                                      double per_second, const Shared& shared) {
  store = std::make_shared<RateLimitedVectorStore>(std::move(store), shared.clock, per_second);
  store = std::make_shared<RetryingVectorStore>(std::move(store), shared.retries);
  return access == Access::kReadOnly ? std::make_shared<ReadOnlyVectorStore>(std::move(store))
                                     : store;
}

Status OpenStoresOf(const Plan& plan, Access access, const Shared& shared, const Call& call,
                    Deps& deps) {
  Stores& stores = deps.stores;
  REHOME_TRY_ASSIGN(auto target, OpenDocuments(plan.documents.target, access, shared.clock));
  stores.target_documents = Decorate(std::move(target), access, shared);
  stores.source_documents = stores.target_documents;
  if (!plan.documents.same()) {
    REHOME_TRY_ASSIGN(auto source, OpenDocuments(plan.documents.source, access, shared.clock));
    stores.source_documents = Decorate(std::move(source), access, shared);
  }
  REHOME_TRY_ASSIGN(auto index, OpenIndex(plan.vectors.target, plan, true, access, shared, call));
  stores.aliases = AliasesOf(*index, access, shared);
  if (!plan.vectors.target.address.starts_with(kLocal)) {
    deps.canary = Decorate(index, Access::kReadWrite, 0, shared);
  }
  stores.target_vectors = Decorate(std::move(index), access, plan.limits.vectors_per_s, shared);
  stores.source_vectors = stores.target_vectors;
  if (!plan.vectors.same()) {
    REHOME_TRY_ASSIGN(auto source,
                      OpenIndex(plan.vectors.source, plan, false, access, shared, call));
    stores.source_vectors = Decorate(std::move(source), access, plan.limits.vectors_per_s, shared);
  }
  return {};
}

Result<ScratchStores> OpenScratch(const std::filesystem::path& parent, int dimension,
                                  const std::string& metric, const Shared& shared,
                                  const Call& call) {
  const std::filesystem::path dir = parent / (".scratch-" + RandomHex(kScratchStoresNameBytes));
  ScratchStores scratch;
  REHOME_TRY_ASSIGN(scratch.directory, ScratchDirectory(dir));
  REHOME_TRY_ASSIGN(
      scratch.documents,
      SqliteDocumentStore::Open(dir / "documents.db", OpenMode::kReadWrite, shared.clock));
  PineconeLocalOptions options;
  options.dir = dir / "vectors";
  options.dimension = dimension;
  options.metric = metric;
  REHOME_TRY_ASSIGN(scratch.vectors, ServeLocally(std::move(options), shared, call));
  return scratch;
}

}  // namespace

Result<std::shared_ptr<void>> ScratchDirectory(const std::filesystem::path& dir) {
  std::error_code error;
  std::filesystem::create_directories(dir, error);
  if (!error) {
    std::filesystem::permissions(dir, std::filesystem::perms::owner_all, error);
  }
  if (error) {
    return std::unexpected(FileError(error.value(), "make a scratch directory", dir));
  }
  return std::shared_ptr<void>(nullptr, [dir](void*) {
    std::error_code ignored;
    std::filesystem::remove_all(dir, ignored);
  });
}

StoreKind KindOf(std::string_view address) {
  return address.starts_with(kSqlite) || address.starts_with(kMongo) ? StoreKind::kDocuments
                                                                     : StoreKind::kVectors;
}

Result<std::shared_ptr<DocumentStore>> OpenDocuments(const StoreSpec& spec, Access access,
                                                     Clock& clock) {
  if (spec.address.starts_with(kSqlite)) {
    const OpenMode mode = access == Access::kReadOnly ? OpenMode::kReadOnly : OpenMode::kReadWrite;
    REHOME_TRY_ASSIGN(auto store,
                      SqliteDocumentStore::Open(spec.address.substr(kSqlite.size()), mode, clock));
    return std::shared_ptr<DocumentStore>(std::move(store));
  }
  if (spec.address.starts_with(kMongo)) {
    const Secret uri = spec.secret.empty() ? Secret(spec.address) : spec.secret;
    REHOME_TRY_ASSIGN(auto store, MongodbDocumentStore::Open(uri, clock));
    return std::shared_ptr<DocumentStore>(std::move(store));
  }
  return Fail(ErrorCode::kInvalidArgument, "no document store has the address " + spec.address,
              "use mongodb://HOST/DATABASE or sqlite:FILE");
}

Result<std::shared_ptr<VectorStore>> OpenVectors(const StoreSpec& spec, const Plan& plan,
                                                 CliEnvironment& environment) {
  const Shared shared = MakeShared(environment);
  REHOME_TRY_ASSIGN(auto store, OpenIndex(spec, plan, false, Access::kReadWrite, shared,
                                          {.stop = environment.stop}));
  return Decorate(std::move(store), Access::kReadWrite, plan.limits.vectors_per_s, shared);
}

std::filesystem::path CacheDirectory(const Environment& variables,
                                     const std::filesystem::path& fallback) {
  if (const auto cache = variables("XDG_CACHE_HOME"); cache && !cache->empty()) {
    return std::filesystem::path(*cache) / "rehome";
  }
  if (const auto home = variables("HOME"); home && !home->empty()) {
    return std::filesystem::path(*home) / ".cache" / "rehome";
  }
  return fallback;
}

Result<Deps> Wire(const Plan& plan, Access access, EventSink& events, CliEnvironment& environment) {
  const Shared shared = MakeShared(environment);
  const Call call{.stop = environment.stop};
  Deps deps{
      .stores = {},
      .chat = {},
      .legacy_embedder = {},
      .canary = {},
      .scratch = {},
      .clock = environment.clock,
      .events = events,
      .stop = environment.stop,
      .self = ThisProcess(),
      .run_hook = RunHook,
      .http_status = [http = shared.http,
                      call](const std::string& url) { return HttpStatus(*http, url, call); },
      .has_program = [variables = environment.variables](
                         const std::string& program) { return HasProgram(program, variables); }};
  const Access stores = access == Access::kVerify ? Access::kReadOnly : access;
  REHOME_TRY(OpenStoresOf(plan, stores, shared, call, deps));
  const CachePlace cache{
      .directory = CacheDirectory(environment.variables, plan.backup.dir / ".cache"),
      .read_only = access == Access::kReadOnly};
  REHOME_TRY(OpenEmbedders(plan, cache, shared, deps.stores));
  if (plan.verify.legacy_embedder) {
    REHOME_TRY_ASSIGN(deps.legacy_embedder,
                      OpenCachedEmbedder(plan, *plan.verify.legacy_embedder, cache, shared));
  }
  REHOME_TRY_ASSIGN(deps.chat, OpenChat(plan.verify, shared));
  deps.scratch = [shared, call, parent = plan.backup.dir](int dimension,
                                                          const std::string& metric) {
    return OpenScratch(parent, dimension, metric, shared, call);
  };
  return deps;
}

}  // namespace rehome::cli
