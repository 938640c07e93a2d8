#pragma once
// routes.h — the API's operations, one function each, and the table that finds them (routes.cc).
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"
#include "pinecone_local/catalog.h"
#include "pinecone_local/http_message.h"
#include "pinecone_local/index.h"

namespace rehome::pinecone_local {

struct ApiRequest {
  const HttpRequest& http;
  Target target;
  std::vector<std::string> parameters;  // what stood at the pattern's {}
};

/// "/_i/NAME" before a data plane path names the index; without it the default index is meant.
inline constexpr std::string_view kIndexPath = "/_i/";

/// Which of the API's two error shapes an operation uses.
enum class Plane : std::uint8_t { kControl, kData };

using ControlHandler = Result<HttpResponse> (*)(Catalog& catalog, const ApiRequest& request);
using DataHandler = Result<HttpResponse> (*)(Index& index, const ApiRequest& request);

struct Route {
  Method method = Method::kOther;
  std::string_view pattern;  // "/indexes/{}": a {} takes one segment
  std::variant<ControlHandler, DataHandler> handler;
};

/// Every operation that this server has.
[[nodiscard]] std::span<const Route> Routes();
/// First segments of the API's operations that this server knows of and does not have: 501 instead
/// of 404.
[[nodiscard]] bool IsKnownButMissing(std::span<const std::string> segments);
/// True, with the parameters, if the segments fit.
[[nodiscard]] bool Fits(std::string_view pattern, std::span<const std::string> segments,
                        std::vector<std::string>& parameters);

[[nodiscard]] HttpResponse JsonAnswer(std::string body, int status = 200);
/// {"code":3,"message":…,"details":[]} or {"status":400,"error":{"code":…,"message":…}} with the
/// fitting HTTP status.
[[nodiscard]] HttpResponse ErrorAnswer(Plane plane, const Error& error);
[[nodiscard]] HttpResponse UnimplementedAnswer(Plane plane, std::string_view what);
/// "" and "__default__" are one namespace.
[[nodiscard]] std::string CanonicalNamespace(std::string_view requested);
/// The id that a page token stands for, and back.
[[nodiscard]] std::string PageToken(std::string_view last);
[[nodiscard]] Result<std::string> ParsePageToken(std::string_view token);

// Vectors: routes_write.cc, routes_read.cc.
[[nodiscard]] Result<HttpResponse> UpsertVectors(Index& index, const ApiRequest& request);
[[nodiscard]] Result<HttpResponse> UpdateVectors(Index& index, const ApiRequest& request);
[[nodiscard]] Result<HttpResponse> DeleteVectors(Index& index, const ApiRequest& request);
[[nodiscard]] Result<HttpResponse> QueryVectors(Index& index, const ApiRequest& request);
[[nodiscard]] Result<HttpResponse> FetchVectors(Index& index, const ApiRequest& request);
[[nodiscard]] Result<HttpResponse> FetchVectorsByMetadata(Index& index, const ApiRequest& request);
[[nodiscard]] Result<HttpResponse> ListVectors(Index& index, const ApiRequest& request);
[[nodiscard]] Result<HttpResponse> DescribeIndexStats(Index& index, const ApiRequest& request);
// Namespaces: routes_namespaces.cc.
[[nodiscard]] Result<HttpResponse> ListNamespaces(Index& index, const ApiRequest& request);
[[nodiscard]] Result<HttpResponse> CreateNamespace(Index& index, const ApiRequest& request);
[[nodiscard]] Result<HttpResponse> DescribeNamespace(Index& index, const ApiRequest& request);
[[nodiscard]] Result<HttpResponse> DeleteNamespace(Index& index, const ApiRequest& request);
[[nodiscard]] Result<HttpResponse> ListImports(Index& index, const ApiRequest& request);
// Control plane: routes_control.cc.
[[nodiscard]] Result<HttpResponse> ListIndexes(Catalog& catalog, const ApiRequest& request);
[[nodiscard]] Result<HttpResponse> CreateIndex(Catalog& catalog, const ApiRequest& request);
[[nodiscard]] Result<HttpResponse> DescribeIndex(Catalog& catalog, const ApiRequest& request);
[[nodiscard]] Result<HttpResponse> ConfigureIndex(Catalog& catalog, const ApiRequest& request);
[[nodiscard]] Result<HttpResponse> DeleteIndex(Catalog& catalog, const ApiRequest& request);
[[nodiscard]] Result<HttpResponse> ListCollections(Catalog& catalog, const ApiRequest& request);
[[nodiscard]] Result<HttpResponse> ListBackups(Catalog& catalog, const ApiRequest& request);

}  // namespace rehome::pinecone_local
