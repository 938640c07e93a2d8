#pragma once
// http_embedder.h — what every embedding service behind HTTP has in common: texts packed into
// requests by count and tokens, and answers checked before they are believed. An adapter says how
// one request is asked and read.
#include <span>
#include <string>
#include <vector>

#include "adapters/http/api_client.h"
#include "adapters/http/embedding_answer.h"
#include "ports/embedder.h"

namespace rehome {

/// What an adapter knows of its model.
struct EmbeddingModel {
  std::string provider;
  std::string name;
  int dimension = 0;
  bool normalised = false;
  double dollars_per_million_tokens = 0;  // 0: not known
  EmbeddingLimits limits{};
};

/// Safe to call from several threads at once.
class HttpEmbedder : public Embedder {
 public:
  [[nodiscard]] std::string Provider() const final { return model_.provider; }
  [[nodiscard]] std::string Model() const final { return model_.name; }
  [[nodiscard]] int Dimension() const final { return model_.dimension; }
  [[nodiscard]] bool Normalised() const final { return model_.normalised; }
  /// A text that is empty or longer than the model takes (as estimated) is kInvalidArgument before
  /// anything of its request is sent.
  [[nodiscard]] Result<Embeddings> Embed(std::span<const std::string> texts, TextRole role,
                                         const Call& call) final;
  [[nodiscard]] std::uint64_t CountTokens(std::string_view text) const final {
    return EstimateTokens(text);
  }
  [[nodiscard]] double DollarsPerMillionTokens() const final {
    return model_.dollars_per_million_tokens;
  }
  [[nodiscard]] std::uint64_t InputTokensMax() const final { return model_.limits.text_tokens_max; }
  [[nodiscard]] std::size_t OneRequest(std::span<const std::string> texts) const final;
  /// Not even a service whose price is not known: its answers are still waited for.
  [[nodiscard]] bool IsFree(std::string_view /*text*/, TextRole /*role*/) final { return false; }

 protected:
  /// Vectors of one request, each in its text's place, and what was billed.
  struct Answer {
    std::vector<std::vector<float>> vectors;  // as many as texts, empty before Read()
    std::uint64_t tokens = 0;
  };
  HttpEmbedder(EmbeddingModel model, const EmbeddingTerms& terms, ApiClient api);

  /// One request; `what` is for its errors.
  [[nodiscard]] virtual Result<HttpResponse> Ask(std::span<const std::string> texts, TextRole role,
                                                 std::string_view what, const Call& call) = 0;
  /// Takes the vectors out of the body of an ok() answer. May let nlohmann's exceptions pass.
  [[nodiscard]] virtual Status Read(std::string_view body, std::string_view what,
                                    Answer& answer) const = 0;

  [[nodiscard]] const EmbeddingModel& model() const { return model_; }
  [[nodiscard]] const ApiClient& api() const { return api_; }

 private:
  [[nodiscard]] Status EmbedRequest(std::span<const std::string> texts, TextRole role,
                                    Embeddings& out, const Call& call);
  [[nodiscard]] Status ReadAnswer(std::string_view body, std::string_view what,
                                  Answer& answer) const;

  const EmbeddingModel model_;
  const ApiClient api_;
};

}  // namespace rehome
