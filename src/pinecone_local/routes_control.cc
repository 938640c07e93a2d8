// routes_control.cc — indexes, described in the shape that the request's API version has: schema and
// deployment from 2026-07 on, dimension, metric and spec before, both where no version is said.
#include <fmt/format.h>

#include "pinecone_local/index_request.h"
#include "pinecone_local/json_reader.h"
#include "pinecone_local/json_writer.h"
#include "pinecone_local/routes.h"

namespace rehome::pinecone_local {
namespace {

constexpr std::string_view kSchemaVersion = "2026-07";

/// Every index has its own path on the one port, so that its host stays the same while the server
/// serves it.
std::string HostOf(const ApiRequest& request, std::string_view name) {
  return fmt::format("http://{}{}{}", request.http.host, kIndexPath, name);
}

void WriteParameters(JsonWriter& json, const IntegratedModel& model) {
  const auto or_empty = [](const std::string& given) { return given.empty() ? "{}" : given; };
  json.Key("read_parameters").Raw(or_empty(model.read_parameters));
  json.Key("write_parameters").Raw(or_empty(model.write_parameters));
}

void WriteFields(JsonWriter& json, const IndexConfig& config) {
  if (!config.documents.empty()) {
    json.Raw(config.documents);
    return;
  }
  json.BeginObject();
  if (config.integrated) {
    json.Key(config.integrated->field).BeginObject().Key("type").String("semantic_text");
    json.Key("model").String(config.integrated->model);
    json.Key("metric").String(Name(config.metric)).Key("dimension").Integer(config.dimension);
    WriteParameters(json, *config.integrated);
  } else if (config.sparse) {
    json.Key("_sparse_values").BeginObject().Key("type").String("sparse_vector");
  } else {
    json.Key("_values").BeginObject().Key("type").String("dense_vector");
    json.Key("dimension").Integer(config.dimension).Key("metric").String(Name(config.metric));
  }
  json.EndObject().EndObject();
}

/// What API 2026-07 brought.
void WriteSchemaKeys(JsonWriter& json, const IndexConfig& config) {
  json.Key("deployment").BeginObject().Key("deployment_type").String("managed");
  json.Key("cloud").String(config.cloud).Key("region").String(config.region);
  json.Key("environment").String("local").EndObject();
  json.Key("schema").BeginObject().Key("fields");
  WriteFields(json, config);
  json.EndObject();
  json.Key("read_capacity").BeginObject().Key("mode").String("OnDemand");
  json.Key("status").BeginObject().Key("state").String("Ready").Key("current_replicas").Raw("null");
  json.Key("current_shards").Raw("null").EndObject().EndObject();
}

/// What the versions before it had.
void WriteLegacyKeys(JsonWriter& json, const IndexConfig& config) {
  if (!config.sparse) {
    json.Key("dimension").Integer(config.dimension);
  }
  json.Key("metric").String(Name(config.metric)).Key("vector_type").String(config.vector_type());
  json.Key("spec").BeginObject().Key("serverless").BeginObject().Key("cloud").String(config.cloud);
  json.Key("region").String(config.region).EndObject().EndObject();
  if (config.integrated) {
    json.Key("embed").BeginObject().Key("model").String(config.integrated->model);
    json.Key("metric").String(Name(config.metric)).Key("dimension").Integer(config.dimension);
    json.Key("vector_type").String(config.vector_type()).Key("field_map").BeginObject();
    json.Key("text").String(config.integrated->field).EndObject();
    WriteParameters(json, *config.integrated);
    json.EndObject();
  }
}

void WriteIndex(JsonWriter& json, const IndexConfig& config, const ApiRequest& request) {
  const std::string& version = request.http.api_version;
  json.BeginObject().Key("name").String(config.name).Key("host");
  json.String(HostOf(request, config.name));
  json.Key("status").BeginObject().Key("ready").Bool(true).Key("state").String("Ready").EndObject();
  json.Key("deletion_protection").String(config.deletion_protected ? "enabled" : "disabled");
  if (!config.tags.empty()) {
    json.Key("tags").BeginObject();
    for (const auto& [key, value] : config.tags) {
      json.Key(key).String(value);
    }
    json.EndObject();
  }
  if (version.empty() || version >= kSchemaVersion) {
    WriteSchemaKeys(json, config);
  }
  if (version.empty() || version < kSchemaVersion) {
    WriteLegacyKeys(json, config);
  }
  json.EndObject();
}

HttpResponse IndexAnswer(const ApiRequest& request, const IndexConfig& config, int status = 200) {
  JsonWriter json;
  WriteIndex(json, config, request);
  return JsonAnswer(std::move(json).Take(), status);
}

}  // namespace

Answer ListIndexes(Catalog& catalog, const ApiRequest& request) {
  JsonWriter json;
  json.BeginObject().Key("indexes").BeginArray();
  for (const auto& index : catalog.Made()) {
    WriteIndex(json, index->config(), request);
  }
  return JsonAnswer(std::move(json.EndArray().EndObject()).Take());
}

Answer CreateIndex(Catalog& catalog, const ApiRequest& request) {
  REHOME_TRY_ASSIGN(const JsonObject body, JsonObject::Parse(request.http.body));
  REHOME_TRY_ASSIGN(const IndexConfig config, ReadCreate(body));
  REHOME_TRY(catalog.Create(config));
  return IndexAnswer(request, config, 201);
}

Answer CreateIndexForModel(Catalog& catalog, const ApiRequest& request) {
  if (!request.facilities.embed) {
    return Refuse(RefusalKind::kUnimplemented,
                  "this server was started without an embedder: no index can embed text by itself");
  }
  REHOME_TRY_ASSIGN(const JsonObject body, JsonObject::Parse(request.http.body));
  REHOME_TRY_ASSIGN(const IndexConfig config, ReadCreateForModel(body));
  REHOME_TRY(catalog.Create(config));
  return IndexAnswer(request, config, 201);
}

Answer DescribeIndex(Catalog& catalog, const ApiRequest& request) {
  REHOME_TRY_ASSIGN(const auto index, catalog.FindMade(request.parameters.front()));
  return IndexAnswer(request, index->config());
}

Answer ConfigureIndex(Catalog& catalog, const ApiRequest& request) {
  REHOME_TRY_ASSIGN(const auto index, catalog.FindMade(request.parameters.front()));
  REHOME_TRY_ASSIGN(const JsonObject body, JsonObject::Parse(request.http.body));
  IndexConfig config = index->config();
  REHOME_TRY(ReadConfigure(body, config));
  REHOME_TRY(index->Configure(config));
  return IndexAnswer(request, config);
}

Answer DeleteIndex(Catalog& catalog, const ApiRequest& request) {
  REHOME_TRY(catalog.Remove(request.parameters.front()));
  return JsonAnswer({}, 202);
}

}  // namespace rehome::pinecone_local
