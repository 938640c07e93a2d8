#include "adapters/pinecone_inference/pinecone_embedder.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "adapters/http/embedding_answer.h"

namespace rehome {
namespace {

using nlohmann::json;

constexpr EmbeddingLimits kLimits{.texts_max =
                                      96};  // longer texts are cut by the service (truncate)

struct KnownModel {
  std::string_view name;
  std::array<int, 5> dimensions;  // the default first; 0: no further one
  double dollars_per_million;
};
constexpr std::array kModels{
    KnownModel{"multilingual-e5-large", {1024}, 0.08},
    KnownModel{"llama-text-embed-v2", {1024, 2048, 768, 512, 384}, 0.16},
};

const KnownModel* Find(std::string_view name) {
  const auto* found = std::ranges::find(kModels, name, &KnownModel::name);
  return found == kModels.end() ? nullptr : found;
}

std::string Body(std::span<const std::string> texts, TextRole role,
                 const PineconeInferenceOptions& options) {
  json inputs = json::array();
  for (const std::string& text : texts) {
    inputs.push_back({{"text", text}});
  }
  json parameters{{"input_type", role == TextRole::kQuery ? "query" : "passage"},
                  {"truncate", "END"}};
  const KnownModel* known = Find(options.model);
  if (known == nullptr || known->dimensions[0] != options.dimensions) {
    parameters["dimension"] = options.dimensions;
  }
  const json body{{"model", options.model},
                  {"inputs", std::move(inputs)},
                  {"parameters", std::move(parameters)}};
  return body.dump(-1, ' ', false, json::error_handler_t::replace);
}

Status ReadAnswer(std::string_view body, std::size_t count, int dimension, std::string_view what,
                  Embeddings& out) {
  try {
    const json answer = json::parse(body);
    const json& data = answer.at("data");
    if (data.size() != count) {
      return BadAnswer(what, fmt::format("it holds {} embeddings", data.size()));
    }
    for (const json& entry : data) {
      out.vectors.push_back(entry.at("values").get<std::vector<float>>());
      REHOME_TRY(CheckEmbedding(out.vectors.back(), dimension, what));
    }
    out.tokens += answer.at("usage").at("total_tokens").get<std::uint64_t>();
    return {};
  } catch (const json::exception& e) {
    return BadAnswer(what, e.what());
  }
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
  return std::unique_ptr<PineconeEmbedder>(
      new PineconeEmbedder(std::move(options), std::move(api)));
}

bool PineconeEmbedder::Normalised() const {
  return Find(options_.model) != nullptr;
}

std::uint64_t PineconeEmbedder::CountTokens(std::string_view text) const {
  return EstimateTokens(text);
}

double PineconeEmbedder::DollarsPerMillionTokens() const {
  const KnownModel* known = Find(options_.model);
  return known == nullptr ? 0 : known->dollars_per_million;
}

Result<Embeddings> PineconeEmbedder::Embed(std::span<const std::string> texts, TextRole role,
                                           const Call& call) {
  Embeddings out;
  out.vectors.reserve(texts.size());
  while (out.vectors.size() < texts.size()) {
    const auto rest = texts.subspan(out.vectors.size());
    REHOME_TRY_ASSIGN(const std::size_t count,
                      FittingTexts(rest, out.vectors.size(), kLimits, EstimateTokens));
    const std::string what = fmt::format("embedding of {} texts by {}", count, options_.model);
    REHOME_TRY_ASSIGN(const HttpResponse response,
                      api_.Post("/embed", Body(rest.first(count), role, options_), what, call));
    REHOME_TRY(ReadAnswer(response.body, count, options_.dimensions, what, out));
  }
  return out;
}

}  // namespace rehome
