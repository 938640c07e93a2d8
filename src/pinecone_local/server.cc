#include "pinecone_local/server.h"

#include <fmt/format.h>

#include <utility>

#include "pinecone_local/catalog.h"
#include "pinecone_local/http_server.h"
#include "pinecone_local/service.h"

namespace rehome {
namespace pinecone_local {
namespace {

Result<IndexConfig> ConfigOf(const PineconeLocalOptions& options, std::string name) {
  IndexConfig config{.name = std::move(name), .dimension = options.dimension};
  REHOME_TRY(CheckIndexName(config.name));
  if (options.dimension != 0) {
    REHOME_TRY(CheckDimension(options.dimension));
  }
  const auto metric = ParseMetric(options.metric.empty() ? Name(Metric::kCosine) : options.metric);
  if (!metric) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("metric {} is not known", options.metric),
                "use cosine, dotproduct or euclidean");
  }
  config.metric = *metric;
  return config;
}

/// A stored index must be what the options ask for; a dimension that is still open becomes theirs.
Status Reconcile(Index& index, const PineconeLocalOptions& options, const IndexConfig& wanted) {
  IndexConfig stored = index.config();
  if (wanted.dimension != 0 && stored.dimension != 0 && stored.dimension != wanted.dimension) {
    return Fail(ErrorCode::kFailedPrecondition,
                fmt::format("the vectors in {} have {} dimensions, not {}", options.dir.string(),
                            stored.dimension, wanted.dimension),
                "use an embedder of that dimension, or another directory");
  }
  if (!options.metric.empty() && stored.metric != wanted.metric) {
    return Fail(ErrorCode::kFailedPrecondition,
                fmt::format("the index in {} is of metric {}, not {}", options.dir.string(),
                            Name(stored.metric), Name(wanted.metric)),
                "ask for that metric, or use another directory");
  }
  if (wanted.dimension != 0 && stored.dimension == 0 && !options.read_only) {
    stored.dimension = wanted.dimension;
    return index.Configure(stored);
  }
  return {};
}

/// The index that requests without a path prefix mean, made if it is not there.
Result<std::string> OpenDefault(Catalog& catalog, const PineconeLocalOptions& options) {
  const auto stored = catalog.All();
  std::string name = options.index_name.empty() ? "local" : options.index_name;
  if (stored.size() == 1) {
    name = stored.front()->config().name;
  }
  REHOME_TRY_ASSIGN(const IndexConfig wanted, ConfigOf(options, name));
  const auto found = catalog.Find(name);
  if (found) {
    REHOME_TRY(Reconcile(**found, options, wanted));
  } else {
    REHOME_TRY(catalog.Create(wanted));
  }
  return name;
}

/// Vectors without a key are for this machine only.
Status CheckReach(const PineconeLocalOptions& options) {
  if (IsLoopback(options.address) || !options.api_key.empty()) {
    return {};
  }
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("{} can be reached from other machines, and there is no API key",
                          options.address),
              "give an API key, or listen on 127.0.0.1");
}

}  // namespace
}  // namespace pinecone_local

struct PineconeLocal::Impl {
  Impl(const std::string& listens_on, Clock* given)
      : address(listens_on), clock(given == nullptr ? system_clock : *given), gate(clock) {}

  const std::string address;
  SystemClock system_clock;
  Clock& clock;
  pinecone_local::Gate gate;
  std::unique_ptr<pinecone_local::Catalog> catalog;
  std::unique_ptr<pinecone_local::Service> service;
  std::unique_ptr<pinecone_local::HttpServer> http;  // last: stops before what it uses goes
};

Result<std::unique_ptr<PineconeLocal>> PineconeLocal::Start(PineconeLocalOptions options) {
  using namespace pinecone_local;  // NOLINT(google-build-using-namespace): its own, one function
  REHOME_TRY(CheckReach(options));
  auto impl = std::make_unique<Impl>(options.address, options.clock);
  REHOME_TRY_ASSIGN(impl->catalog,
                    Catalog::Open(options.dir, options.read_only ? LogFile::Mode::kReadOnly
                                                                 : LogFile::Mode::kReadWrite));
  REHOME_TRY_ASSIGN(std::string name, OpenDefault(*impl->catalog, options));
  impl->service = std::make_unique<Service>(
      *impl->catalog, impl->gate,
      ServiceOptions{.default_index = std::move(name),
                     .api_key = options.api_key,
                     .facilities = {.clock = &impl->clock, .embed = std::move(options.embed)},
                     .admin = options.admin});
  REHOME_TRY(impl->service->Impose(options.conditions));
  REHOME_TRY_ASSIGN(impl->http,
                    HttpServer::Start({.address = options.address, .port = options.port},
                                      [service = impl->service.get()](const HttpRequest& request) {
                                        return service->Handle(request);
                                      }));
  return std::unique_ptr<PineconeLocal>(new PineconeLocal(std::move(impl)));
}

PineconeLocal::PineconeLocal(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
PineconeLocal::~PineconeLocal() = default;

std::uint16_t PineconeLocal::port() const {
  return impl_->http->port();
}

std::string PineconeLocal::url() const {
  const std::string& host = impl_->address;
  return host.contains(':') ? fmt::format("http://[{}]:{}", host, port())
                            : fmt::format("http://{}:{}", host, port());
}

}  // namespace rehome
