#pragma once
// spend_capped.h — an embedder that is not asked for what would cost more than the meter allows.
// Beneath the cache, whose answers are free, and above the retries, so that a refusal is final.
#include <memory>

#include "ports/embedder.h"
#include "ports/spend_meter.h"

namespace rehome {

/// Safe to call from several threads at once.
class SpendCappedEmbedder final : public Embedder {
 public:
  SpendCappedEmbedder(std::shared_ptr<Embedder> inner, std::shared_ptr<SpendMeter> meter)
      : inner_(std::move(inner)), meter_(std::move(meter)) {}

  [[nodiscard]] std::string Provider() const override { return inner_->Provider(); }
  [[nodiscard]] std::string Model() const override { return inner_->Model(); }
  [[nodiscard]] int Dimension() const override { return inner_->Dimension(); }
  [[nodiscard]] bool Normalised() const override { return inner_->Normalised(); }
  /// kResourceExhausted: the limit would be exceeded; nothing was asked for.
  [[nodiscard]] Result<Embeddings> Embed(std::span<const std::string> texts, TextRole role,
                                         const Call& call) override;
  [[nodiscard]] std::uint64_t CountTokens(std::string_view text) const override {
    return inner_->CountTokens(text);
  }
  [[nodiscard]] double DollarsPerMillionTokens() const override {
    return inner_->DollarsPerMillionTokens();
  }
  [[nodiscard]] std::uint64_t InputTokensMax() const override { return inner_->InputTokensMax(); }
  [[nodiscard]] std::size_t OneRequest(std::span<const std::string> texts) const override {
    return inner_->OneRequest(texts);
  }

 private:
  const std::shared_ptr<Embedder> inner_;
  const std::shared_ptr<SpendMeter> meter_;
};

}  // namespace rehome
