#pragma once
// embedder_decorator.h — an embedder over another one that changes how it is asked, not what it is:
// everything but Embed() is passed on.
#include <memory>
#include <utility>

#include "ports/embedder.h"

namespace rehome {

class EmbedderDecorator : public Embedder {
 public:
  [[nodiscard]] std::string Provider() const override { return inner_->Provider(); }
  [[nodiscard]] std::string Model() const override { return inner_->Model(); }
  [[nodiscard]] int Dimension() const override { return inner_->Dimension(); }
  [[nodiscard]] bool Normalised() const override { return inner_->Normalised(); }
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
  [[nodiscard]] bool IsFree(std::string_view text, TextRole role) override {
    return inner_->IsFree(text, role);
  }

 protected:
  explicit EmbedderDecorator(std::shared_ptr<Embedder> inner) : inner_(std::move(inner)) {}
  [[nodiscard]] Embedder& inner() const { return *inner_; }

 private:
  const std::shared_ptr<Embedder> inner_;
};

}  // namespace rehome
