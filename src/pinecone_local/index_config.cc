#include "pinecone_local/index_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "pinecone_local/json_reader.h"
#include "pinecone_local/json_writer.h"

namespace rehome::pinecone_local {

std::string IndexConfig::ToJson() const {
  JsonWriter json;
  json.BeginObject().Key("name").String(name).Key("dimension").Integer(dimension);
  json.Key("metric").String(Name(metric)).Key("sparse").Bool(sparse);
  json.Key("deletion_protected").Bool(deletion_protected).Key("tags").BeginObject();
  for (const auto& [key, value] : tags) {
    json.Key(key).String(value);
  }
  json.EndObject().Key("cloud").String(cloud).Key("region").String(region);
  if (integrated) {
    json.Key("integrated").BeginObject().Key("model").String(integrated->model);
    json.Key("field").String(integrated->field);
    json.Key("read_parameters").String(integrated->read_parameters);
    json.Key("write_parameters").String(integrated->write_parameters).EndObject();
  }
  if (!documents.empty()) {
    json.Key("documents").String(documents);
  }
  return std::move(json.EndObject()).Take();
}

namespace {

Refusable<IndexConfig> ReadStoredConfig(const JsonObject& json) {
  IndexConfig config;
  REHOME_TRY_ASSIGN(config.name, json.String("name"));
  REHOME_TRY_ASSIGN(const auto dimension, json.Integer("dimension", 0));
  config.dimension = static_cast<int>(dimension);
  REHOME_TRY_ASSIGN(const auto metric, json.String("metric"));
  config.metric = ParseMetric(metric).value_or(Metric::kCosine);
  REHOME_TRY_ASSIGN(config.sparse, json.Bool("sparse"));
  REHOME_TRY_ASSIGN(config.deletion_protected, json.Bool("deletion_protected"));
  REHOME_TRY_ASSIGN(config.cloud, json.String("cloud", config.cloud));
  REHOME_TRY_ASSIGN(config.region, json.String("region", config.region));
  REHOME_TRY_ASSIGN(config.documents, json.String("documents"));
  REHOME_TRY_ASSIGN(const auto integrated, json.Object("integrated"));
  if (integrated) {
    IntegratedModel& model = config.integrated.emplace();
    REHOME_TRY_ASSIGN(model.model, integrated->String("model"));
    REHOME_TRY_ASSIGN(model.field, integrated->String("field"));
    REHOME_TRY_ASSIGN(model.read_parameters, integrated->String("read_parameters"));
    REHOME_TRY_ASSIGN(model.write_parameters, integrated->String("write_parameters"));
  }
  REHOME_TRY_ASSIGN(const auto tags, json.Object("tags"));
  if (tags) {
    for (const auto tag : tags->members()) {
      REHOME_TRY_ASSIGN(config.tags[std::string(tag.key)], tags->String(tag.key));
    }
  }
  return config;
}

}  // namespace

Result<IndexConfig> IndexConfig::FromJson(std::string_view text) {
  return ReadStored(text, "the stored configuration of an index", ReadStoredConfig);
}

Status CheckIndexName(std::string_view name) {
  constexpr std::size_t kNameBytesMax = 45;
  const auto alphanumeric = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  if (name.empty() || name.size() > kNameBytesMax || !alphanumeric(name.front()) ||
      !alphanumeric(name.back()) ||
      !std::ranges::all_of(name, [&](char c) { return alphanumeric(c) || c == '-'; })) {
    return Fail(
        ErrorCode::kInvalidArgument,
        fmt::format(
            "Name '{}' must consist of 1 to {} lower case alphanumeric characters or '-', and must "
            "start and end with an alphanumeric character",
            name, kNameBytesMax));
  }
  return {};
}

Status CheckRegion(std::string_view cloud, std::string_view region) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 9> kRegions{
      {{"aws", "us-east-1"},
       {"aws", "us-west-2"},
       {"aws", "eu-west-1"},
       {"aws", "eu-central-1"},
       {"aws", "ap-southeast-1"},
       {"gcp", "us-central1"},
       {"gcp", "europe-west4"},
       {"azure", "eastus2"},
       {"azure", "germanywestcentral"}}};
  if (std::ranges::find(kRegions, std::pair(cloud, region)) == kRegions.end()) {
    return Fail(ErrorCode::kNotFound,
                fmt::format("Resource cloud: {} region: {} not found.", cloud, region));
  }
  return {};
}

Status CheckDimension(std::int64_t dimension) {
  if (dimension < 1 || dimension > kDimensionMax) {
    return Fail(
        ErrorCode::kInvalidArgument,
        fmt::format("Dimension must be between 1 and {}, got {}", kDimensionMax, dimension));
  }
  return {};
}

}  // namespace rehome::pinecone_local
