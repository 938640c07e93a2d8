#include "adapters/pinecone/pinecone_vector_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <unordered_map>
#include <unordered_set>

#include "adapters/pinecone/error_hints.h"
#include "adapters/pinecone/pinecone_aliases.h"
#include "adapters/pinecone/replies.h"
#include "adapters/pinecone/request_pacer.h"
#include "adapters/pinecone/upsert_packer.h"
#include "base/float_text.h"
#include "ports/parallel.h"

namespace rehome {
namespace {

constexpr int kTopKMax = 10'000;
constexpr int kListLimit = 100;
/// Proxies and load balancers commonly refuse longer request lines with 414.
constexpr std::size_t kUrlBytesMax = 8'000;
constexpr std::string_view kByName = "pinecone:";

ApiEndpoint Endpoint(std::string base_url, const Secret& key) {
  return {.service = PineconeService(),
          .base_url = std::move(base_url),
          .headers = {{"Api-Key", key.Reveal()}, {"X-Pinecone-Api-Version", "2026-07"}},
          .secret = key};
}

/// With a scheme (https unless said), without a trailing slash.
std::string Normalised(std::string url) {
  if (url.find("://") == std::string::npos) {
    url.insert(0, "https://");
  }
  while (url.ends_with('/')) {
    url.pop_back();
  }
  return url;
}

std::optional<Lsn> HeaderLsn(const HttpResponse& response, std::string_view name) {
  const std::string_view text = response.Header(name);
  Lsn lsn = 0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), lsn);
  return end.ec == std::errc{} && end.ptr == text.data() + text.size() ? std::optional(lsn)
                                                                       : std::nullopt;
}

/// The highest LSN of several writes; nothing as soon as one has none, since then no read can be
/// known to show them all.
class WriteLsn {
 public:
  void Add(const HttpResponse& response) {
    const auto lsn = HeaderLsn(response, "x-pinecone-request-lsn");
    const std::scoped_lock lock(mutex_);
    complete_ = complete_ && lsn.has_value();
    highest_ = std::max(highest_, lsn.value_or(0));
    any_ = true;
  }
  [[nodiscard]] std::optional<Lsn> Get() {
    const std::scoped_lock lock(mutex_);
    return any_ && complete_ ? std::optional(highest_) : std::nullopt;
  }

 private:
  std::mutex mutex_;
  // Guarded by mutex_.
  Lsn highest_ = 0;
  bool complete_ = true;
  bool any_ = false;
};

/// `ids` without repetitions, in order.
std::vector<std::string_view> Distinct(std::span<const std::string> ids) {
  std::unordered_set<std::string_view> seen;
  std::vector<std::string_view> out;
  for (const std::string& id : ids) {
    if (seen.insert(id).second) {
      out.emplace_back(id);
    }
  }
  return out;
}

/// As many of `ids` as one URL may name; at least one.
std::pair<std::string, std::size_t> FetchPath(std::string_view ns,
                                              std::span<const std::string_view> ids) {
  std::string path = "/vectors/fetch?namespace=" + UrlEncode(ns);
  std::size_t count = 0;
  while (count < std::min(ids.size(), VectorStore::kIdsMax)) {
    const std::string parameter = "&ids=" + UrlEncode(ids[count]);
    if (count > 0 && path.size() + parameter.size() > kUrlBytesMax) {
      break;
    }
    path += parameter;
    ++count;
  }
  return {std::move(path), count};
}

std::string DeleteBody(std::string_view ns, std::span<const std::string_view> ids) {
  std::string body = R"({"ids":[)";
  for (const std::string_view id : ids) {
    body.append(body.back() == '[' ? "" : ",").append(Quoted(id));
  }
  return body + fmt::format(R"(],"namespace":{}}})", Quoted(ns));
}

void SortBestFirst(std::vector<QueryMatch>& matches, std::string_view metric) {
  const bool smaller_is_better = metric == "euclidean";
  std::ranges::sort(matches, [&](const QueryMatch& a, const QueryMatch& b) {
    if (a.score != b.score) {
      return smaller_is_better ? a.score < b.score : a.score > b.score;
    }
    return a.id < b.id;
  });
}

Result<IndexModel> Resolve(std::string_view name, const PineconeOptions& options,
                           const std::shared_ptr<HttpClient>& http, const Call& call) {
  const std::string what = fmt::format("look-up of the Pinecone index {}", name);
  const ApiClient control(http, Endpoint(Normalised(options.control_url), options.api_key));
  auto response = control.Get("/indexes/" + UrlEncode(name), what, call);
  if (!response) {
    Error error = std::move(response).error();
    if (error.code == ErrorCode::kNotFound) {
      error.code = ErrorCode::kFailedPrecondition;
      error.hint = "create the index, or correct its name: console.pinecone.io lists them";
    }
    return std::unexpected(std::move(error));
  }
  REHOME_TRY_ASSIGN(IndexModel model, ReadIndexModel(response->body));
  if (model.documents) {
    return Fail(
        ErrorCode::kFailedPrecondition,
        fmt::format("{}: it is a documents index, which the vectors API does not reach", what),
        "use a vector index (dense, classic schema)");
  }
  if (model.pods) {
    return Fail(ErrorCode::kFailedPrecondition,
                fmt::format("{}: it runs on pods, which do not list their ids, so that nothing in "
                            "it can be proved complete",
                            what),
                "create a serverless index and move into it what is needed (docs.pinecone.io, "
                "\"Migrate a pod-based index to serverless\")");
  }
  if (!model.ready) {
    return Fail(ErrorCode::kFailedPrecondition,
                fmt::format("{}: it is not ready ({})", what, model.state),
                "wait until console.pinecone.io shows it as ready");
  }
  return model;
}

}  // namespace

Result<std::unique_ptr<PineconeVectorStore>> PineconeVectorStore::Open(
    const PineconeOptions& options, std::shared_ptr<HttpClient> http, const Call& call) {
  std::string url = options.address;
  std::string metric;
  if (url.starts_with(kByName)) {
    REHOME_TRY_ASSIGN(IndexModel model,
                      Resolve(std::string_view(url).substr(kByName.size()), options, http, call));
    url = std::move(model.host);
    metric = std::move(model.metric);
  }
  if (url.empty() || url.find_first_of("?# \t\r\n@") != std::string::npos) {
    return Fail(
        ErrorCode::kInvalidArgument,
        "the Pinecone address is neither an index host nor pinecone:INDEX-NAME",
        "console.pinecone.io shows the host of each index; the key does not belong into it");
  }
  url = Normalised(std::move(url));
  std::string identity = options.identity.empty() ? url : options.identity;
  ApiClient api(std::move(http), Endpoint(std::move(url), options.api_key));
  return std::unique_ptr<PineconeVectorStore>(
      new PineconeVectorStore(std::move(api), options, std::move(identity), std::move(metric)));
}

PineconeVectorStore::PineconeVectorStore(ApiClient api, const PineconeOptions& options,
                                         std::string identity, std::string metric)
    : api_(std::move(api)),
      identity_(std::move(identity)),
      parallel_max_(options.parallel_max),
      pacer_(std::make_unique<RequestPacer>(options.clock)),
      metric_(std::move(metric)) {}

PineconeVectorStore::~PineconeVectorStore() = default;

std::unique_ptr<NamespaceAliases> PineconeVectorStore::Aliases() const {
  return std::make_unique<PineconeAliases>(api_);
}

Result<HttpResponse> PineconeVectorStore::Send(const Request& request, const Call& call) const {
  return pacer_->Send(request.kind, request.ns, request.amount, call,
                      [&] { return api_.Send(request.method, request.path, request.body, call); });
}

Result<HttpResponse> PineconeVectorStore::Ask(const Request& request, std::string_view what,
                                              const Call& call) const {
  return api_.Judge(Send(request, call), what);
}

Result<IndexInfo> PineconeVectorStore::Describe(const Call& call) {
  const std::string what = fmt::format("statistics of {}", identity_);
  auto response = Ask({.kind = RequestKind::kStatistics,
                       .method = "POST",
                       .path = "/describe_index_stats",
                       .body = "{}"},
                      what, call);
  if (!response) {
    Error error = std::move(response).error();
    if (error.code ==
        ErrorCode::kInvalidArgument) {  // the request is constant: the index is of another kind
      error.code = ErrorCode::kFailedPrecondition;
      error.hint =
          "use a vector index; a documents index cannot be reached through the vectors API";
    }
    return std::unexpected(std::move(error));
  }
  REHOME_TRY_ASSIGN(IndexInfo info, ReadStatistics(response->body));
  info.identity = identity_;
  const std::scoped_lock lock(mutex_);
  if (info.metric.empty()) {
    info.metric = metric_.empty() ? "cosine" : metric_;  // older answers leave it out
  }
  metric_ = info.metric;
  return info;
}

Result<std::string> PineconeVectorStore::Metric(const Call& call) {
  {
    const std::scoped_lock lock(mutex_);
    if (!metric_.empty()) {
      return metric_;
    }
  }
  REHOME_TRY_ASSIGN(const IndexInfo info, Describe(call));
  return info.metric;
}

Result<std::optional<Lsn>> PineconeVectorStore::Upsert(std::string_view ns,
                                                       std::span<const VectorRecord> records,
                                                       const Call& call) {
  REHOME_TRY(ValidateNamespace(ns));
  UpsertPacker packer(ns, records);
  WriteLsn lsn;
  REHOME_TRY(InParallel<UpsertPacker::Body>(
      parallel_max_, call, [&] { return packer.Next(); },
      [&](const UpsertPacker::Body& body, const Call& inner) -> Status {
        const std::string what = fmt::format("upsert of {} vectors into {}", body.count, ns);
        REHOME_TRY_ASSIGN(const HttpResponse response,
                          Ask({.kind = RequestKind::kUpsert,
                               .ns = ns,
                               .method = "POST",
                               .path = "/vectors/upsert",
                               .body = body.text,
                               .amount = static_cast<double>(body.text.size())},
                              what, inner));
        REHOME_TRY_ASSIGN(const std::size_t upserted, ReadUpsertedCount(response.body));
        if (upserted != body.count) {
          return BadAnswer(what, fmt::format("only {} are confirmed", upserted));
        }
        lsn.Add(response);
        return {};
      }));
  return lsn.Get();
}

Result<std::vector<VectorRecord>> PineconeVectorStore::Fetch(std::string_view ns,
                                                             std::span<const std::string> ids,
                                                             const Call& call) {
  REHOME_TRY(ValidateNamespace(ns));
  const auto distinct = Distinct(ids);
  std::mutex mutex;
  std::unordered_map<std::string, VectorRecord> found;  // guarded by mutex
  std::span<const std::string_view> rest = distinct;
  using Path = std::pair<std::string, std::size_t>;
  const auto next = [&]() -> Result<std::optional<Path>> {
    if (rest.empty()) {
      return std::nullopt;
    }
    Path path = FetchPath(ns, rest);
    rest = rest.subspan(path.second);
    return path;
  };
  const auto fetch = [&](const Path& path, const Call& inner) -> Status {
    REHOME_TRY_ASSIGN(const HttpResponse response,
                      Ask({.kind = RequestKind::kFetch, .ns = ns, .path = path.first},
                          fmt::format("fetch of {} vectors from {}", path.second, ns), inner));
    REHOME_TRY_ASSIGN(auto records, ReadFetched(response.body));
    const std::scoped_lock lock(mutex);
    for (VectorRecord& record : records) {
      std::string id = record.id;
      found.insert_or_assign(std::move(id), std::move(record));
    }
    return {};
  };
  REHOME_TRY(InParallel<Path>(parallel_max_, call, next, fetch));
  std::vector<VectorRecord> out;
  out.reserve(found.size());
  for (const std::string_view id : distinct) {
    if (auto node = found.extract(std::string(id)); !node.empty()) {
      out.push_back(std::move(node.mapped()));
    }
  }
  if (!found.empty()) {
    return BadAnswer(
        fmt::format("fetch from {}", ns),
        fmt::format("it holds {}, which was not asked for", Quoted(found.begin()->first)));
  }
  return out;
}

Result<std::optional<Lsn>> PineconeVectorStore::Delete(std::string_view ns,
                                                       std::span<const std::string> ids,
                                                       const Call& call) {
  REHOME_TRY(ValidateNamespace(ns));
  const auto distinct = Distinct(ids);
  WriteLsn lsn;
  for (std::span<const std::string_view> rest = distinct; !rest.empty();) {
    const auto batch = rest.first(std::min(rest.size(), kIdsMax));
    const std::string body = DeleteBody(ns, batch);
    REHOME_TRY_ASSIGN(HttpResponse response, Send({.kind = RequestKind::kDelete,
                                                   .ns = ns,
                                                   .method = "POST",
                                                   .path = "/vectors/delete",
                                                   .body = body,
                                                   .amount = static_cast<double>(batch.size())},
                                                  call));
    if (response.status == 404 && IsNotFoundStatus(response.body)) {
      return std::optional<Lsn>();  // the namespace does not exist, so neither do they
    }
    REHOME_TRY_ASSIGN(response,
                      api_.Judge(std::move(response),
                                 fmt::format("delete of {} vectors from {}", batch.size(), ns)));
    lsn.Add(response);
    rest = rest.subspan(batch.size());
  }
  return lsn.Get();
}

Result<IdPage> PineconeVectorStore::ListIds(std::string_view ns, std::string_view token,
                                            const Call& call) {
  REHOME_TRY(ValidateNamespace(ns));
  std::string path = fmt::format("/vectors/list?namespace={}&limit={}", UrlEncode(ns), kListLimit);
  if (!token.empty()) {
    path += "&paginationToken=" + UrlEncode(token);
  }
  REHOME_TRY_ASSIGN(const HttpResponse response,
                    Ask({.kind = RequestKind::kList, .ns = ns, .path = path},
                        fmt::format("listing of {}", ns), call));
  return ReadIdPage(response.body);
}

Result<std::vector<QueryMatch>> PineconeVectorStore::Query(std::string_view ns,
                                                           std::span<const float> vector, int top_k,
                                                           bool with_metadata, const Call& call) {
  REHOME_TRY(ValidateNamespace(ns));
  const std::string what = fmt::format("query of {}", ns);
  if (top_k < 1 || top_k > kTopKMax ||
      !std::ranges::all_of(vector, [](float v) { return std::isfinite(v); })) {
    return Fail(
        ErrorCode::kInvalidArgument,
        fmt::format("{}: top_k {} must be 1 to {} and the vector finite", what, top_k, kTopKMax));
  }
  REHOME_TRY_ASSIGN(const std::string metric, Metric(call));
  std::string body = fmt::format(
      R"({{"namespace":{},"topK":{},"includeValues":false,"includeMetadata":{},"vector":)",
      Quoted(ns), top_k, with_metadata);
  AppendFloats(body, vector);
  body.push_back('}');
  REHOME_TRY_ASSIGN(
      const HttpResponse response,
      Ask({.kind = RequestKind::kQuery, .ns = ns, .method = "POST", .path = "/query", .body = body},
          what, call));
  REHOME_TRY_ASSIGN(auto matches, ReadMatches(response.body));
  SortBestFirst(matches, metric);
  return matches;
}

Result<std::optional<Lsn>> PineconeVectorStore::IndexedLsn(std::string_view ns, const Call& call) {
  REHOME_TRY(ValidateNamespace(ns));
  const std::string path = fmt::format("/vectors/list?namespace={}&limit=1", UrlEncode(ns));
  REHOME_TRY_ASSIGN(const HttpResponse response,
                    Ask({.kind = RequestKind::kList, .ns = ns, .path = path},
                        fmt::format("indexed position of {}", ns), call));
  return HeaderLsn(response, "x-pinecone-max-indexed-lsn");
}

}  // namespace rehome
