#include "adapters/http/http_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <mutex>
#include <new>

#include "adapters/http/map_curl.h"
#include "base/c_handle.h"

namespace rehome {
namespace {

using CurlEasy = CHandle<CURL, curl_easy_cleanup>;
using CurlList = CHandle<curl_slist, curl_slist_free_all>;
using CurlUrl = CHandle<CURLU, curl_url_cleanup>;
using CurlText = CHandle<char, curl_free>;

constexpr long kReceiveBufferBytes = 256L * 1024;
constexpr long kUploadBufferBytes = 512L * 1024;

/// What the callbacks of one transfer share.
struct Transfer {
  HttpResponse response;
  std::stop_token stop;
  std::size_t bytes_max = 0;
  bool too_large = false;
  bool out_of_memory = false;
};

char Lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const auto first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

void TakeHeaderLine(HttpResponse& response, std::string_view line) {
  if (line.starts_with("HTTP/")) {
    response.headers.clear();  // an interim answer (100) or a proxy's came before
    return;
  }
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) {
    return;
  }
  std::string name(Trimmed(line.substr(0, colon)));
  std::ranges::transform(name, name.begin(), Lower);
  response.headers[std::move(name)] = Trimmed(line.substr(colon + 1));
}

std::size_t OnHeader(char* bytes, std::size_t size, std::size_t count, void* user) noexcept {
  auto& transfer = *static_cast<Transfer*>(user);
  try {
    TakeHeaderLine(transfer.response, {bytes, size * count});
  } catch (const std::bad_alloc&) {
    transfer.out_of_memory = true;
    return 0;
  }
  return size * count;
}

std::size_t OnBody(char* bytes, std::size_t size, std::size_t count, void* user) noexcept {
  auto& transfer = *static_cast<Transfer*>(user);
  const std::size_t arrived = size * count;
  if (arrived > transfer.bytes_max - transfer.response.body.size()) {
    transfer.too_large = true;
    return 0;
  }
  try {
    transfer.response.body.append(bytes, arrived);
  } catch (const std::bad_alloc&) {
    transfer.out_of_memory = true;
    return 0;
  }
  return arrived;
}

int OnProgress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) noexcept {
  return static_cast<Transfer*>(user)->stop.stop_requested() ? 1 : 0;
}

template <class Value>
void Set(CURL* handle, CURLoption option, Value value) {
  // Fails only for options that this build of the library lacks; those it can do without.
  static_cast<void>(curl_easy_setopt(handle, option, value));
}

std::string Part(CURLU* url, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, 0) != CURLUE_OK) {
    return {};
  }
  const CurlText owned(text);
  return text;
}

CurlUrl ParseUrl(std::string_view text) {
  CurlUrl url(curl_url());
  const std::string terminated(text);
  if (url && curl_url_set(url.get(), CURLUPART_URL, terminated.c_str(), 0) != CURLUE_OK) {
    url.reset();
  }
  return url;
}

bool IsLoopback(std::string_view host) {
  return host == "localhost" || host == "[::1]" || host.starts_with("127.");
}

/// Constant for the handle's life, but curl_easy_reset() clears it: set before each request.
void SetCommon(CURL* handle, const HttpOptions& options) {
  Set(handle, CURLOPT_NOSIGNAL, 1L);
  Set(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  Set(handle, CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_2TLS});
  Set(handle, CURLOPT_SSL_VERIFYPEER, 1L);
  Set(handle, CURLOPT_SSL_VERIFYHOST, 2L);
  if (!options.ca_file.empty()) {
    Set(handle, CURLOPT_CAINFO, options.ca_file.c_str());
  }
  Set(handle, CURLOPT_TCP_NODELAY, 1L);
  Set(handle, CURLOPT_TCP_KEEPALIVE, 1L);
  Set(handle, CURLOPT_BUFFERSIZE, kReceiveBufferBytes);
  Set(handle, CURLOPT_UPLOAD_BUFFERSIZE, kUploadBufferBytes);
  Set(handle, CURLOPT_ACCEPT_ENCODING, "");  // whatever the library can decode
  Set(handle, CURLOPT_USERAGENT, options.user_agent.c_str());
  Set(handle, CURLOPT_NOPROGRESS, 0L);
  Set(handle, CURLOPT_XFERINFOFUNCTION, &OnProgress);
  Set(handle, CURLOPT_HEADERFUNCTION, &OnHeader);
  Set(handle, CURLOPT_WRITEFUNCTION, &OnBody);
}

void SetBody(CURL* handle, const HttpRequest& request) {
  if (request.method == "GET") {
    Set(handle, CURLOPT_HTTPGET, 1L);
    return;
  }
  Set(handle, CURLOPT_POST, 1L);
  Set(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  Set(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
  Set(handle, CURLOPT_POSTFIELDS, request.body.data());
}

CurlList HeaderList(const HttpRequest& request) {
  CurlList list;
  const auto append = [&](const std::string& line) {
    list.reset(curl_slist_append(list.release(), line.c_str()));
  };
  append("Expect:");  // no round trip before a large body
  for (const auto& [name, value] : request.headers) {
    append(fmt::format("{}: {}", name, value));
  }
  return list;
}

/// Retry-After in seconds, or as a date relative to the answer's own clock.
Millis RetryAfter(const HttpResponse& response) {
  const std::string text(response.Header("retry-after"));
  double seconds = 0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (text.empty() || end.ec != std::errc{} || end.ptr != text.data() + text.size()) {
    const auto until = curl_getdate(text.c_str(), nullptr);
    const auto now = curl_getdate(std::string(response.Header("date")).c_str(), nullptr);
    seconds = until > 0 && now > 0 ? static_cast<double>(until - now) : 0.0;
  }
  constexpr double kSecondsMax = 24 * 3600.0;
  seconds = seconds > 0 ? std::min(seconds, kSecondsMax) : 0.0;  // NaN is 0 too
  return Millis{static_cast<std::int64_t>(seconds * 1000)};
}

bool AnythingSent(CURL* handle) {
  curl_off_t uploaded = 0;
  long requested = 0;
  static_cast<void>(curl_easy_getinfo(handle, CURLINFO_SIZE_UPLOAD_T, &uploaded));
  static_cast<void>(curl_easy_getinfo(handle, CURLINFO_REQUEST_SIZE, &requested));
  return uploaded > 0 || requested > 0;
}

}  // namespace

/// Idle handles, each with its kept-alive connections.
struct HttpClient::Pool {
  std::mutex mutex;
  std::vector<CurlEasy> idle;  // guarded by mutex

  CurlEasy Take() {
    const std::scoped_lock lock(mutex);
    if (idle.empty()) {
      return CurlEasy(curl_easy_init());
    }
    CurlEasy handle = std::move(idle.back());
    idle.pop_back();
    return handle;
  }
  void Put(CurlEasy handle) {
    curl_easy_reset(handle.get());  // forgets the request and its key, keeps the connections
    const std::scoped_lock lock(mutex);
    idle.push_back(std::move(handle));
  }
};

HttpLibrary::HttpLibrary() {
  CHECK(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
}
HttpLibrary::~HttpLibrary() {
  curl_global_cleanup();
}

std::string_view HttpResponse::Header(std::string_view lower_case_name) const {
  const auto found = headers.find(lower_case_name);
  return found == headers.end() ? std::string_view{} : std::string_view(found->second);
}

HttpClient::HttpClient(HttpOptions options)
    : options_(std::move(options)), pool_(std::make_unique<Pool>()) {}
HttpClient::~HttpClient() = default;

Result<HttpResponse> HttpClient::Send(const HttpRequest& request, const Call& call) {
  const std::string origin = UrlOrigin(request.url);
  if (call.stop.stop_requested()) {
    return Fail(ErrorCode::kCancelled, fmt::format("request to {} cancelled", origin));
  }
  const CurlUrl url = ParseUrl(request.url);
  CurlEasy handle = pool_->Take();
  if (!url || !handle) {
    return Fail(url ? ErrorCode::kInternal : ErrorCode::kInvalidArgument,
                fmt::format("cannot make a request of the address `{}`", origin),
                "give a whole URL: https://HOST or http://HOST:PORT");
  }
  Transfer transfer;
  transfer.stop = call.stop;
  transfer.bytes_max = options_.response_bytes_max;
  const CurlList headers = HeaderList(request);
  SetCommon(handle.get(), options_);
  SetBody(handle.get(), request);
  Set(handle.get(), CURLOPT_CURLU, url.get());
  if (IsLoopback(Part(url.get(), CURLUPART_HOST))) {
    Set(handle.get(), CURLOPT_PROXY, "");
  }
  Set(handle.get(), CURLOPT_HTTPHEADER, headers.get());
  Set(handle.get(), CURLOPT_TIMEOUT_MS,
      static_cast<long>(std::max(call.timeout, Millis{1}).count()));
  Set(handle.get(), CURLOPT_CONNECTTIMEOUT_MS,
      static_cast<long>(
          std::max(std::min(call.timeout, options_.connect_timeout), Millis{1}).count()));
  Set(handle.get(), CURLOPT_HEADERDATA, &transfer);
  Set(handle.get(), CURLOPT_WRITEDATA, &transfer);
  Set(handle.get(), CURLOPT_XFERINFODATA, &transfer);

  const CURLcode code = curl_easy_perform(handle.get());
  long status = 0;
  static_cast<void>(curl_easy_getinfo(handle.get(), CURLINFO_RESPONSE_CODE, &status));
  const bool sent = AnythingSent(handle.get());
  pool_->Put(std::move(handle));
  CHECK(!transfer.out_of_memory);
  if (transfer.too_large) {
    return Fail(ErrorCode::kFailedPrecondition,
                fmt::format("{} answered more than {} bytes", origin, transfer.bytes_max),
                "ask for less at once");
  }
  if (code != CURLE_OK) {
    return std::unexpected(MapCurl(code, sent, origin));
  }
  transfer.response.status = static_cast<int>(status);
  transfer.response.retry_after = RetryAfter(transfer.response);
  return std::move(transfer.response);
}

std::string UrlEncode(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const bool alphanumeric =
        (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (alphanumeric || c == '-' || c == '_' || c == '.' || c == '~') {
      out.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out.push_back('%');
    out.push_back(kHex[byte >> 4U]);
    out.push_back(kHex[byte & 15U]);
  }
  return out;
}

std::string UrlOrigin(std::string_view text) {
  const CurlUrl url = ParseUrl(text);
  if (!url) {
    return "an address that is no URL";
  }
  const std::string port = Part(url.get(), CURLUPART_PORT);
  return fmt::format("{}://{}{}{}", Part(url.get(), CURLUPART_SCHEME),
                     Part(url.get(), CURLUPART_HOST), port.empty() ? "" : ":", port);
}

}  // namespace rehome
