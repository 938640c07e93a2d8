#pragma once
// pinecone_embedder.h — the embedder port over Pinecone's Inference API (POST /embed, dense
// models).
#include <memory>
#include <string>

#include "adapters/http/api_client.h"
#include "base/secret.h"
#include "ports/embedder.h"

namespace rehome {

struct PineconeInferenceOptions {
  std::string url = "https://api.pinecone.io";
  std::string model = "multilingual-e5-large";
  int dimensions = 0;  // 0: the model's own, where it is a known one
  Secret api_key;
};

/// Safe to call from several threads at once.
class PineconeEmbedder final : public Embedder {
 public:
  /// kInvalidArgument for a sparse model, a dimension that the model does not give, or an unknown
  /// model without dimensions.
  [[nodiscard]] static Result<std::unique_ptr<PineconeEmbedder>> Create(
      PineconeInferenceOptions options, std::shared_ptr<HttpClient> http);

  [[nodiscard]] std::string Provider() const override { return "pinecone"; }
  [[nodiscard]] std::string Model() const override { return options_.model; }
  [[nodiscard]] int Dimension() const override { return options_.dimensions; }
  /// True for the known models.
  [[nodiscard]] bool Normalised() const override;
  /// In requests of at most 96 texts. Texts over the model's length are cut at their end by the
  /// service.
  [[nodiscard]] Result<Embeddings> Embed(std::span<const std::string> texts, TextRole role,
                                         const Call& call) override;
  [[nodiscard]] std::uint64_t CountTokens(std::string_view text) const override;
  /// 0 for models whose price is not known here.
  [[nodiscard]] double DollarsPerMillionTokens() const override;

 private:
  PineconeEmbedder(PineconeInferenceOptions options, ApiClient api)
      : options_(std::move(options)), api_(std::move(api)) {}
  const PineconeInferenceOptions options_;
  const ApiClient api_;
};

}  // namespace rehome
