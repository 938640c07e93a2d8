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

/// The index that requests without a path prefix mean: the named one, made if it is not there.
Result<std::string> OpenDefault(Catalog& catalog, const PineconeLocalOptions& options) {
  const auto stored = catalog.All();
  std::string name = options.index_name;
  if (name.empty()) {
    name = stored.size() == 1 ? stored.front()->config().name : "local";
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

}  // namespace
}  // namespace pinecone_local

struct PineconeLocal::Impl {
  std::string address;
  std::unique_ptr<pinecone_local::Catalog> catalog;
  std::unique_ptr<pinecone_local::Service> service;
  std::unique_ptr<pinecone_local::HttpServer> http;  // last: stops before what it uses goes
};

Result<std::unique_ptr<PineconeLocal>> PineconeLocal::Start(PineconeLocalOptions options) {
  using pinecone_local::LogFile;
  auto impl = std::make_unique<Impl>();
  impl->address = options.address;
  REHOME_TRY_ASSIGN(impl->catalog, pinecone_local::Catalog::Open(
                                       options.dir, options.read_only ? LogFile::Mode::kReadOnly
                                                                      : LogFile::Mode::kReadWrite));
  REHOME_TRY_ASSIGN(std::string name, pinecone_local::OpenDefault(*impl->catalog, options));
  impl->service =
      std::make_unique<pinecone_local::Service>(*impl->catalog, std::move(name), options.api_key);
  REHOME_TRY_ASSIGN(
      impl->http, pinecone_local::HttpServer::Start(
                      {.address = options.address, .port = options.port},
                      [service = impl->service.get()](const pinecone_local::HttpRequest& request) {
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
  return fmt::format("http://{}:{}", impl_->address, port());
}

}  // namespace rehome
