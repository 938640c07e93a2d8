#include "pinecone_local/index_config.h"

#include <fmt/format.h>

#include <algorithm>

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
  return std::move(json.EndObject().EndObject()).Take();
}

Result<IndexConfig> IndexConfig::FromJson(std::string_view text) {
  simdjson::dom::parser parser;  // its own: a request may still be read with the thread's
  simdjson::dom::object root;
  if (parser.parse(text.data(), text.size()).get(root) != simdjson::SUCCESS) {
    return Fail(ErrorCode::kDataLoss, "the stored configuration of an index cannot be read",
                "restore this directory from a backup");
  }
  const JsonObject json(root);
  IndexConfig config;
  REHOME_TRY_ASSIGN(config.name, json.String("name"));
  REHOME_TRY_ASSIGN(const auto dimension, json.Integer("dimension", 0));
  config.dimension = static_cast<int>(dimension);
  REHOME_TRY_ASSIGN(const auto metric, json.String("metric"));
  config.metric = ParseMetric(metric).value_or(Metric::kCosine);
  REHOME_TRY_ASSIGN(config.sparse, json.Bool("sparse"));
  REHOME_TRY_ASSIGN(config.deletion_protected, json.Bool("deletion_protected"));
  REHOME_TRY_ASSIGN(const auto tags, json.Object("tags"));
  if (tags) {
    for (const auto tag : tags->members()) {
      REHOME_TRY_ASSIGN(config.tags[std::string(tag.key)], tags->String(tag.key));
    }
  }
  return config;
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

Status CheckDimension(std::int64_t dimension) {
  if (dimension < 1 || dimension > kDimensionMax) {
    return Fail(
        ErrorCode::kInvalidArgument,
        fmt::format("Dimension must be between 1 and {}, got {}", kDimensionMax, dimension));
  }
  return {};
}

}  // namespace rehome::pinecone_local
