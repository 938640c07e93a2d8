#pragma once
// embedding_answer.h — what every embedding service's answer must satisfy before it is believed,
// and how texts are packed into its requests.
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"

namespace rehome {

struct EmbeddingLimits {
  std::size_t texts_max = 0;             // a request
  std::uint64_t text_tokens_max = 0;     // a text; 0: the service cuts or refuses by itself
  std::uint64_t request_tokens_max = 0;  // 0: none
};

/// What the plan says of the model besides its name; goes before what the adapter knows.
struct EmbeddingTerms {
  std::optional<double> dollars_per_million_tokens;
  std::uint64_t text_tokens_max = 0;
};

/// How many texts from the front fit into one request, at least 1 of a span that is not empty.
[[nodiscard]] std::size_t FittingTexts(std::span<const std::string> texts,
                                       const EmbeddingLimits& limits);

/// kInvalidArgument names the text (its position, counted from `first`) that is empty or too long.
[[nodiscard]] Status CheckTexts(std::span<const std::string> texts, std::size_t first,
                                const EmbeddingLimits& limits);

/// kDataLoss (of another dimension kFailedPrecondition) unless the vector is `dimension` finite
/// numbers, not all zero.
[[nodiscard]] Status CheckEmbedding(std::span<const float> vector, int dimension,
                                    std::string_view what);

/// Tokens that a byte-pair or word-piece model makes of a text at most, for ordinary text: one for
/// three letters or digits of a run, for each other ASCII character but single blanks, and for each
/// code point beyond ASCII one to three by its length. Random letters may exceed it.
[[nodiscard]] std::uint64_t EstimateTokens(std::string_view text);

}  // namespace rehome
