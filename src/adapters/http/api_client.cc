#include "adapters/http/api_client.h"

#include <fmt/format.h>

#include <algorithm>

namespace rehome {

ApiClient::ApiClient(std::shared_ptr<HttpClient> http, ApiEndpoint endpoint)
    : http_(std::move(http)), endpoint_(std::move(endpoint)) {}

Result<HttpResponse> ApiClient::Send(std::string_view method, std::string_view path,
                                     std::string_view body, const Call& call) const {
  const std::string_view base = endpoint_.base_url;
  const auto query = std::min(base.find('?'), base.size());
  HttpRequest request{.method = std::string(method),
                      .url = fmt::format("{}{}{}", base.substr(0, query), path, base.substr(query)),
                      .headers = endpoint_.headers,
                      .body = body};
  if (!body.empty()) {
    request.headers.emplace_back("Content-Type", "application/json");
  }
  return http_->Send(request, call);
}

Result<HttpResponse> ApiClient::Get(std::string_view path, std::string_view what,
                                    const Call& call) const {
  return Judge(Send("GET", path, {}, call), what);
}

Result<HttpResponse> ApiClient::Post(std::string_view path, std::string_view body,
                                     std::string_view what, const Call& call) const {
  return Judge(Send("POST", path, body, call), what);
}

Result<HttpResponse> ApiClient::Judge(Result<HttpResponse> response, std::string_view what) const {
  if (!response) {
    return std::unexpected(std::move(response).error().In(what));
  }
  if (!response->ok()) {
    return std::unexpected(ApiError(endpoint_.service, what, *response, endpoint_.secret));
  }
  return response;
}

std::unexpected<Error> BadAnswer(std::string_view what, std::string_view why) {
  return Fail(ErrorCode::kUnavailable,
              fmt::format("{}: the answer is not what the service should say: {}", what, why),
              "check that the address is the service's own and that no proxy answers in its place");
}

}  // namespace rehome
