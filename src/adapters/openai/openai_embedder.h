#pragma once
// openai_embedder.h — the embedder port over POST {base}/embeddings.
#include <atomic>
#include <memory>

#include "adapters/http/http_embedder.h"
#include "adapters/openai/openai_options.h"

namespace rehome {

/// In requests of at most 2,048 texts and 300,000 tokens, a text of at most 8,192. Normalised are
/// OpenAI's own models; of others it is not known. Servers that refuse `encoding_format` or
/// `dimensions` are asked without.
class OpenAiEmbedder final : public HttpEmbedder {
 public:
  /// kInvalidArgument without a model, or without dimensions where the model is not a known one.
  [[nodiscard]] static Result<std::unique_ptr<OpenAiEmbedder>> Create(
      OpenAiOptions options, std::shared_ptr<HttpClient> http);

 private:
  OpenAiEmbedder(EmbeddingModel model, const EmbeddingTerms& terms, bool send_dimensions,
                 ApiClient api)
      : HttpEmbedder(std::move(model), terms, std::move(api)), send_dimensions_(send_dimensions) {}
  [[nodiscard]] Result<HttpResponse> Ask(std::span<const std::string> texts, TextRole role,
                                         std::string_view what, const Call& call) override;
  [[nodiscard]] Status Read(std::string_view body, std::string_view what,
                            Answer& answer) const override;

  std::atomic<bool> send_encoding_{true};
  std::atomic<bool> send_dimensions_;
};

}  // namespace rehome
