#include "pinecone_local/service.h"

#include <utility>

#include "base/digest.h"

namespace rehome::pinecone_local {
namespace {

constexpr std::size_t kDataBytesMax = 2'097'152;
constexpr std::string_view kIndexSegment = "_i";

/// Compares without telling by its duration where the texts differ; both are digests of one length.
bool EqualDigests(std::string_view a, std::string_view b) {
  unsigned difference = a.size() == b.size() ? 0 : 1;
  for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) {
    difference |=
        static_cast<unsigned>(static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i]));
  }
  return difference == 0;
}

Plane PlaneOf(const Route& route) {
  return std::holds_alternative<ControlHandler>(route.handler) ? Plane::kControl : Plane::kData;
}

}  // namespace

Service::Service(Catalog& catalog, std::string default_index, const Secret& api_key)
    : catalog_(catalog),
      default_index_(std::move(default_index)),
      key_digest_(api_key.empty() ? "" : Sha256Hex(api_key.Reveal())) {}

bool Service::IsAuthorized(const std::string& key) const {
  return key_digest_.empty() || EqualDigests(Sha256Hex(key), key_digest_);
}

HttpResponse Service::Handle(const HttpRequest& request) const {
  if (!IsAuthorized(request.api_key)) {
    return {.status = 401, .content_type = "text/plain", .body = "Unauthorized"};
  }
  auto target = Target::Parse(request.target);
  if (!target) {
    return ErrorAnswer(Plane::kData, target.error());
  }
  return Dispatch(request, *std::move(target));
}

HttpResponse Service::Dispatch(const HttpRequest& request, Target target) const {
  std::string index = default_index_;
  if (target.segments.size() >= 2 && target.segments.front() == kIndexSegment) {
    index = target.segments[1];
    target.segments.erase(target.segments.begin(), target.segments.begin() + 2);
  }
  ApiRequest call{.http = request, .target = std::move(target), .parameters = {}};
  bool path_exists = false;
  for (const Route& route : Routes()) {
    if (!Fits(route.pattern, call.target.segments, call.parameters)) {
      continue;
    }
    path_exists = true;
    if (route.method == request.method) {
      auto answer = Call(route, call, index);
      return answer ? *std::move(answer) : ErrorAnswer(PlaneOf(route), answer.error());
    }
  }
  if (path_exists || IsKnownButMissing(call.target.segments)) {
    return UnimplementedAnswer(Plane::kControl, request.target);
  }
  return ErrorAnswer(Plane::kControl, Error{ErrorCode::kNotFound, "Not Found", {}});
}

Result<HttpResponse> Service::Call(const Route& route, const ApiRequest& request,
                                   std::string_view index) const {
  if (const auto* control = std::get_if<ControlHandler>(&route.handler)) {
    return (*control)(catalog_, request);
  }
  if (request.http.body.size() > kDataBytesMax) {
    return Fail(ErrorCode::kInvalidArgument,
                "Your request is larger than the maximum supported size - 2MB. Please try to "
                "reduce your batch size.");
  }
  REHOME_TRY_ASSIGN(const auto found, catalog_.Find(index));
  auto answer = std::get<DataHandler>(route.handler)(*found, request);
  if (answer && answer->request_lsn) {
    // The write is done and durable whether or not the log could be made smaller; the next write
    // tries again.
    static_cast<void>(found->CompactIfWasteful());
  }
  return answer;
}

}  // namespace rehome::pinecone_local
