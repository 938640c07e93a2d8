#pragma once
// embedder.h — text to vectors. Implementations: adapters/{hashing,openai,pinecone_inference}.
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "ports/call.h"

namespace rehome {

/// What a text is embedded for; some models distinguish.
enum class TextRole : std::uint8_t { kPassage, kQuery };

struct Embeddings {
  std::vector<std::vector<float>> vectors;  // one per text, in order
  std::uint64_t tokens = 0;                 // as the provider billed; 0 where it bills none
};

class Embedder {
 public:
  virtual ~Embedder() = default;
  [[nodiscard]] virtual std::string Provider() const = 0;
  [[nodiscard]] virtual std::string Model() const = 0;
  [[nodiscard]] virtual int Dimension() const = 0;
  /// Whether its vectors have length 1.
  [[nodiscard]] virtual bool Normalised() const = 0;
  /// Any number of texts; split as the provider wants. Errors as in error.h; kInvalidArgument names
  /// the bad text.
  [[nodiscard]] virtual Result<Embeddings> Embed(std::span<const std::string> texts, TextRole role,
                                                 const Call& call) = 0;
  /// Tokens that the provider will count for `text` (an upper estimate) and US dollars per million
  /// of them.
  [[nodiscard]] virtual std::uint64_t CountTokens(std::string_view text) const = 0;
  [[nodiscard]] virtual double DollarsPerMillionTokens() const = 0;
  [[nodiscard]] double DollarsPerToken() const { return DollarsPerMillionTokens() / 1e6; }
  /// Tokens that one text may have, counted as CountTokens does; 0: not known.
  [[nodiscard]] virtual std::uint64_t InputTokensMax() const { return 0; }
  /// How many of `texts`, from the front, one request to the provider takes, at least 1: what is
  /// asked for, and paid, as a whole.
  [[nodiscard]] virtual std::size_t OneRequest(std::span<const std::string> texts) const {
    return texts.size();
  }
  /// Whether Embed would answer `text` without asking, and paying, anybody.
  [[nodiscard]] virtual bool IsFree(std::string_view /*text*/, TextRole /*role*/) {
    return DollarsPerMillionTokens() == 0;
  }
};

}  // namespace rehome
