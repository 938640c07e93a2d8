#pragma once
// models.h — the embedding models that the inference operations answer to: stand-ins under the
// names of the hosted ones, so that callers need no change. Their vectors come from the server's
// TextEmbedder, not from the model.
#include <span>
#include <string_view>

#include "pinecone_local/refusal.h"

namespace rehome::pinecone_local {

struct EmbeddingModel {
  std::string_view name;
  int default_dimension = 0;
  std::span<const int> dimensions;
  std::size_t tokens_max = 0;  // of one text
};

inline constexpr std::size_t kTextsMax = 96;  // of one request

[[nodiscard]] std::span<const EmbeddingModel> EmbeddingModels();
/// kNotFound with the API's text.
[[nodiscard]] Result<EmbeddingModel> FindModel(std::string_view name);
/// `wanted`, or the model's own where that is 0. kInvalidArgument: not one of its dimensions.
[[nodiscard]] Result<int> DimensionOf(const EmbeddingModel& model, std::int64_t wanted);

}  // namespace rehome::pinecone_local
