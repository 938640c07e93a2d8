#include "adapters/pinecone_inference/pinecone_embedder.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "adapters/http/json_number.h"

namespace rehome {
namespace {

using nlohmann::json;

constexpr std::size_t kTextsMax = 96;

struct KnownModel {
  std::string_view name;
  std::array<int, 5> dimensions;  // the default first; 0: no further one
  std::uint64_t tokens_max;       // of a text
  double dollars_per_million;
};
constexpr std::array kModels{
    KnownModel{"multilingual-e5-large", {1024}, 507, 0.08},
    KnownModel{"llama-text-embed-v2", {1024, 2048, 768, 512, 384}, 2048, 0.16},
};

const KnownModel* Find(std::string_view name) {
  const auto* found = std::ranges::find(kModels, name, &KnownModel::name);
  return found == kModels.end() ? nullptr : found;
}

}  // namespace

Result<std::unique_ptr<PineconeEmbedder>> PineconeEmbedder::Create(
    PineconeInferenceOptions options, std::shared_ptr<HttpClient> http) {
  const KnownModel* known = Find(options.model);
  if (options.model.empty() || options.model.find("-sparse-") != std::string::npos) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("`{}` is not a dense embedding model of Pinecone", options.model),
                "set index.embedder.model, for instance to multilingual-e5-large");
  }
  if (options.dimensions == 0 && known != nullptr) {
    options.dimensions = known->dimensions[0];
  }
  const bool possible =
      options.dimensions > 0 &&
      (known == nullptr ||
       std::ranges::find(known->dimensions, options.dimensions) != known->dimensions.end());
  if (!possible) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("{} does not give {} dimensions", options.model, options.dimensions),
                "correct index.embedder.dimensions: docs.pinecone.io lists what each model gives");
  }
  while (options.url.ends_with('/')) {
    options.url.pop_back();
  }
  ApiClient api(
      std::move(http),
      {.service =
           {.name = "Pinecone Inference",
            .hint_key = "check the API key: see console.pinecone.io and PINECONE_API_KEY",
            .hint_quota = "verify the quota at console.pinecone.io; limits.embed_tokens_per_min "
                          "slows the run",
            .hint_down =
                "see status.pinecone.io; run the command again, it goes on where it stopped"},
       .base_url = options.url,
       .headers = {{"Api-Key", options.api_key.Reveal()}, {"X-Pinecone-Api-Version", "2026-07"}},
       .secret = options.api_key});
  EmbeddingModel model{
      .provider = "pinecone",
      .name = options.model,
      .dimension = options.dimensions,
      .normalised = known != nullptr,
      .dollars_per_million_tokens = known == nullptr ? 0 : known->dollars_per_million,
      .limits = {.texts_max = kTextsMax,
                 .text_tokens_max = known == nullptr ? 0 : known->tokens_max}};
  const bool send_dimension = known == nullptr || known->dimensions[0] != options.dimensions;
  return std::unique_ptr<PineconeEmbedder>(
      new PineconeEmbedder(std::move(model), options.terms, send_dimension, std::move(api)));
}

Result<HttpResponse> PineconeEmbedder::Ask(std::span<const std::string> texts, TextRole role,
                                           std::string_view what, const Call& call) {
  json inputs = json::array();
  for (const std::string& text : texts) {
    inputs.push_back({{"text", text}});
  }
  json parameters{{"input_type", role == TextRole::kQuery ? "query" : "passage"},
                  {"truncate", "NONE"}};
  if (send_dimension_) {
    parameters["dimension"] = model().dimension;
  }
  const json body{{"model", model().name},
                  {"inputs", std::move(inputs)},
                  {"parameters", std::move(parameters)}};
  return api().Post("/embed", body.dump(-1, ' ', false, json::error_handler_t::replace), what,
                    call);
}

Status PineconeEmbedder::Read(std::string_view body, std::string_view what, Answer& answer) const {
  const json parsed = json::parse(body);
  const json& data = parsed.at("data");
  if (data.size() != answer.vectors.size()) {
    return BadAnswer(what, fmt::format("it holds {} embeddings", data.size()));
  }
  for (std::size_t i = 0; i < data.size(); ++i) {
    answer.vectors[i] = data[i].at("values").get<std::vector<float>>();
  }
  answer.tokens = WholeNumber<std::uint64_t>(parsed.at("usage").at("total_tokens"));
  return {};
}

}  // namespace rehome
