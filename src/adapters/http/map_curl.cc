#include "adapters/http/map_curl.h"

#include <fmt/format.h>

namespace rehome {
namespace {

Error Make(ErrorCode code, std::string message, std::string hint) {
  return {.code = code, .message = std::move(message), .hint = std::move(hint)};
}

/// The reply is missing or cut off: whether the server acted depends on whether it saw the request.
Error LostReply(CURLcode code, bool sent, std::string_view origin) {
  return Make(sent ? ErrorCode::kOutcomeUnknown : ErrorCode::kUnavailable,
              fmt::format("the connection to {} broke {}: {}", origin,
                          sent ? "before the whole answer came" : "before the request was sent",
                          curl_easy_strerror(code)),
              "check the network and the service's status page; run the command again");
}

Error TlsFailure(CURLcode code, std::string_view origin) {
  return Make(ErrorCode::kUnavailable,
              fmt::format("no trusted TLS connection to {}: {}", origin, curl_easy_strerror(code)),
              "check the host name, the system's CA certificates and any proxy that inspects TLS");
}

}  // namespace

// Not a switch over all of CURLcode: new releases add values, and every other one means that no
// usable answer came.
Error MapCurl(CURLcode code, bool sent, std::string_view origin) {
  const auto any_of = [code](auto... codes) { return ((code == codes) || ...); };
  if (any_of(CURLE_ABORTED_BY_CALLBACK)) {
    return Make(ErrorCode::kCancelled, fmt::format("request to {} cancelled", origin), {});
  }
  if (any_of(CURLE_OPERATION_TIMEDOUT)) {
    return Make(sent ? ErrorCode::kOutcomeUnknown : ErrorCode::kDeadlineExceeded,
                fmt::format("{} gave no answer in time", origin),
                "check the network and the service's status page; run the command again");
  }
  if (any_of(CURLE_URL_MALFORMAT, CURLE_UNSUPPORTED_PROTOCOL)) {
    return Make(ErrorCode::kInvalidArgument, fmt::format("{} is not an http or https URL", origin),
                "give a whole URL: https://HOST or http://HOST:PORT");
  }
  if (any_of(CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY, CURLE_COULDNT_CONNECT)) {
    return Make(ErrorCode::kUnavailable,
                fmt::format("cannot reach {}: {}", origin, curl_easy_strerror(code)),
                "check the address, the network and the proxy settings (https_proxy, no_proxy)");
  }
  if (any_of(CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CERTPROBLEM,
             CURLE_SSL_CIPHER, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_ISSUER_ERROR,
             CURLE_SSL_INVALIDCERTSTATUS, CURLE_SSL_ENGINE_INITFAILED)) {
    return TlsFailure(code, origin);
  }
  if (any_of(CURLE_OUT_OF_MEMORY, CURLE_BAD_FUNCTION_ARGUMENT, CURLE_FAILED_INIT)) {
    return Make(ErrorCode::kInternal,
                fmt::format("request to {}: {}", origin, curl_easy_strerror(code)), {});
  }
  return LostReply(code, sent, origin);
}

}  // namespace rehome
