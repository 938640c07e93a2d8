#pragma once
// routes.h — the API's operations, one function each, and the table that finds them (routes.cc).
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "pinecone_local/catalog.h"
#include "pinecone_local/http_message.h"
#include "pinecone_local/index.h"
#include "pinecone_local/json_reader.h"
#include "pinecone_local/refusal.h"
#include "pinecone_local/text_embedder.h"
#include "pinecone_local/traffic.h"

namespace rehome::pinecone_local {

/// What operations use beside the stored indexes.
struct Facilities {
  Clock* clock = nullptr;  // outlives the server
  TextEmbedder embed{};    // may be empty: no text then
};

struct ApiRequest {
  const HttpRequest& http;
  const Facilities& facilities;
  Target target;
  std::vector<std::string> parameters{};  // what stood at the pattern's {}
};

/// "/_i/NAME" before a data plane path names the index; without it the default index is meant.
inline constexpr std::string_view kIndexPath = "/_i/";

/// Which of the API's two error shapes an operation uses.
enum class Plane : std::uint8_t { kControl, kData };

using ControlHandler = Answer (*)(Catalog& catalog, const ApiRequest& request);
using DataHandler = Answer (*)(Index& index, const ApiRequest& request);

struct Route {
  Method method = Method::kOther;
  std::string_view pattern;  // "/indexes/{}": a {} takes one segment
  Plane errors = Plane::kControl;
  Traffic traffic = Traffic::kControl;
  std::variant<ControlHandler, DataHandler> handler;
};

/// Every operation of the API, those that are refused here among them.
[[nodiscard]] std::span<const Route> Routes();
/// True, with the parameters, if the segments fit.
[[nodiscard]] bool Fits(std::string_view pattern, std::span<const std::string> segments,
                        std::vector<std::string>& parameters);

[[nodiscard]] HttpResponse JsonAnswer(std::string body, int status = 200);
/// {"code":3,"message":…,"details":[]} or {"status":400,"error":{"code":…,"message":…}} with the
/// fitting HTTP status.
[[nodiscard]] HttpResponse ErrorAnswer(Plane plane, const Refusal& refusal);
/// The same for a status that no error of ours stands for.
[[nodiscard]] HttpResponse StatusAnswer(Plane plane, int status, std::string_view message);
/// "" and "__default__" are one namespace.
[[nodiscard]] std::string CanonicalNamespace(std::string_view requested);
/// The canonical name for a write; an alias is refused.
[[nodiscard]] Refusable<std::string> WritableNamespace(const Index& index,
                                                       std::string_view requested);
/// kInvalidArgument on a documents index, which the vectors API cannot reach.
[[nodiscard]] Status CheckVectorsIndex(const Index& index);
/// 1..10,000, required.
[[nodiscard]] Refusable<std::size_t> ReadTopK(const JsonObject& body, std::string_view key);
/// 501 where the server has no embedder.
[[nodiscard]] Refusable<EmbeddedTexts> Embed(const Facilities& facilities,
                                             std::span<const std::string> texts, int dimension);
/// The id that a page token stands for, and back.
[[nodiscard]] std::string PageToken(std::string_view last);
[[nodiscard]] Result<std::string> ParsePageToken(std::string_view token);

// Vectors: routes_write.cc, routes_read.cc.
[[nodiscard]] Answer UpsertVectors(Index& index, const ApiRequest& request);
[[nodiscard]] Answer UpdateVectors(Index& index, const ApiRequest& request);
[[nodiscard]] Answer DeleteVectors(Index& index, const ApiRequest& request);
[[nodiscard]] Answer QueryVectors(Index& index, const ApiRequest& request);
[[nodiscard]] Answer FetchVectors(Index& index, const ApiRequest& request);
[[nodiscard]] Answer FetchVectorsByMetadata(Index& index, const ApiRequest& request);
[[nodiscard]] Answer ListVectors(Index& index, const ApiRequest& request);
[[nodiscard]] Answer DescribeIndexStats(Index& index, const ApiRequest& request);
// Namespaces: routes_namespaces.cc, routes_aliases.cc.
[[nodiscard]] Answer ListNamespaces(Index& index, const ApiRequest& request);
[[nodiscard]] Answer CreateNamespace(Index& index, const ApiRequest& request);
[[nodiscard]] Answer DescribeNamespace(Index& index, const ApiRequest& request);
[[nodiscard]] Answer DeleteNamespace(Index& index, const ApiRequest& request);
[[nodiscard]] Answer ListAliases(Index& index, const ApiRequest& request);
[[nodiscard]] Answer CreateAlias(Index& index, const ApiRequest& request);
[[nodiscard]] Answer DescribeAlias(Index& index, const ApiRequest& request);
[[nodiscard]] Answer RepointAlias(Index& index, const ApiRequest& request);
[[nodiscard]] Answer DeleteAlias(Index& index, const ApiRequest& request);
// Records, which are text: routes_records.cc.
[[nodiscard]] Answer UpsertRecords(Index& index, const ApiRequest& request);
[[nodiscard]] Answer SearchRecords(Index& index, const ApiRequest& request);
// Inference: routes_inference.cc.
[[nodiscard]] Answer EmbedTexts(Catalog& catalog, const ApiRequest& request);
[[nodiscard]] Answer ListModels(Catalog& catalog, const ApiRequest& request);
[[nodiscard]] Answer DescribeModel(Catalog& catalog, const ApiRequest& request);
// Control plane: routes_control.cc.
[[nodiscard]] Answer ListIndexes(Catalog& catalog, const ApiRequest& request);
[[nodiscard]] Answer CreateIndex(Catalog& catalog, const ApiRequest& request);
[[nodiscard]] Answer CreateIndexForModel(Catalog& catalog, const ApiRequest& request);
[[nodiscard]] Answer DescribeIndex(Catalog& catalog, const ApiRequest& request);
[[nodiscard]] Answer ConfigureIndex(Catalog& catalog, const ApiRequest& request);
[[nodiscard]] Answer DeleteIndex(Catalog& catalog, const ApiRequest& request);
// What cannot be made here, so that there is none: routes_absent.cc.
[[nodiscard]] Answer ListNone(Catalog& catalog, const ApiRequest& request);
[[nodiscard]] Answer ListNoCollections(Catalog& catalog, const ApiRequest& request);
[[nodiscard]] Answer ListNoneOfIndex(Catalog& catalog, const ApiRequest& request);
[[nodiscard]] Answer DescribeNone(Catalog& catalog, const ApiRequest& request);
[[nodiscard]] Answer RefuseCollection(Catalog& catalog, const ApiRequest& request);
[[nodiscard]] Answer RefuseBackup(Catalog& catalog, const ApiRequest& request);
[[nodiscard]] Answer RefuseSchedule(Catalog& catalog, const ApiRequest& request);
[[nodiscard]] Answer RefuseRerank(Catalog& catalog, const ApiRequest& request);
[[nodiscard]] Answer ListImports(Index& index, const ApiRequest& request);
[[nodiscard]] Answer RefuseImport(Index& index, const ApiRequest& request);
[[nodiscard]] Answer DescribeImport(Index& index, const ApiRequest& request);
[[nodiscard]] Answer RefuseDocuments(Index& index, const ApiRequest& request);

}  // namespace rehome::pinecone_local
