// routes_inference.cc — text to vectors, and the models that do it.
#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "pinecone_local/json_reader.h"
#include "pinecone_local/json_writer.h"
#include "pinecone_local/models.h"
#include "pinecone_local/routes.h"

namespace rehome::pinecone_local {
namespace {

void WriteParameter(JsonWriter& json, std::string_view name, bool required,
                    std::span<const std::string_view> allowed, std::string_view fallback) {
  json.BeginObject().Key("parameter").String(name).Key("type").String("one_of");
  json.Key("value_type").String("string").Key("required").Bool(required);
  json.Key("allowed_values").BeginArray();
  for (const std::string_view value : allowed) {
    json.String(value);
  }
  json.EndArray();
  if (!fallback.empty()) {
    json.Key("default").String(fallback);
  }
  json.EndObject();
}

void WriteModel(JsonWriter& json, const EmbeddingModel& model) {
  json.BeginObject().Key("model").String(model.name).Key("short_description");
  json.String(
      "A stand-in of pinecone-local: vectors of words and character n-grams under this model's "
      "name and in its dimensions. It knows spelling, not meaning.");
  json.Key("type").String("embed").Key("vector_type").String("dense");
  json.Key("default_dimension").Integer(model.default_dimension);
  json.Key("modality").String("text").Key("max_sequence_length").Integer(model.tokens_max);
  json.Key("max_batch_size").Integer(kTextsMax).Key("provider_name").String("rehome");
  json.Key("supported_dimensions").BeginArray();
  for (const int dimension : model.dimensions) {
    json.Integer(dimension);
  }
  json.EndArray().Key("supported_metrics").BeginArray();
  json.String("cosine").String("dotproduct").EndArray().Key("supported_parameters").BeginArray();
  constexpr std::array<std::string_view, 2> kInputTypes{"query", "passage"};
  constexpr std::array<std::string_view, 2> kTruncate{"END", "NONE"};
  WriteParameter(json, "input_type", true, kInputTypes, {});
  WriteParameter(json, "truncate", false, kTruncate, "END");
  json.EndArray().EndObject();
}

std::size_t CountWords(const std::string& text) {
  std::istringstream words(text);
  std::string word;
  std::size_t count = 0;
  while (words >> word) {
    ++count;
  }
  return count;
}

Refusable<std::vector<std::string>> ReadInputs(const JsonObject& body) {
  const auto json = body.Find("inputs");
  simdjson::dom::array array;
  if (!json || json->get(array) != simdjson::SUCCESS) {
    return Invalid("inputs must be a list of {\"text\": …}");
  }
  std::vector<std::string> texts;
  for (const Json element : array) {
    simdjson::dom::object members;
    if (element.get(members) != simdjson::SUCCESS) {
      return Invalid("inputs must be a list of {\"text\": …}");
    }
    const JsonObject input(members);
    if (!input.Find("text")) {
      return Invalid("each of the inputs must have a text");
    }
    REHOME_TRY_ASSIGN(std::string text, input.String("text"));
    texts.push_back(std::move(text));
  }
  if (texts.empty() || texts.size() > kTextsMax) {
    return Invalid(fmt::format("A request takes 1 to {} inputs, got {}", kTextsMax, texts.size()));
  }
  return texts;
}

struct EmbedParameters {
  std::int64_t dimension = 0;  // 0: the model's
  bool truncate = true;
};

Refusable<EmbedParameters> ReadParameters(const JsonObject& body) {
  REHOME_TRY_ASSIGN(const auto given, body.Object("parameters"));
  if (!given) {
    return Invalid("parameters must name an input_type: query or passage");
  }
  EmbedParameters parameters;
  REHOME_TRY_ASSIGN(const auto input_type, given->String("input_type"));
  if (input_type != "query" && input_type != "passage") {
    return Invalid(fmt::format("input_type must be query or passage, got '{}'", input_type));
  }
  REHOME_TRY_ASSIGN(const auto truncate, given->String("truncate", "END"));
  if (truncate != "END" && truncate != "NONE" && truncate != "START") {
    return Invalid(fmt::format("truncate must be END or NONE, got '{}'", truncate));
  }
  parameters.truncate = truncate != "NONE";
  REHOME_TRY_ASSIGN(parameters.dimension, given->Integer("dimension", 0));
  return parameters;
}

}  // namespace

Refusable<EmbeddedTexts> Embed(const Facilities& facilities, std::span<const std::string> texts,
                               int dimension) {
  if (!facilities.embed) {
    return Refuse(RefusalKind::kUnimplemented,
                  "this server was started without an embedder: it cannot turn text into vectors");
  }
  REHOME_TRY_ASSIGN(EmbeddedTexts embedded, facilities.embed(texts, dimension));
  return embedded;
}

Answer EmbedTexts(Catalog& /*catalog*/, const ApiRequest& request) {
  REHOME_TRY_ASSIGN(const JsonObject body, JsonObject::Parse(request.http.body));
  REHOME_TRY_ASSIGN(const std::string name, body.String("model"));
  REHOME_TRY_ASSIGN(const EmbeddingModel model, FindModel(name));
  REHOME_TRY_ASSIGN(const EmbedParameters parameters, ReadParameters(body));
  REHOME_TRY_ASSIGN(const int dimension, DimensionOf(model, parameters.dimension));
  REHOME_TRY_ASSIGN(const auto texts, ReadInputs(body));
  const auto too_long = std::ranges::find_if(
      texts, [&](const auto& text) { return CountWords(text) > model.tokens_max; });
  if (!parameters.truncate && too_long != texts.end()) {
    return Invalid(fmt::format("Input {} is longer than the {} tokens that {} takes",
                               too_long - texts.begin(), model.tokens_max, model.name));
  }
  REHOME_TRY_ASSIGN(const EmbeddedTexts embedded, Embed(request.facilities, texts, dimension));
  JsonWriter json;
  json.BeginObject().Key("model").String(model.name).Key("vector_type").String("dense");
  json.Key("data").BeginArray();
  for (const auto& vector : embedded.vectors) {
    json.BeginObject().Key("vector_type").String("dense").Key("values").Floats(vector).EndObject();
  }
  json.EndArray().Key("usage").BeginObject().Key("total_tokens").Integer(embedded.tokens);
  return JsonAnswer(std::move(json.EndObject().EndObject()).Take());
}

Answer ListModels(Catalog& /*catalog*/, const ApiRequest& request) {
  const std::string type = request.target.Get("type");
  const std::string vector_type = request.target.Get("vector_type");
  if ((!type.empty() && type != "embed" && type != "rerank") ||
      (!vector_type.empty() && vector_type != "dense" && vector_type != "sparse") ||
      (type == "rerank" && !vector_type.empty())) {
    return Invalid(
        "type is embed or rerank; vector_type is dense or sparse, and only models of type embed "
        "have one");
  }
  JsonWriter json;
  json.BeginObject().Key("models").BeginArray();
  if (type != "rerank" && vector_type != "sparse" && request.facilities.embed) {
    for (const EmbeddingModel& model : EmbeddingModels()) {
      WriteModel(json, model);
    }
  }
  return JsonAnswer(std::move(json.EndArray().EndObject()).Take());
}

Answer DescribeModel(Catalog& /*catalog*/, const ApiRequest& request) {
  REHOME_TRY_ASSIGN(const EmbeddingModel model, FindModel(request.parameters.front()));
  JsonWriter json;
  WriteModel(json, model);
  return JsonAnswer(std::move(json).Take());
}

}  // namespace rehome::pinecone_local
