// pinecone_local_upsert.cc — how many vectors of 1,536 dimensions a second does pinecone-local take
// over HTTP, durable, client and server sharing the machine? Two connections, bodies of about 1.7
// MB, made before the clock starts.
#include <curl/curl.h>
#include <fmt/format.h>

#include <atomic>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "base/c_handle.h"
#include "base/clock.h"
#include "base/random.h"
#include "pinecone_local/server.h"

namespace {

constexpr int kVectors = 5040;
constexpr int kVectorsPerRequest = 90;
constexpr int kDimension = 1536;
constexpr int kConnections = 2;

std::string MakeBody(rehome::Random& random, int first) {
  std::string body = R"({"namespace":"bench","vectors":[)";
  for (int i = 0; i < kVectorsPerRequest; ++i) {
    fmt::format_to(std::back_inserter(body), R"({}{{"id":"v{}","metadata":{{"n":{}}},"values":[)",
                   i == 0 ? "" : ",", first + i, i);
    for (int d = 0; d < kDimension; ++d) {
      fmt::format_to(std::back_inserter(body), "{}{:.9f}", d == 0 ? "" : ",", random.Unit() - 0.5);
    }
    body += "]}";
  }
  return body + "]}";
}

std::size_t Discard(char* /*bytes*/, std::size_t size, std::size_t count, void* /*unused*/) {
  return size * count;
}

/// Sends bodies[first], bodies[first + kConnections], … on one connection; false if one was
/// refused.
bool SendAll(const std::string& url, const std::vector<std::string>& bodies, std::size_t first) {
  const rehome::CHandle<CURL, curl_easy_cleanup> curl(curl_easy_init());
  curl_slist* list = curl_slist_append(nullptr, "Content-Type: application/json");
  const rehome::CHandle<curl_slist, curl_slist_free_all> headers(
      curl_slist_append(list, "Expect:"));
  curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, Discard);
  curl_easy_setopt(curl.get(), CURLOPT_UPLOAD_BUFFERSIZE, 1L << 20);
  for (std::size_t at = first; at < bodies.size(); at += kConnections) {
    curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDS, bodies[at].c_str());
    curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(bodies[at].size()));
    long status = 0;  // NOLINT(google-runtime-int): libcurl's type
    if (curl_easy_perform(curl.get()) != CURLE_OK ||
        curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status) != CURLE_OK ||
        status != 200) {
      return false;
    }
  }
  return true;
}

}  // namespace

int main() {
  curl_global_init(CURL_GLOBAL_DEFAULT);
  rehome::Random random(1);
  rehome::SystemClock clock;
  std::vector<std::string> bodies;
  for (int first = 0; first < kVectors; first += kVectorsPerRequest) {
    bodies.push_back(MakeBody(random, first));
  }
  const auto dir =
      std::filesystem::temp_directory_path() / ("rehome-bench-" + rehome::RandomHex(8));
  const auto server = rehome::PineconeLocal::Start({.dir = dir, .dimension = kDimension});
  if (!server) {
    fmt::print(stderr, "{}\n", server.error().message);
    return 1;
  }
  const std::string url = (*server)->url() + "/vectors/upsert";
  std::atomic<bool> ok = true;
  const auto start = clock.Steady();
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < kConnections; ++i) {
      threads.emplace_back([&, i] { ok = SendAll(url, bodies, i) && ok; });
    }
  }
  const double seconds = std::chrono::duration<double>(clock.Steady() - start).count();
  std::filesystem::remove_all(dir);
  fmt::print(
      "{} vectors of {} dimensions in {:.2f} s: {:.0f} vectors/s, {} connections, synced{}\n",
      kVectors, kDimension, seconds, kVectors / seconds, kConnections,
      ok ? "" : " (a request FAILED)");
  return ok ? 0 : 1;
}
