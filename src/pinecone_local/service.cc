#include "pinecone_local/service.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

#include "base/digest.h"
#include "pinecone_local/json_reader.h"
#include "pinecone_local/json_writer.h"

namespace rehome::pinecone_local {
namespace {

constexpr std::size_t kDataBytesMax = 2'097'152;
constexpr std::string_view kIndexSegment = "_i";
const std::vector<std::string> kAdminPath{"_admin", "conditions"};

/// Compares without telling by its duration where the texts differ; both are digests of one length.
bool EqualDigests(std::string_view a, std::string_view b) {
  unsigned difference = a.size() == b.size() ? 0 : 1;
  for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) {
    difference |=
        static_cast<unsigned>(static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i]));
  }
  return difference == 0;
}

void WriteConditions(JsonWriter& json, const PineconeLocalConditions& conditions) {
  json.BeginObject().Key("index_lag_ms").Integer(conditions.index_lag.count());
  json.Key("faults").BeginArray();
  for (const std::string& fault : conditions.faults) {
    json.String(fault);
  }
  json.EndArray().Key("rate_limits").Bool(conditions.rate_limits);
  json.Key("quota").String(conditions.quota).EndObject();
}

Refusable<PineconeLocalConditions> ReadConditions(const std::string& text) {
  REHOME_TRY_ASSIGN(const JsonObject body, JsonObject::Parse(text));
  PineconeLocalConditions conditions;
  REHOME_TRY_ASSIGN(const auto lag, body.Integer("index_lag_ms", 0));
  conditions.index_lag = Millis{lag};
  REHOME_TRY_ASSIGN(conditions.faults, body.Strings("faults"));
  REHOME_TRY_ASSIGN(conditions.rate_limits, body.Bool("rate_limits"));
  REHOME_TRY_ASSIGN(conditions.quota, body.String("quota"));
  return conditions;
}

}  // namespace

Service::Service(Catalog& catalog, Gate& gate, ServiceOptions options)
    : catalog_(catalog),
      gate_(gate),
      options_(std::move(options)),
      key_digest_(options_.api_key.empty() ? "" : Sha256Hex(options_.api_key.Reveal())) {}

Status Service::Impose(const PineconeLocalConditions& conditions) const {
  REHOME_TRY(gate_.Set(conditions));
  return ApplyLag();
}

Status Service::ApplyLag() const {
  const Millis lag = gate_.conditions().index_lag;
  for (const auto& index : catalog_.All()) {
    REHOME_TRY(index->SetLag(lag, *options_.facilities.clock));
  }
  return {};
}

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
  if (options_.admin && target->segments == kAdminPath) {
    auto answer = Administer(request);
    return answer ? *std::move(answer) : ErrorAnswer(Plane::kControl, answer.error());
  }
  return Dispatch(request, *std::move(target));
}

Answer Service::Administer(const HttpRequest& request) const {
  if (request.method == Method::kPost) {
    REHOME_TRY_ASSIGN(const PineconeLocalConditions conditions, ReadConditions(request.body));
    REHOME_TRY(Impose(conditions));
  }
  JsonWriter json;
  WriteConditions(json, gate_.conditions());
  return JsonAnswer(std::move(json).Take());
}

HttpResponse Service::Dispatch(const HttpRequest& request, Target target) const {
  std::string index = options_.default_index;
  if (target.segments.size() >= 2 && target.segments.front() == kIndexSegment) {
    index = target.segments[1];
    target.segments.erase(target.segments.begin(), target.segments.begin() + 2);
  }
  ApiRequest call{.http = request, .facilities = options_.facilities, .target = std::move(target)};
  const Route* other = nullptr;  // of the path, with another method
  for (const Route& route : Routes()) {
    if (!Fits(route.pattern, call.target.segments, call.parameters)) {
      continue;
    }
    if (route.method == request.method) {
      return Run(route, call, index);
    }
    other = &route;
  }
  if (other != nullptr) {
    return StatusAnswer(other->errors, 405, "Method Not Allowed");
  }
  return ErrorAnswer(Plane::kControl, Error{ErrorCode::kNotFound, "Not Found", {}});
}

HttpResponse Service::Run(const Route& route, const ApiRequest& request,
                          std::string_view index) const {
  const auto fault = gate_.Meet(fmt::format("/{}", fmt::join(request.target.segments, "/")));
  HttpResponse answer;
  if (!fault || fault->effect || fault->kind == FaultKind::kSlow ||
      fault->kind == FaultKind::kReset) {
    auto called = Call(route, request, index);
    answer = called ? *std::move(called) : ErrorAnswer(route.errors, called.error());
  }
  if (!fault) {
    return answer;
  }
  switch (fault->kind) {
    case FaultKind::kStatus:
      answer = StatusAnswer(
          route.errors, fault->status,
          fmt::format("Request failed with status {}, as the server was told to", fault->status));
      answer.retry_after = fault->retry_after;
      break;
    case FaultKind::kReset:
      answer.cut = Cut::kInBody;
      break;
    case FaultKind::kDrop:
      answer.cut = Cut::kBeforeHeader;
      break;
    case FaultKind::kSlow:
      break;
  }
  answer.delay = fault->delay;
  return answer;
}

Answer Service::Call(const Route& route, const ApiRequest& request, std::string_view index) const {
  if (const auto* control = std::get_if<ControlHandler>(&route.handler)) {
    REHOME_TRY(gate_.Admit(route, request, catalog_, nullptr));
    auto answer = (*control)(catalog_, request);
    if (answer && route.method == Method::kPost && gate_.conditions().index_lag > Millis{0}) {
      REHOME_TRY(ApplyLag());  // an index may be new
    }
    return answer;
  }
  if (request.http.body.size() > kDataBytesMax) {
    return Fail(ErrorCode::kInvalidArgument,
                "Your request is larger than the maximum supported size - 2MB. Please try to "
                "reduce your batch size.");
  }
  REHOME_TRY_ASSIGN(const auto found, catalog_.Find(index));
  REHOME_TRY(gate_.Admit(route, request, catalog_, found.get()));
  auto answer = std::get<DataHandler>(route.handler)(*found, request);
  if (answer && answer->request_lsn) {
    // The write is done and durable whether or not the log could be made smaller; the next write
    // tries again.
    static_cast<void>(found->CompactIfWasteful());
  }
  return answer;
}

}  // namespace rehome::pinecone_local
