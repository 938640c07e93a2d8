#pragma once
// text_embedder.h — how the server turns text into vectors: injected, since it knows no embedder.
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"

namespace rehome {

struct EmbeddedTexts {
  std::vector<std::vector<float>> vectors;  // one per text, in order
  std::uint64_t tokens = 0;
};

/// Vectors of `dimension` values for `texts`. Called from several threads at once. kInvalidArgument
/// for a dimension that it cannot make.
using TextEmbedder =
    std::function<Result<EmbeddedTexts>(std::span<const std::string> texts, int dimension)>;

}  // namespace rehome
