#pragma once
// openai_embedder.h — the embedder port over POST {base}/embeddings.
#include <atomic>
#include <memory>
#include <string>

#include "adapters/http/api_client.h"
#include "adapters/openai/openai_options.h"
#include "ports/embedder.h"

namespace rehome {

/// Safe to call from several threads at once.
class OpenAiEmbedder final : public Embedder {
 public:
  /// kInvalidArgument without a model, or without dimensions where the model is not a known one.
  [[nodiscard]] static Result<std::unique_ptr<OpenAiEmbedder>> Create(
      OpenAiOptions options, std::shared_ptr<HttpClient> http);

  [[nodiscard]] std::string Provider() const override { return "openai"; }
  [[nodiscard]] std::string Model() const override { return options_.model; }
  [[nodiscard]] int Dimension() const override { return options_.dimensions; }
  /// True for OpenAI's own models; of others it is not known.
  [[nodiscard]] bool Normalised() const override;
  /// In requests of at most 2,048 texts and 300,000 tokens; a text over 8,192 tokens (as estimated)
  /// or without content is kInvalidArgument before anything is sent of its request. Servers that
  /// refuse `encoding_format` or `dimensions` are asked without.
  [[nodiscard]] Result<Embeddings> Embed(std::span<const std::string> texts, TextRole role,
                                         const Call& call) override;
  [[nodiscard]] std::uint64_t CountTokens(std::string_view text) const override;
  /// 0 for models whose price is not known here.
  [[nodiscard]] double DollarsPerMillionTokens() const override;

 private:
  OpenAiEmbedder(OpenAiOptions options, ApiClient api)
      : options_(std::move(options)), api_(std::move(api)) {}
  [[nodiscard]] Status EmbedOne(std::span<const std::string> texts, Embeddings& out,
                                const Call& call);
  [[nodiscard]] Result<HttpResponse> Ask(std::span<const std::string> texts, std::string_view what,
                                         const Call& call);

  const OpenAiOptions options_;
  const ApiClient api_;
  std::atomic<bool> send_encoding_{true};
  std::atomic<bool> send_dimensions_{true};
};

}  // namespace rehome
