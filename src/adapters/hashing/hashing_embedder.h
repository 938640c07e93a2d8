#pragma once
// hashing_embedder.h — a lexical embedder: feature hashing of words and character n-grams. It knows
// spelling, not meaning: texts that share words or stems are near, synonyms are not. Costs nothing,
// needs nothing, and gives the same bits on every machine.
#include <memory>

#include "ports/embedder.h"

namespace rehome {

/// Algorithm ("lexical-v1"; any change of it gets another name, since it changes the contract):
///   words     runs of letters, digits, '+' and '#'; lower-cased for ASCII, Latin-1, Greek and
///             Cyrillic capitals, other scripts as they stand; every code point from U+00C0 on is a
///             letter but general punctuation (bidi marks included) and CJK punctuation
///   features  each word, and its 3-, 4- and 5-grams of code points with '<' before it and '>'
///             after it
///   value     a feature's hash (FNV-1a 64, SplitMix64 finish) chooses dimension and sign; it adds
///             its weight (word 4, n-gram 1) times the integer root of 256 * its count in the text
///   length    divided by the Euclidean length, in double, rounded to float32
/// All sums are of integers, so no order of summation matters; the root and the division are
/// exactly rounded by IEEE 754. A text without features (or whose features cancel) gets one
/// reserved feature: never a zero vector, which Pinecone refuses.
class HashingEmbedder final : public Embedder {
 public:
  /// kInvalidArgument unless 1 <= dimension <= 20,000 (Pinecone's bound).
  [[nodiscard]] static Result<std::unique_ptr<HashingEmbedder>> Create(int dimension);

  [[nodiscard]] std::string Provider() const override { return "hashing"; }
  [[nodiscard]] std::string Model() const override { return "lexical-v1"; }
  [[nodiscard]] int Dimension() const override { return dimension_; }
  [[nodiscard]] bool Normalised() const override { return true; }
  /// The role makes no difference. Only a stop fails.
  [[nodiscard]] Result<Embeddings> Embed(std::span<const std::string> texts, TextRole role,
                                         const Call& call) override;
  /// The number of words.
  [[nodiscard]] std::uint64_t CountTokens(std::string_view text) const override;
  [[nodiscard]] double DollarsPerMillionTokens() const override { return 0; }

 private:
  explicit HashingEmbedder(int dimension) : dimension_(dimension) {}
  const int dimension_;
};

}  // namespace rehome
