// routes_control.cc — indexes. Answers carry the shape of API 2026-07 (schema, deployment) and the
// older keys beside it.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/random.h"
#include "pinecone_local/json_reader.h"
#include "pinecone_local/json_writer.h"
#include "pinecone_local/routes.h"

namespace rehome::pinecone_local {
namespace {

constexpr std::string_view kCloud = "aws";
constexpr std::string_view kRegion = "us-east-1";
constexpr std::size_t kTagsMax = 20;
constexpr std::size_t kTagKeyBytesMax = 80;
constexpr std::size_t kTagValueBytesMax = 120;

std::unexpected<Error> Invalid(std::string message) {
  return Fail(ErrorCode::kInvalidArgument, std::move(message));
}

/// Every index has its own path on the one port, so that its host stays the same while the server
/// serves it.
std::string HostOf(const ApiRequest& request, std::string_view name) {
  return fmt::format("http://{}{}{}", request.http.host, kIndexPath, name);
}

void WriteSchema(JsonWriter& json, const IndexConfig& config) {
  json.BeginObject().Key("fields").BeginObject();
  if (config.sparse) {
    json.Key("_sparse_values").BeginObject().Key("type").String("sparse_vector").EndObject();
  } else {
    json.Key("_values").BeginObject().Key("type").String("dense_vector");
    json.Key("dimension")
        .Integer(config.dimension)
        .Key("metric")
        .String(Name(config.metric))
        .EndObject();
  }
  json.EndObject().EndObject();
}

/// The keys of API versions before 2026-07; newer clients ignore them.
void WriteLegacyKeys(JsonWriter& json, const IndexConfig& config) {
  if (!config.sparse) {
    json.Key("dimension").Integer(config.dimension);
  }
  json.Key("metric").String(Name(config.metric)).Key("vector_type").String(config.vector_type());
  json.Key("spec").BeginObject().Key("serverless").BeginObject();
  json.Key("cloud").String(kCloud).Key("region").String(kRegion).EndObject().EndObject();
}

void WriteIndex(JsonWriter& json, const IndexConfig& config, std::string_view host) {
  json.BeginObject().Key("name").String(config.name).Key("host").String(host);
  json.Key("status").BeginObject().Key("ready").Bool(true).Key("state").String("Ready").EndObject();
  json.Key("deployment").BeginObject().Key("deployment_type").String("managed");
  json.Key("cloud")
      .String(kCloud)
      .Key("region")
      .String(kRegion)
      .Key("environment")
      .String("local")
      .EndObject();
  json.Key("schema");
  WriteSchema(json, config);
  json.Key("deletion_protection").String(config.deletion_protected ? "enabled" : "disabled");
  json.Key("read_capacity").BeginObject().Key("mode").String("OnDemand");
  json.Key("status").BeginObject().Key("state").String("Ready").Key("current_replicas").Raw("null");
  json.Key("current_shards").Raw("null").EndObject().EndObject();
  if (!config.tags.empty()) {
    json.Key("tags").BeginObject();
    for (const auto& [key, value] : config.tags) {
      json.Key(key).String(value);
    }
    json.EndObject();
  }
  WriteLegacyKeys(json, config);
  json.EndObject();
}

HttpResponse IndexAnswer(const ApiRequest& request, const IndexConfig& config, int status = 200) {
  JsonWriter json;
  WriteIndex(json, config, HostOf(request, config.name));
  return JsonAnswer(std::move(json).Take(), status);
}

Status CheckTag(std::string_view key, std::string_view value) {
  const auto key_char = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  };
  const auto printable = [](char c) { return c >= ' ' && c <= '~'; };
  if (key.empty() || key.size() > kTagKeyBytesMax || !std::ranges::all_of(key, key_char) ||
      value.size() > kTagValueBytesMax || !std::ranges::all_of(value, printable)) {
    return Invalid(fmt::format(
        "Tag '{}' is not valid: a key has 1 to {} of [A-Za-z0-9_-], a value up to {} printable "
        "ASCII characters",
        key, kTagKeyBytesMax, kTagValueBytesMax));
  }
  return {};
}

/// Merges the body's tags and deletion protection; an empty value removes its tag.
Status ReadMutableParts(const JsonObject& body, IndexConfig& config) {
  REHOME_TRY_ASSIGN(const auto tags, body.Object("tags"));
  if (tags) {
    for (const auto member : tags->members()) {
      REHOME_TRY_ASSIGN(const std::string value, tags->String(member.key));
      REHOME_TRY(CheckTag(member.key, value));
      if (value.empty()) {
        config.tags.erase(std::string(member.key));
      } else {
        config.tags.insert_or_assign(std::string(member.key), value);
      }
    }
  }
  if (config.tags.size() > kTagsMax) {
    return Invalid(fmt::format("An index takes at most {} tags", kTagsMax));
  }
  REHOME_TRY_ASSIGN(
      const auto protection,
      body.String("deletion_protection", config.deletion_protected ? "enabled" : "disabled"));
  if (protection != "enabled" && protection != "disabled") {
    return Invalid("deletion_protection must be 'enabled' or 'disabled'");
  }
  config.deletion_protected = protection == "enabled";
  return {};
}

Status ReadDense(const JsonObject& field, IndexConfig& config) {
  REHOME_TRY_ASSIGN(const auto dimension, field.Integer("dimension", 0));
  REHOME_TRY(CheckDimension(dimension));
  config.dimension = static_cast<int>(dimension);
  REHOME_TRY_ASSIGN(const auto name, field.String("metric", Name(Metric::kCosine)));
  const auto metric = ParseMetric(name);
  if (!metric) {
    return Invalid(fmt::format("Metric '{}' is not one of cosine, dotproduct, euclidean", name));
  }
  config.metric = *metric;
  return {};
}

void MakeSparse(IndexConfig& config) {
  config.sparse = true;
  config.metric = Metric::kDotproduct;
}

/// What the index holds, from the schema of API 2026-07.
Status ReadSchema(const JsonObject& schema, IndexConfig& config) {
  REHOME_TRY_ASSIGN(const auto fields, schema.Object("fields"));
  if (!fields || fields->members().size() == 0) {
    return Invalid(
        "Schema must contain at least one of the following field types: dense_vector, "
        "sparse_vector, string with "
        "full_text_search");
  }
  for (const auto member : fields->members()) {
    if (member.key != "_values" && member.key != "_sparse_values") {
      return Invalid(fmt::format("Field '{}': pinecone-local has vector indexes only, no documents",
                                 member.key));
    }
  }
  REHOME_TRY_ASSIGN(const auto dense, fields->Object("_values"));
  if (dense) {
    return ReadDense(*dense, config);
  }
  MakeSparse(config);
  return {};
}

Result<IndexConfig> ReadCreate(const JsonObject& body) {
  constexpr std::size_t kGeneratedNameBytes = 6;
  IndexConfig config;
  REHOME_TRY_ASSIGN(config.name, body.String("name"));
  if (config.name.empty()) {
    config.name = "index-" + RandomHex(kGeneratedNameBytes);
  }
  REHOME_TRY(CheckIndexName(config.name));
  REHOME_TRY_ASSIGN(const auto schema, body.Object("schema"));
  REHOME_TRY_ASSIGN(const auto vector_type, body.String("vector_type", "dense"));
  if (schema) {
    REHOME_TRY(ReadSchema(*schema, config));
  } else if (vector_type == "sparse") {
    MakeSparse(config);
  } else {
    REHOME_TRY(ReadDense(body, config));
  }
  REHOME_TRY(ReadMutableParts(body, config));
  return config;
}

}  // namespace

Result<HttpResponse> ListIndexes(Catalog& catalog, const ApiRequest& request) {
  JsonWriter json;
  json.BeginObject().Key("indexes").BeginArray();
  for (const auto& index : catalog.All()) {
    const IndexConfig config = index->config();
    WriteIndex(json, config, HostOf(request, config.name));
  }
  return JsonAnswer(std::move(json.EndArray().EndObject()).Take());
}

Result<HttpResponse> CreateIndex(Catalog& catalog, const ApiRequest& request) {
  REHOME_TRY_ASSIGN(const JsonObject body, JsonObject::Parse(request.http.body));
  REHOME_TRY_ASSIGN(const IndexConfig config, ReadCreate(body));
  REHOME_TRY(catalog.Create(config));
  return IndexAnswer(request, config, 201);
}

Result<HttpResponse> DescribeIndex(Catalog& catalog, const ApiRequest& request) {
  REHOME_TRY_ASSIGN(const auto index, catalog.Find(request.parameters.front()));
  return IndexAnswer(request, index->config());
}

Result<HttpResponse> ConfigureIndex(Catalog& catalog, const ApiRequest& request) {
  REHOME_TRY_ASSIGN(const auto index, catalog.Find(request.parameters.front()));
  REHOME_TRY_ASSIGN(const JsonObject body, JsonObject::Parse(request.http.body));
  for (const std::string_view fixed :
       {"schema", "deployment", "dimension", "metric", "name", "spec"}) {
    if (body.Find(fixed)) {
      return Invalid(fmt::format("'{}' of an index cannot be changed", fixed));
    }
  }
  IndexConfig config = index->config();
  REHOME_TRY(ReadMutableParts(body, config));
  REHOME_TRY(index->Configure(config));
  return IndexAnswer(request, config);
}

Result<HttpResponse> DeleteIndex(Catalog& catalog, const ApiRequest& request) {
  REHOME_TRY(catalog.Remove(request.parameters.front()));
  return JsonAnswer({}, 202);
}

Result<HttpResponse> ListCollections(Catalog& /*catalog*/, const ApiRequest& /*request*/) {
  return JsonAnswer(R"({"collections":[]})");  // pods only; there are none
}

Result<HttpResponse> ListBackups(Catalog& /*catalog*/, const ApiRequest& /*request*/) {
  return JsonAnswer(R"({"data":[]})");  // backups cannot be made here, so there are none
}

}  // namespace rehome::pinecone_local
