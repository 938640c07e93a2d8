#include "pinecone_local/routes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/digest.h"
#include "pinecone_local/json_reader.h"
#include "pinecone_local/json_writer.h"

namespace rehome::pinecone_local {
namespace {

constexpr Route Data(Method method, std::string_view pattern, DataHandler handler,
                     Traffic traffic = Traffic::kControl) {
  return {method, pattern, Plane::kData, traffic, handler};
}

constexpr Route Control(Method method, std::string_view pattern, ControlHandler handler,
                        Traffic traffic = Traffic::kControl) {
  return {method, pattern, Plane::kControl, traffic, handler};
}

/// On an index's host, with the control plane's errors.
constexpr Route Records(Method method, std::string_view pattern, DataHandler handler,
                        Traffic traffic = Traffic::kControl) {
  return {method, pattern, Plane::kControl, traffic, handler};
}

constexpr std::array kRoutes{
    Data(Method::kPost, "/vectors/upsert", UpsertVectors, Traffic::kUpsert),
    Data(Method::kPost, "/vectors/update", UpdateVectors, Traffic::kUpdate),
    Data(Method::kPost, "/vectors/delete", DeleteVectors, Traffic::kDelete),
    Data(Method::kPost, "/query", QueryVectors, Traffic::kQuery),
    Data(Method::kGet, "/vectors/fetch", FetchVectors, Traffic::kFetch),
    Data(Method::kPost, "/vectors/fetch_by_metadata", FetchVectorsByMetadata,
         Traffic::kFetchByMetadata),
    Data(Method::kGet, "/vectors/list", ListVectors, Traffic::kList),
    Data(Method::kPost, "/describe_index_stats", DescribeIndexStats, Traffic::kStats),
    Data(Method::kGet, "/describe_index_stats", DescribeIndexStats, Traffic::kStats),
    Data(Method::kGet, "/namespaces", ListNamespaces),
    Data(Method::kPost, "/namespaces", CreateNamespace),
    Data(Method::kGet, "/namespaces/{}", DescribeNamespace),
    Data(Method::kDelete, "/namespaces/{}", DeleteNamespace),
    Records(Method::kPost, "/namespaces/{}/documents/{}", RefuseDocuments),
    Data(Method::kGet, "/namespace-aliases", ListAliases),
    Data(Method::kPost, "/namespace-aliases", CreateAlias),
    Data(Method::kGet, "/namespace-aliases/{}", DescribeAlias),
    Data(Method::kPatch, "/namespace-aliases/{}", RepointAlias),
    Data(Method::kDelete, "/namespace-aliases/{}", DeleteAlias),
    Records(Method::kPost, "/records/namespaces/{}/upsert", UpsertRecords, Traffic::kUpsert),
    Records(Method::kPost, "/records/namespaces/{}/search", SearchRecords, Traffic::kQuery),
    Data(Method::kGet, "/bulk/imports", ListImports),
    Data(Method::kPost, "/bulk/imports", RefuseImport),
    Data(Method::kGet, "/bulk/imports/{}", DescribeImport),
    Data(Method::kDelete, "/bulk/imports/{}", DescribeImport),
    Control(Method::kPost, "/embed", EmbedTexts, Traffic::kInference),
    Control(Method::kPost, "/rerank", RefuseRerank, Traffic::kInference),
    Control(Method::kGet, "/models", ListModels, Traffic::kInference),
    Control(Method::kGet, "/models/{}", DescribeModel, Traffic::kInference),
    Control(Method::kGet, "/indexes", ListIndexes),
    Control(Method::kPost, "/indexes", CreateIndex),
    Control(Method::kPost, "/indexes/create-for-model", CreateIndexForModel),
    Control(Method::kGet, "/indexes/{}", DescribeIndex),
    Control(Method::kPatch, "/indexes/{}", ConfigureIndex),
    Control(Method::kDelete, "/indexes/{}", DeleteIndex),
    Control(Method::kGet, "/indexes/{}/backups", ListNoneOfIndex),
    Control(Method::kPost, "/indexes/{}/backups", RefuseBackup),
    Control(Method::kGet, "/indexes/{}/backup-schedules", ListNoneOfIndex),
    Control(Method::kPost, "/indexes/{}/backup-schedules", RefuseSchedule),
    Control(Method::kGet, "/collections", ListNoCollections),
    Control(Method::kPost, "/collections", RefuseCollection),
    Control(Method::kGet, "/collections/{}", DescribeNone),
    Control(Method::kDelete, "/collections/{}", DescribeNone),
    Control(Method::kGet, "/backups", ListNone),
    Control(Method::kGet, "/backups/{}", DescribeNone),
    Control(Method::kDelete, "/backups/{}", DescribeNone),
    Control(Method::kPost, "/backups/{}/create-index", DescribeNone),
    Control(Method::kGet, "/restore-jobs", ListNone),
    Control(Method::kGet, "/restore-jobs/{}", DescribeNone),
    Control(Method::kGet, "/backup-schedules/{}", DescribeNone),
    Control(Method::kGet, "/backup-schedules/{}/history", DescribeNone),
    Control(Method::kPatch, "/backup-schedules/{}", DescribeNone),
    Control(Method::kDelete, "/backup-schedules/{}", DescribeNone),
};

/// One of our codes in the API's terms.
struct Mapped {
  int http = 500;
  int grpc = 13;
  std::string_view name = "INTERNAL";
};

Mapped Map(Plane plane, ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return {400, 3, "INVALID_ARGUMENT"};
    case ErrorCode::kNotFound:
      return {404, 5, "NOT_FOUND"};
    case ErrorCode::kAlreadyExists:
      return {409, 6, "ALREADY_EXISTS"};
    case ErrorCode::kFailedPrecondition:
      return plane == Plane::kControl ? Mapped{403, 7, "FORBIDDEN"}
                                      : Mapped{400, 9, "FAILED_PRECONDITION"};
    case ErrorCode::kUnauthenticated:
      return {401, 16, "UNAUTHENTICATED"};
    case ErrorCode::kResourceExhausted:  // a full disk: not 429, which clients would press on
                                         // against
      return {500, 8, "RESOURCE_EXHAUSTED"};
    case ErrorCode::kCancelled:
    case ErrorCode::kAborted:
    case ErrorCode::kUnavailable:
    case ErrorCode::kDeadlineExceeded:
    case ErrorCode::kOutcomeUnknown:
    case ErrorCode::kLeaseHeld:
    case ErrorCode::kCheckFailed:
    case ErrorCode::kTooManyQuarantined:
    case ErrorCode::kDataLoss:
    case ErrorCode::kInternal:
      return {};
  }
  return {};
}

Mapped Map(Plane plane, const Refusal& refusal) {
  switch (refusal.kind) {
    case RefusalKind::kByCode:
      return Map(plane, refusal.error.code);
    case RefusalKind::kUnprocessable:
      return plane == Plane::kControl ? Mapped{422, 3, "UNPROCESSABLE_ENTITY"}
                                      : Map(plane, ErrorCode::kInvalidArgument);
    case RefusalKind::kRateLimited:
      return {429, 8, "RESOURCE_EXHAUSTED"};
    case RefusalKind::kQuota:
      return {403, 7, "FORBIDDEN"};
    case RefusalKind::kUnimplemented:
      return {501, 12, "UNIMPLEMENTED"};
  }
  return {};
}

/// The details of a data plane error: what a program may branch on.
void WriteDetails(JsonWriter& json, const Refusal& refusal) {
  json.Key("details").BeginArray();
  if (!refusal.reason.empty()) {
    json.BeginObject().Key("@type").String("type.googleapis.com/google.rpc.ErrorInfo");
    json.Key("reason").String(refusal.reason).Key("domain").String("pinecone.io");
    json.Key("metadata").BeginObject();
    if (!refusal.target.empty()) {
      json.Key("target_namespace").String(refusal.target);
    }
    json.EndObject().EndObject();
  }
  json.EndArray();
}

HttpResponse Tell(Plane plane, const Mapped& mapped, const Refusal& refusal) {
  JsonWriter json;
  json.BeginObject();
  if (plane == Plane::kControl) {
    json.Key("status").Integer(mapped.http).Key("error").BeginObject();
    json.Key("code").String(mapped.name).Key("message").String(refusal.error.message).EndObject();
  } else {
    json.Key("code").Integer(mapped.grpc).Key("message").String(refusal.error.message);
    WriteDetails(json, refusal);
  }
  return JsonAnswer(std::move(json.EndObject()).Take(), mapped.http);
}

}  // namespace

std::span<const Route> Routes() {
  return kRoutes;
}

bool Fits(std::string_view pattern, std::span<const std::string> segments,
          std::vector<std::string>& parameters) {
  parameters.clear();
  for (const std::string& segment : segments) {
    if (pattern.empty()) {
      return false;
    }
    pattern.remove_prefix(1);
    const std::string_view wanted = pattern.substr(0, pattern.find('/'));
    if (wanted == "{}") {
      parameters.push_back(segment);
    } else if (wanted != segment) {
      return false;
    }
    pattern.remove_prefix(wanted.size());
  }
  return pattern.empty();
}

HttpResponse JsonAnswer(std::string body, int status) {
  HttpResponse answer;
  answer.status = status;
  answer.body = std::move(body);
  return answer;
}

HttpResponse ErrorAnswer(Plane plane, const Refusal& refusal) {
  if (plane != Plane::kControl || refusal.kind != RefusalKind::kUnprocessable) {
    return Tell(plane, Map(plane, refusal), refusal);
  }
  Refusal said = refusal;
  said.error.message =
      "Failed to deserialize the JSON body into the target type: " + refusal.error.message;
  return Tell(plane, Map(plane, said), said);
}

HttpResponse StatusAnswer(Plane plane, int status, std::string_view message) {
  constexpr std::array<Mapped, 7> kStatuses{{{405, 12, "UNIMPLEMENTED"},
                                             {408, 4, "DEADLINE_EXCEEDED"},
                                             {429, 8, "RESOURCE_EXHAUSTED"},
                                             {500, 13, "INTERNAL"},
                                             {502, 14, "UNAVAILABLE"},
                                             {503, 14, "UNAVAILABLE"},
                                             {504, 4, "DEADLINE_EXCEEDED"}}};
  const auto* found = std::ranges::find(kStatuses, status, &Mapped::http);
  const Mapped mapped = found == kStatuses.end() ? Mapped{status, 2, "UNKNOWN"} : *found;
  return Tell(plane, mapped, Refusal(RefusalKind::kByCode, std::string(message)));
}

std::string CanonicalNamespace(std::string_view requested) {
  return std::string(requested.empty() ? kDefaultNamespace : requested);
}

Refusable<std::string> WritableNamespace(const Index& index, std::string_view requested) {
  std::string ns = CanonicalNamespace(requested);
  REHOME_TRY(CheckId(ns, "Namespace"));
  if (const auto alias = index.FindAlias(ns)) {
    Refusal refusal(RefusalKind::kByCode,
                    fmt::format("{} is a namespace alias; write to its target namespace {} instead",
                                ns, alias->target));
    refusal.reason = "WRITE_TO_ALIAS";
    refusal.target = alias->target;
    return std::unexpected(std::move(refusal));
  }
  return ns;
}

Status CheckVectorsIndex(const Index& index) {
  if (index.config().documents.empty()) {
    return {};
  }
  return Fail(ErrorCode::kInvalidArgument,
              "This index serves the documents API; the vectors API needs an index whose only "
              "vector fields are _values and _sparse_values");
}

Refusable<std::size_t> ReadTopK(const JsonObject& body, std::string_view key) {
  constexpr std::int64_t kTopKMax = 10'000;
  REHOME_TRY_ASSIGN(const auto top_k, body.Integer(key, 0));
  if (top_k < 1 || top_k > kTopKMax) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("{} must be between 1 and {}, got {}", key, kTopKMax, top_k));
  }
  return static_cast<std::size_t>(top_k);
}

std::string PageToken(std::string_view last) {
  return Hex(last);
}

Result<std::string> ParsePageToken(std::string_view token) {
  constexpr int kHexBase = 16;
  std::string last;
  for (std::size_t at = 0; at < token.size(); at += 2) {
    unsigned byte = 0;
    const char* begin = token.data() + at;
    const char* end = begin + std::min<std::size_t>(2, token.size() - at);
    const auto read = std::from_chars(begin, end, byte, kHexBase);
    if (read.ec != std::errc() || read.ptr != begin + 2) {
      return Fail(ErrorCode::kInvalidArgument, "Invalid pagination token");
    }
    last += static_cast<char>(byte);
  }
  return last;
}

}  // namespace rehome::pinecone_local
