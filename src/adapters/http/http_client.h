#pragma once
// http_client.h — HTTP for every adapter that speaks to a service. Kept-alive connections, HTTP/2
// over TLS, certificates verified, proxies from the environment (a loopback host is always reached
// directly; https_proxy, http_proxy and no_proxy as everywhere). Redirects are not followed: they would carry the key elsewhere.
#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "ports/call.h"

namespace rehome {

/// The library's global state: one object in main (or in a test's main) that outlives every client.
class HttpLibrary {
 public:
  HttpLibrary();
  ~HttpLibrary();
  HttpLibrary(const HttpLibrary&) = delete;
  HttpLibrary& operator=(const HttpLibrary&) = delete;
};

struct HttpRequest {
  std::string method = "GET";
  std::string url{};
  std::vector<std::pair<std::string, std::string>> headers{};
  std::string_view body{};  // borrowed for the call; sent if the method is not GET
};

struct HttpResponse {
  int status = 0;
  std::map<std::string, std::string, std::less<>> headers;  // names in lower case
  std::string body;
  Millis retry_after{0};  // from Retry-After, seconds or date; 0: not said

  [[nodiscard]] bool ok() const { return status >= 200 && status < 300; }
  /// The header's value, empty if absent.
  [[nodiscard]] std::string_view Header(std::string_view lower_case_name) const;
};

struct HttpOptions {
  Millis connect_timeout{5'000};
  std::size_t response_bytes_max = std::size_t{256} * 1024 * 1024;
  std::string user_agent = "rehome";
  std::string ca_file{};  // PEM; empty: the system's certificates
};

/// Safe to call from several threads at once; each request uses an idle connection or opens one.
class HttpClient {
 public:
  explicit HttpClient(HttpOptions options = {});
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;
  ~HttpClient();

  /// Any status is a response; what it means is the adapter's affair (api_error.h).
  /// Errors: kUnavailable could not be reached (name, connection, TLS, proxy); kDeadlineExceeded no
  /// byte of the request was sent in time; kOutcomeUnknown some of it was, and no whole reply came;
  /// kCancelled a stop (if bytes were sent, the effect is unknown); kFailedPrecondition the reply
  /// is larger than response_bytes_max; kInvalidArgument the URL is none.
  [[nodiscard]] Result<HttpResponse> Send(const HttpRequest& request, const Call& call);

 private:
  struct Pool;
  const HttpOptions options_;
  std::unique_ptr<Pool> pool_;
};

/// Percent-encodes everything but unreserved characters: for a path segment or a query value.
[[nodiscard]] std::string UrlEncode(std::string_view text);

/// Scheme and host of a URL, for messages: without user, password, path and query.
[[nodiscard]] std::string UrlOrigin(std::string_view url);

}  // namespace rehome
