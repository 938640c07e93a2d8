#include "adapters/openai/openai_embedder.h"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>

#include "adapters/http/embedding_answer.h"
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

/// Puts each vector where its `index` says.
Status ReadAnswer(const json& answer, std::size_t count, int dimension, std::string_view what,
                  Embeddings& out) {
  const std::size_t first = out.vectors.size();
  out.vectors.resize(first + count);
  const json& data = answer.at("data");
  if (data.size() != count) {
    return BadAnswer(what, fmt::format("it holds {} embeddings", data.size()));
  }
  for (const json& entry : data) {
    const auto index = entry.at("index").get<std::size_t>();
    if (index >= count || !out.vectors[first + index].empty()) {
      return BadAnswer(what, fmt::format("index {} is out of range or comes twice", index));
    }
    REHOME_TRY_ASSIGN(out.vectors[first + index], ReadVector(entry.at("embedding"), what));
    REHOME_TRY(CheckEmbedding(out.vectors[first + index], dimension, what));
  }
  const json usage = answer.value("usage", json::object());
  out.tokens += usage.is_object() ? usage.value("total_tokens", std::uint64_t{0}) : 0;
  return {};
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
  ApiClient api = OpenAiClient(options, std::move(http));
  return std::unique_ptr<OpenAiEmbedder>(new OpenAiEmbedder(std::move(options), std::move(api)));
}

bool OpenAiEmbedder::Normalised() const {
  return Find(options_.model) != nullptr;
}

std::uint64_t OpenAiEmbedder::CountTokens(std::string_view text) const {
  return EstimateTokens(text);
}

double OpenAiEmbedder::DollarsPerMillionTokens() const {
  const KnownModel* known = Find(options_.model);
  return known == nullptr ? 0 : known->dollars_per_million;
}

Result<Embeddings> OpenAiEmbedder::Embed(std::span<const std::string> texts, TextRole /*role*/,
                                         const Call& call) {
  Embeddings out;
  out.vectors.reserve(texts.size());
  while (out.vectors.size() < texts.size()) {
    const auto rest = texts.subspan(out.vectors.size());
    REHOME_TRY_ASSIGN(const std::size_t count,
                      FittingTexts(rest, out.vectors.size(), kLimits, EstimateTokens));
    REHOME_TRY(EmbedOne(rest.first(count), out, call));
  }
  return out;
}

Status OpenAiEmbedder::EmbedOne(std::span<const std::string> texts, Embeddings& out,
                                const Call& call) {
  const std::string what = fmt::format("embedding of {} texts by {}", texts.size(), options_.model);
  REHOME_TRY_ASSIGN(const HttpResponse response, Ask(texts, what, call));
  try {
    return ReadAnswer(json::parse(response.body), texts.size(), options_.dimensions, what, out);
  } catch (const json::exception& e) {
    return BadAnswer(what, e.what());
  }
}

Result<HttpResponse> OpenAiEmbedder::Ask(std::span<const std::string> texts, std::string_view what,
                                         const Call& call) {
  const KnownModel* known = Find(options_.model);
  const bool default_dimension = known != nullptr && known->dimension == options_.dimensions;
  while (true) {
    json body{{"model", options_.model}, {"input", texts}};
    const bool encoding = send_encoding_;
    const bool dimensions = send_dimensions_ && !default_dimension;
    if (encoding) {
      body["encoding_format"] = "base64";
    }
    if (dimensions) {
      body["dimensions"] = options_.dimensions;
    }
    auto response = api_.Post(
        "/embeddings", body.dump(-1, ' ', false, json::error_handler_t::replace), what, call);
    const bool refused = !response && response.error().code == ErrorCode::kInvalidArgument;
    if (refused && encoding &&
        response.error().message.find("encoding_format") != std::string::npos) {
      send_encoding_ = false;
    } else if (refused && dimensions &&
               response.error().message.find("dimensions") != std::string::npos) {
      send_dimensions_ = false;
    } else {
      return response;
    }
  }
}

}  // namespace rehome
