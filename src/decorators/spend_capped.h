#pragma once
// spend_capped.h — an embedder that is not asked for what would cost more than the meter allows.
// Beneath the cache, whose answers are free, and above the retries, so that a refusal is final.
#include <memory>

#include "ports/embedder_decorator.h"
#include "ports/spend_meter.h"

namespace rehome {

/// Safe to call from several threads at once.
class SpendCappedEmbedder final : public EmbedderDecorator {
 public:
  SpendCappedEmbedder(std::shared_ptr<Embedder> inner, std::shared_ptr<SpendMeter> meter)
      : EmbedderDecorator(std::move(inner)), meter_(std::move(meter)) {}

  /// kResourceExhausted: the limit would be exceeded; nothing was asked for.
  [[nodiscard]] Result<Embeddings> Embed(std::span<const std::string> texts, TextRole role,
                                         const Call& call) override;

 private:
  const std::shared_ptr<SpendMeter> meter_;
};

}  // namespace rehome
