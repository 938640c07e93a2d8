#pragma once
// pinecone_embedder.h — the embedder port over Pinecone's Inference API (POST /embed, dense
// models).
#include <memory>
#include <string>

#include "adapters/http/http_embedder.h"
#include "base/secret.h"

namespace rehome {

struct PineconeInferenceOptions {
  std::string url = "https://api.pinecone.io";
  std::string model = "multilingual-e5-large";
  int dimensions = 0;  // 0: the model's own, where it is a known one
  Secret api_key;
  EmbeddingTerms terms{};
};

/// In requests of at most 96 texts. The service is told to refuse a text over the model's length,
/// never to cut it silently. Normalised are the known models.
class PineconeEmbedder final : public HttpEmbedder {
 public:
  /// kInvalidArgument for a sparse model, a dimension that the model does not give, or an unknown
  /// model without dimensions.
  [[nodiscard]] static Result<std::unique_ptr<PineconeEmbedder>> Create(
      PineconeInferenceOptions options, std::shared_ptr<HttpClient> http);

 private:
  PineconeEmbedder(EmbeddingModel model, const EmbeddingTerms& terms, bool send_dimension,
                   ApiClient api)
      : HttpEmbedder(std::move(model), terms, std::move(api)), send_dimension_(send_dimension) {}
  [[nodiscard]] Result<HttpResponse> Ask(std::span<const std::string> texts, TextRole role,
                                         std::string_view what, const Call& call) override;
  [[nodiscard]] Status Read(std::string_view body, std::string_view what,
                            Answer& answer) const override;

  const bool send_dimension_;
};

}  // namespace rehome
