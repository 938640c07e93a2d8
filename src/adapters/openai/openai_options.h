#pragma once
// openai_options.h — one model behind an OpenAI-compatible endpoint.
#include <string>

#include "adapters/http/embedding_answer.h"
#include "base/secret.h"

namespace rehome {

struct OpenAiOptions {
  /// As OpenAI's clients take it: https://api.openai.com/v1, http://127.0.0.1:8080/v1, or Azure's
  /// https://NAME.openai.azure.com/openai/deployments/DEPLOYMENT?api-version=…
  std::string base_url = "https://api.openai.com/v1";
  std::string model;
  int dimensions = 0;  // embeddings; 0: the model's own, where it is a known one
  Secret api_key;      // empty: none is sent
  std::string organization;
  std::string project;
  EmbeddingTerms terms{};  // embeddings
};

}  // namespace rehome
