#pragma once
// api_client.h — one JSON service at one base address with one key.
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "adapters/http/api_error.h"
#include "adapters/http/http_client.h"

namespace rehome {

struct ApiEndpoint {
  ApiService service;
  std::string base_url;  // without a trailing slash; may end in a query, which stays at the end
  std::vector<std::pair<std::string, std::string>> headers{};  // the key's too
  Secret secret{};                                             // blotted out of every message
};

/// Safe to call from several threads at once.
class ApiClient {
 public:
  ApiClient(std::shared_ptr<HttpClient> http, ApiEndpoint endpoint);

  /// `path` begins with '/' and may hold a query. Any status is a response.
  [[nodiscard]] Result<HttpResponse> Send(std::string_view method, std::string_view path,
                                          std::string_view body, const Call& call) const;
  /// The response if it is ok(), else its ApiError; `what` says what was tried.
  [[nodiscard]] Result<HttpResponse> Get(std::string_view path, std::string_view what,
                                         const Call& call) const;
  [[nodiscard]] Result<HttpResponse> Post(std::string_view path, std::string_view body,
                                          std::string_view what, const Call& call) const;
  [[nodiscard]] Result<HttpResponse> Judge(Result<HttpResponse> response,
                                           std::string_view what) const;

  [[nodiscard]] const std::string& base_url() const { return endpoint_.base_url; }

 private:
  const std::shared_ptr<HttpClient> http_;
  const ApiEndpoint endpoint_;
};

/// For an ok() answer that is not the JSON it should be: a proxy's page, a version not known. Says
/// where it stopped making sense; retryable, since the next answer may be the service's own.
[[nodiscard]] std::unexpected<Error> BadAnswer(std::string_view what, std::string_view why);

}  // namespace rehome
