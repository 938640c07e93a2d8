#include "pinecone_local/index_request.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/random.h"
#include "pinecone_local/json_writer.h"
#include "pinecone_local/models.h"

namespace rehome::pinecone_local {
namespace {

constexpr std::string_view kDense = "_values";
constexpr std::string_view kSparse = "_sparse_values";

std::unexpected<Refusal> Missing(std::string_view field) {
  return Refuse(RefusalKind::kUnprocessable, fmt::format("missing field `{}`", field));
}

Status CheckTag(std::string_view key, std::string_view value) {
  constexpr std::size_t kKeyBytesMax = 80;
  constexpr std::size_t kValueBytesMax = 120;
  const auto key_char = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  };
  const auto printable = [](char c) { return c >= ' ' && c <= '~'; };
  if (key.empty() || key.size() > kKeyBytesMax || !std::ranges::all_of(key, key_char) ||
      value.size() > kValueBytesMax || !std::ranges::all_of(value, printable)) {
    return Invalid(fmt::format(
        "Tag '{}' is not valid: a key has 1 to {} of [A-Za-z0-9_-], a value up to {} printable "
        "ASCII characters",
        key, kKeyBytesMax, kValueBytesMax));
  }
  return {};
}

/// Merges the body's tags; an empty value removes its tag.
Refusable<void> ReadTags(const JsonObject& body, IndexConfig& config) {
  constexpr std::size_t kTagsMax = 20;
  REHOME_TRY_ASSIGN(const auto tags, body.Object("tags"));
  if (!tags) {
    return {};
  }
  for (const auto member : tags->members()) {
    REHOME_TRY_ASSIGN(const std::string value, tags->String(member.key));
    REHOME_TRY(CheckTag(member.key, value));
    if (value.empty()) {
      config.tags.erase(std::string(member.key));
    } else {
      config.tags.insert_or_assign(std::string(member.key), value);
    }
  }
  if (config.tags.size() > kTagsMax) {
    return Invalid(fmt::format("An index takes at most {} tags", kTagsMax));
  }
  return {};
}

/// The parts that may be changed later.
Refusable<void> ReadMutableParts(const JsonObject& body, IndexConfig& config) {
  REHOME_TRY(ReadTags(body, config));
  REHOME_TRY_ASSIGN(
      const auto protection,
      body.String("deletion_protection", config.deletion_protected ? "enabled" : "disabled"));
  if (protection != "enabled" && protection != "disabled") {
    return Invalid("deletion_protection must be 'enabled' or 'disabled'");
  }
  config.deletion_protected = protection == "enabled";
  REHOME_TRY_ASSIGN(const auto capacity, body.Object("read_capacity"));
  if (capacity) {
    REHOME_TRY_ASSIGN(const auto mode, capacity->String("mode", "OnDemand"));
    if (mode != "OnDemand") {
      return Invalid("pinecone-local has read capacity of mode OnDemand only");
    }
  }
  return {};
}

Refusable<void> ReadMetric(const JsonObject& json, IndexConfig& config) {
  REHOME_TRY_ASSIGN(const auto name, json.String("metric", Name(Metric::kCosine)));
  const auto metric = ParseMetric(name);
  if (!metric) {
    return Invalid(fmt::format("Metric '{}' is not one of cosine, dotproduct, euclidean", name));
  }
  config.metric = *metric;
  return {};
}

Refusable<void> ReadDense(const JsonObject& field, IndexConfig& config) {
  if (!field.Find("dimension")) {
    return Missing("dimension");
  }
  REHOME_TRY_ASSIGN(const auto dimension, field.Integer("dimension", 0));
  REHOME_TRY(CheckDimension(dimension));
  config.dimension = static_cast<int>(dimension);
  REHOME_TRY(ReadMetric(field, config));
  return {};
}

/// A sparse index: its metric is the dot product, and it has no dimension.
Refusable<void> ReadSparse(const JsonObject& json, IndexConfig& config) {
  REHOME_TRY_ASSIGN(const auto metric, json.String("metric", Name(Metric::kDotproduct)));
  if (metric != Name(Metric::kDotproduct) || json.Find("dimension")) {
    return Invalid("Sparse values have no dimension, and their metric is dotproduct");
  }
  config.sparse = true;
  config.metric = Metric::kDotproduct;
  return {};
}

Refusable<void> CheckFieldName(std::string_view name) {
  constexpr std::size_t kNameBytesMax = 64;
  const bool reserved = name == kDense || name == kSparse;
  if (name.empty() || name.size() > kNameBytesMax || name.starts_with('$') ||
      (name.starts_with('_') && !reserved)) {
    return Invalid(
        fmt::format("Field name '{}' is not valid: 1 to {} bytes, and neither $ nor _ in front",
                    name, kNameBytesMax));
  }
  return {};
}

/// What a field is for: empty if it is refused by the rules of its type.
Refusable<std::string> TypeOf(std::string_view name, const JsonObject& field) {
  REHOME_TRY(CheckFieldName(name));
  REHOME_TRY_ASSIGN(std::string type, field.String("type"));
  const bool searched = field.Find("full_text_search") || field.Find("embed");
  if (type.empty() || (type == "string" && !searched && !field.Find("filterable"))) {
    return Missing(type.empty() ? "type" : "full_text_search");
  }
  if (type == "dense_vector" || type == "sparse_vector" || (type == "string" && searched)) {
    return type;
  }
  return Invalid(fmt::format(
      "Field '{}': the schema of an index only accepts fields used for search; metadata is "
      "indexed without being declared",
      name));
}

/// The schema of a documents index, for its description.
void WriteField(JsonWriter& json, std::string_view type, const JsonObject& field,
                const IndexConfig& dense) {
  if (type == "dense_vector") {
    json.BeginObject().Key("type").String(type).Key("dimension").Integer(dense.dimension);
    json.Key("metric").String(Name(dense.metric)).EndObject();
  } else {
    json.Raw(simdjson::minify(field.members()));
  }
}

/// What the index holds, from the schema of API 2026-07.
Refusable<void> ReadSchema(const JsonObject& schema, IndexConfig& config) {
  REHOME_TRY_ASSIGN(const auto fields, schema.Object("fields"));
  if (!fields || fields->members().size() == 0) {
    return Invalid(
        "Schema must contain at least one of the following field types: dense_vector, "
        "sparse_vector, string with full_text_search");
  }
  int dense_count = 0;
  int sparse_count = 0;
  bool documents = false;
  IndexConfig sparse = config;
  JsonWriter json;
  json.BeginObject();
  for (const auto member : fields->members()) {
    REHOME_TRY_ASSIGN(const auto field, fields->Object(member.key));
    if (!field) {
      return Missing("type");
    }
    REHOME_TRY_ASSIGN(const std::string type, TypeOf(member.key, *field));
    documents = documents || (member.key != kDense && member.key != kSparse);
    if (type == "dense_vector") {
      ++dense_count;
      REHOME_TRY(ReadDense(*field, config));
    } else if (type == "sparse_vector") {
      ++sparse_count;
      REHOME_TRY(ReadSparse(*field, sparse));
    }
    json.Key(member.key);
    WriteField(json, type, *field, config);
  }
  if (dense_count > 1 || sparse_count > 1) {
    return Invalid("A schema takes at most one dense_vector and one sparse_vector field");
  }
  if (documents) {
    config.documents = std::move(json.EndObject()).Take();
  } else if (dense_count == 0) {
    config = std::move(sparse);
  } else if (sparse_count == 1 && config.metric != Metric::kDotproduct) {
    return Invalid("Dense and sparse values in one index need the metric dotproduct");
  }
  return {};
}

/// Where the index is, in either shape: deployment, or spec.
Refusable<void> ReadPlace(const JsonObject& body, IndexConfig& config) {
  REHOME_TRY_ASSIGN(auto place, body.Object("deployment"));
  if (place) {
    REHOME_TRY_ASSIGN(const auto type, place->String("deployment_type"));
    if (type.empty()) {
      return Missing("deployment_type");
    }
    if (type != "managed") {
      return Invalid(
          fmt::format("Deployment type '{}' cannot be created here, only managed", type));
    }
  } else {
    REHOME_TRY_ASSIGN(const auto spec, body.Object("spec"));
    if (spec) {
      REHOME_TRY_ASSIGN(place, spec->Object("serverless"));
      if (!place) {
        return Invalid("Only serverless indexes can be created here");
      }
    }
  }
  if (place) {
    REHOME_TRY_ASSIGN(config.cloud, place->String("cloud", config.cloud));
    REHOME_TRY_ASSIGN(config.region, place->String("region", config.region));
    REHOME_TRY(CheckRegion(config.cloud, config.region));
  }
  return {};
}

}  // namespace

Refusable<IndexConfig> ReadCreate(const JsonObject& body) {
  constexpr std::size_t kGeneratedNameBytes = 6;
  IndexConfig config;
  REHOME_TRY_ASSIGN(config.name, body.String("name"));
  if (config.name.empty() && !body.Find("name")) {
    config.name = "index-" + RandomHex(kGeneratedNameBytes);
  }
  REHOME_TRY(CheckIndexName(config.name));
  REHOME_TRY_ASSIGN(const auto schema, body.Object("schema"));
  REHOME_TRY_ASSIGN(const auto vector_type, body.String("vector_type", "dense"));
  if (schema) {
    REHOME_TRY(ReadSchema(*schema, config));
  } else if (vector_type == "sparse") {
    REHOME_TRY(ReadSparse(body, config));
  } else if (vector_type != "dense") {
    return Invalid(fmt::format("Vector type '{}' is not one of dense, sparse", vector_type));
  } else {
    REHOME_TRY(ReadDense(body, config));
  }
  REHOME_TRY(ReadPlace(body, config));
  REHOME_TRY(ReadMutableParts(body, config));
  return config;
}

Refusable<IndexConfig> ReadCreateForModel(const JsonObject& body) {
  IndexConfig config;
  REHOME_TRY_ASSIGN(config.name, body.String("name"));
  REHOME_TRY(CheckIndexName(config.name));
  for (const std::string_view required : {"cloud", "region", "embed"}) {
    if (!body.Find(required)) {
      return Missing(required);
    }
  }
  REHOME_TRY_ASSIGN(config.cloud, body.String("cloud"));
  REHOME_TRY_ASSIGN(config.region, body.String("region"));
  REHOME_TRY(CheckRegion(config.cloud, config.region));
  REHOME_TRY_ASSIGN(const auto embed, body.Object("embed"));
  REHOME_TRY_ASSIGN(const auto field_map, embed->Object("field_map"));
  IntegratedModel& integrated = config.integrated.emplace();
  REHOME_TRY_ASSIGN(integrated.model, embed->String("model"));
  REHOME_TRY_ASSIGN(const EmbeddingModel model, FindModel(integrated.model));
  if (!field_map || !field_map->Find("text")) {
    return Invalid("embed.field_map must map 'text' to the field that is embedded");
  }
  REHOME_TRY_ASSIGN(integrated.field, field_map->String("text"));
  REHOME_TRY_ASSIGN(const auto dimension, embed->Integer("dimension", 0));
  REHOME_TRY_ASSIGN(config.dimension, DimensionOf(model, dimension));
  REHOME_TRY(ReadMetric(*embed, config));
  for (const auto& [key, parameters] : {std::pair("read_parameters", &integrated.read_parameters),
                                        {"write_parameters", &integrated.write_parameters}}) {
    REHOME_TRY_ASSIGN(const auto given, embed->Object(key));
    *parameters = given ? simdjson::minify(given->members()) : "";
  }
  REHOME_TRY(ReadMutableParts(body, config));
  return config;
}

Refusable<void> ReadConfigure(const JsonObject& body, IndexConfig& config) {
  for (const std::string_view fixed :
       {"schema", "deployment", "dimension", "metric", "name", "spec", "embed"}) {
    if (body.Find(fixed)) {
      return Invalid(fmt::format("'{}' of an index cannot be changed", fixed));
    }
  }
  REHOME_TRY(ReadMutableParts(body, config));
  return {};
}

}  // namespace rehome::pinecone_local
