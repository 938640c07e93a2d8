#include "adapters/openai/endpoint.h"

#include <algorithm>
#include <array>

namespace rehome {
namespace {

using enum ErrorCode;

// What OpenAI, Azure and servers like them say, in lower case; the more particular rows of a status
// come first. docs/embedders.md shows the same table.
constexpr std::array kRefusals{
    ApiRefusal{400, "context length", kInvalidArgument,
               "the text is longer than the model takes: set index.embedder.input_tokens_max and "
               "too_long: cut, or shorten index.text"},
    ApiRefusal{400, "content_filter", kInvalidArgument,
               "the provider's content filter refuses this text: mend the document, or turn the "
               "filter off for the deployment"},
    ApiRefusal{400, "max_tokens_per_request", kInvalidArgument,
               "the server takes fewer tokens a request: lower limits.embed_in_flight"},
    ApiRefusal{401, "", kUnauthenticated,
               "the API key is missing or wrong: set OPENAI_API_KEY, or the plan's "
               "index.embedder.api_key"},
    ApiRefusal{403, "country", kFailedPrecondition,
               "the provider does not serve this country: run from elsewhere, or take another "
               "provider"},
    ApiRefusal{403, "", kUnauthenticated,
               "the key may not use this model: allow it in the account's project, or set "
               "index.embedder.organization and project"},
    ApiRefusal{404, "deployment", kFailedPrecondition,
               "Azure knows no such deployment: the URL is https://NAME.openai.azure.com/openai/"
               "deployments/DEPLOYMENT?api-version=VERSION"},
    ApiRefusal{404, "model", kFailedPrecondition,
               "the provider has no such model, or not for this key: correct index.embedder.model"},
    ApiRefusal{404, "", kFailedPrecondition,
               "the address is not the API's base: it usually ends in /v1"},
    ApiRefusal{429, "insufficient_quota", kFailedPrecondition,
               "the account's credit is spent: see the provider's billing page, then run the "
               "command again"},
    ApiRefusal{429, "", kResourceExhausted,
               "the provider was asked too fast, and slowing down did not suffice: set "
               "limits.embed_tokens_per_min to the account's rate"},
};

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
                               "where it stopped",
                  .refusals = kRefusals},
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
