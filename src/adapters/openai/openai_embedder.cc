#include "adapters/openai/openai_embedder.h"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>

#include "adapters/http/json_number.h"
#include "adapters/openai/endpoint.h"
#include "model/base64.h"

namespace rehome {
namespace {

using nlohmann::json;

static_assert(std::endian::native == std::endian::little,
              "base64 answers are little-endian float32");

constexpr EmbeddingLimits kLimits{
    .texts_max = 2048, .text_tokens_max = 8192, .request_tokens_max = 300'000};

struct KnownModel {
  std::string_view name;
  int dimension;
  double dollars_per_million;
  bool any_dimension;  // takes `dimensions`
};
constexpr std::array kModels{
    KnownModel{"text-embedding-3-small", 1536, 0.02, true},
    KnownModel{"text-embedding-3-large", 3072, 0.13, true},
    KnownModel{"text-embedding-ada-002", 1536, 0.10, false},
};

const KnownModel* Find(std::string_view name) {
  for (const KnownModel& model : kModels) {
    if (model.name == name) {
      return &model;
    }
  }
  return nullptr;
}

Result<std::vector<float>> ReadVector(const json& embedding, std::string_view what) {
  if (!embedding.is_string()) {
    return embedding.get<std::vector<float>>();
  }
  std::string bytes;
  if (!DecodeBase64(embedding.get_ref<const std::string&>(), bytes) ||
      bytes.size() % sizeof(float) != 0) {
    return BadAnswer(what, "an embedding is not base64 of float32 values");
  }
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

}  // namespace

Result<std::unique_ptr<OpenAiEmbedder>> OpenAiEmbedder::Create(OpenAiOptions options,
                                                               std::shared_ptr<HttpClient> http) {
  const KnownModel* known = Find(options.model);
  if (options.dimensions == 0 && known != nullptr) {
    options.dimensions = known->dimension;
  }
  if (options.model.empty() || options.dimensions < 1) {
    return Fail(ErrorCode::kInvalidArgument,
                "the OpenAI-compatible embedder needs a model and its dimensions",
                "set index.embedder.model and index.embedder.dimensions");
  }
  if (known != nullptr && !known->any_dimension && options.dimensions != known->dimension) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("{} gives {} dimensions, not {}", known->name, known->dimension,
                            options.dimensions),
                "correct index.embedder.dimensions, or take text-embedding-3-small");
  }
  const bool send_dimensions = known == nullptr || known->dimension != options.dimensions;
  EmbeddingModel model{
      .provider = "openai",
      .name = options.model,
      .dimension = options.dimensions,
      .normalised = known != nullptr,
      .dollars_per_million_tokens = known == nullptr ? 0 : known->dollars_per_million,
      .limits = kLimits};
  return std::unique_ptr<OpenAiEmbedder>(new OpenAiEmbedder(
      std::move(model), options.terms, send_dimensions, OpenAiClient(options, std::move(http))));
}

Result<HttpResponse> OpenAiEmbedder::Ask(std::span<const std::string> texts, TextRole /*role*/,
                                         std::string_view what, const Call& call) {
  while (true) {
    json body{{"model", model().name}, {"input", texts}};
    const bool encoding = send_encoding_;
    const bool dimensions = send_dimensions_;
    if (encoding) {
      body["encoding_format"] = "base64";
    }
    if (dimensions) {
      body["dimensions"] = model().dimension;
    }
    auto response = api().Post(
        "/embeddings", body.dump(-1, ' ', false, json::error_handler_t::replace), what, call);
    const bool refused = !response && response.error().code == ErrorCode::kInvalidArgument;
    const auto names = [&](std::string_view parameter) {
      return refused && response.error().message.contains(parameter);
    };
    if (encoding && names("encoding_format")) {
      send_encoding_ = false;
    } else if (dimensions && names("dimensions")) {
      send_dimensions_ = false;
    } else {
      return response;
    }
  }
}

/// Puts each vector where its `index` says.
Status OpenAiEmbedder::Read(std::string_view body, std::string_view what, Answer& answer) const {
  const json parsed = json::parse(body);
  const json& data = parsed.at("data");
  if (data.size() != answer.vectors.size()) {
    return BadAnswer(what, fmt::format("it holds {} embeddings", data.size()));
  }
  for (const json& entry : data) {
    const auto index = WholeNumber<std::size_t>(entry.at("index"));
    if (index >= answer.vectors.size() || !answer.vectors[index].empty()) {
      return BadAnswer(what, fmt::format("index {} is out of range or comes twice", index));
    }
    REHOME_TRY_ASSIGN(answer.vectors[index], ReadVector(entry.at("embedding"), what));
  }
  const auto usage = parsed.find("usage");
  const bool counted =
      usage != parsed.end() && usage->is_object() && usage->contains("total_tokens");
  answer.tokens = counted ? WholeNumber<std::uint64_t>(usage->at("total_tokens")) : 0;
  return {};
}

}  // namespace rehome
