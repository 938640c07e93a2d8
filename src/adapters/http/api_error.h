#pragma once
// api_error.h — what an HTTP status of a REST service means for the caller.
#include <span>
#include <string>
#include <string_view>

#include "adapters/http/http_client.h"
#include "base/error.h"
#include "base/secret.h"

namespace rehome {

/// A row of a service's table of refusals: what it says, what that means here, what to do next.
struct ApiRefusal {
  int status;             // 0: any
  std::string_view says;  // a part of the body, in lower case; empty: whatever it says
  ErrorCode code;
  std::string_view hint;
};

/// How a service is spoken of in errors.
struct ApiService {
  std::string name;                        // "Pinecone"
  std::string hint_key;                    // what to do when the key is refused
  std::string hint_quota;                  // … when a quota or the rate is exhausted
  std::string hint_down;                   // … when the service itself fails
  std::span<const ApiRefusal> refusals{};  // the first row that fits goes before what ApiError says
};

/// The service's own words in an error body: error.message, else message, detail or error, else the
/// raw text, cut.
[[nodiscard]] std::string ApiMessage(std::string_view body);

/// The error of a response that is not ok(). 401, 403 kUnauthenticated; 429 kResourceExhausted with
/// retry_after_ms; a spent quota (402, a 403 or 429 that says so) kFailedPrecondition, since
/// waiting does not help; 408 and 5xx kUnavailable; 404 kNotFound; 409 kAlreadyExists; 400, 413,
/// 422 kInvalidArgument; the rest kFailedPrecondition. `what` says what was tried; `secret` is
/// blotted out should the service repeat it.
[[nodiscard]] Error ApiError(const ApiService& service, std::string_view what,
                             const HttpResponse& response, const Secret& secret);

}  // namespace rehome
