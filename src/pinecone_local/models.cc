#include "pinecone_local/models.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

namespace rehome::pinecone_local {
namespace {

constexpr std::array kE5Dimensions{1024};
constexpr std::array kLlamaDimensions{384, 512, 768, 1024, 2048};
constexpr std::array<EmbeddingModel, 2> kModels{{
    {"llama-text-embed-v2", 1024, kLlamaDimensions, 2048},
    {"multilingual-e5-large", 1024, kE5Dimensions, 507},
}};

}  // namespace

std::span<const EmbeddingModel> EmbeddingModels() {
  return kModels;
}

Result<EmbeddingModel> FindModel(std::string_view name) {
  const auto* found = std::ranges::find(kModels, name, &EmbeddingModel::name);
  if (found == kModels.end()) {
    return Fail(ErrorCode::kNotFound, fmt::format("Model '{}' not found.", name));
  }
  return *found;
}

Result<int> DimensionOf(const EmbeddingModel& model, std::int64_t wanted) {
  if (wanted == 0) {
    return model.default_dimension;
  }
  const auto found = std::ranges::find(model.dimensions, wanted);
  if (found == model.dimensions.end()) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("Dimension {} is not supported by model '{}'; it takes {}", wanted,
                            model.name, fmt::join(model.dimensions, ", ")));
  }
  return *found;
}

}  // namespace rehome::pinecone_local
