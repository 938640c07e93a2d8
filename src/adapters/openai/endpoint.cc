#include "adapters/openai/endpoint.h"

#include <algorithm>

namespace rehome {
namespace {

/// Without the slashes that end its path.
std::string Trimmed(std::string url) {
  auto end = std::min(url.find('?'), url.size());
  while (end > 0 && url[end - 1] == '/') {
    url.erase(--end, 1);
  }
  return url;
}

}  // namespace

ApiClient OpenAiClient(const OpenAiOptions& options, std::shared_ptr<HttpClient> http) {
  ApiEndpoint endpoint{
      .service = {.name = "the OpenAI-compatible endpoint",
                  .hint_key = "check the API key: OPENAI_API_KEY, or the plan's embedder",
                  .hint_quota = "check the plan and billing of the account; "
                                "limits.embed_tokens_per_min slows the run",
                  .hint_down = "see the provider's status page; run the command again, it goes on "
                               "where it stopped"},
      .base_url = Trimmed(options.base_url),
      .secret = options.api_key};
  const auto add = [&](const char* name, std::string value) {
    if (!value.empty()) {
      endpoint.headers.emplace_back(name, std::move(value));
    }
  };
  const std::string& key = options.api_key.Reveal();
  const bool azure = UrlOrigin(endpoint.base_url).find(".azure.com") != std::string::npos;
  add(azure ? "api-key" : "Authorization", key.empty() || azure ? key : "Bearer " + key);
  add("OpenAI-Organization", options.organization);
  add("OpenAI-Project", options.project);
  return {std::move(http), std::move(endpoint)};
}

}  // namespace rehome
