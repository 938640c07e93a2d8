#pragma once
// endpoint.h — the client of an OpenAI-compatible endpoint. Private to this folder.
#include "adapters/http/api_client.h"
#include "adapters/openai/openai_options.h"

namespace rehome {

[[nodiscard]] ApiClient OpenAiClient(const OpenAiOptions& options,
                                     std::shared_ptr<HttpClient> http);

}  // namespace rehome
