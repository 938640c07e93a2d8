#include "pinecone_local/routes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/digest.h"
#include "pinecone_local/json_writer.h"

namespace rehome::pinecone_local {
namespace {

constexpr std::array kRoutes{
    Route{Method::kPost, "/vectors/upsert", UpsertVectors},
    Route{Method::kPost, "/vectors/update", UpdateVectors},
    Route{Method::kPost, "/vectors/delete", DeleteVectors},
    Route{Method::kPost, "/query", QueryVectors},
    Route{Method::kGet, "/vectors/fetch", FetchVectors},
    Route{Method::kPost, "/vectors/fetch_by_metadata", FetchVectorsByMetadata},
    Route{Method::kGet, "/vectors/list", ListVectors},
    Route{Method::kPost, "/describe_index_stats", DescribeIndexStats},
    Route{Method::kGet, "/describe_index_stats", DescribeIndexStats},
    Route{Method::kGet, "/namespaces", ListNamespaces},
    Route{Method::kPost, "/namespaces", CreateNamespace},
    Route{Method::kGet, "/namespaces/{}", DescribeNamespace},
    Route{Method::kDelete, "/namespaces/{}", DeleteNamespace},
    Route{Method::kGet, "/bulk/imports", ListImports},
    Route{Method::kGet, "/indexes", ListIndexes},
    Route{Method::kPost, "/indexes", CreateIndex},
    Route{Method::kGet, "/indexes/{}", DescribeIndex},
    Route{Method::kPatch, "/indexes/{}", ConfigureIndex},
    Route{Method::kDelete, "/indexes/{}", DeleteIndex},
    Route{Method::kGet, "/collections", ListCollections},
    Route{Method::kGet, "/backups", ListBackups},
};

constexpr std::array<std::string_view, 13> kKnownFirstSegments{
    "embed",   "rerank",       "models",          "records", "namespace-aliases",
    "backups", "restore-jobs", "collections",     "bulk",    "indexes",
    "vectors", "namespaces",   "backup-schedules"};

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

HttpResponse Answer(Plane plane, const Mapped& mapped, std::string_view message) {
  JsonWriter json;
  json.BeginObject();
  if (plane == Plane::kControl) {
    json.Key("status").Integer(mapped.http).Key("error").BeginObject();
    json.Key("code").String(mapped.name).Key("message").String(message).EndObject();
  } else {
    json.Key("code").Integer(mapped.grpc).Key("message").String(message);
    json.Key("details").BeginArray().EndArray();
  }
  return JsonAnswer(std::move(json.EndObject()).Take(), mapped.http);
}

}  // namespace

std::span<const Route> Routes() {
  return kRoutes;
}

bool IsKnownButMissing(std::span<const std::string> segments) {
  return !segments.empty() &&
         std::ranges::find(kKnownFirstSegments, segments.front()) != kKnownFirstSegments.end();
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

HttpResponse ErrorAnswer(Plane plane, const Error& error) {
  return Answer(plane, Map(plane, error.code), error.message);
}

HttpResponse UnimplementedAnswer(Plane plane, std::string_view what) {
  return Answer(plane, {501, 12, "UNIMPLEMENTED"},
                fmt::format("{} is not part of pinecone-local", what));
}

std::string CanonicalNamespace(std::string_view requested) {
  return std::string(requested.empty() ? kDefaultNamespace : requested);
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
