// routes_namespaces.cc — namespaces (snake_case, unlike vectors), and what else lives on an index's
// host.
#include <fmt/format.h>

#include "pinecone_local/json_reader.h"
#include "pinecone_local/json_writer.h"
#include "pinecone_local/routes.h"

namespace rehome::pinecone_local {
namespace {

constexpr std::int64_t kNamespacesListedMax = 100;
constexpr std::size_t kSchemaFieldsMax = 50;

void WriteNamespace(JsonWriter& json, const NamespaceSummary& ns) {
  json.BeginObject().Key("name").String(ns.name);
  json.Key("record_count").String(std::to_string(ns.count));  // an int64 travels as a string here
  if (!ns.schema.empty()) {
    json.Key("schema").Raw(ns.schema);
  }
  json.Key("size_bytes").String(std::to_string(ns.bytes)).EndObject();
}

/// Refuses what is meant for a namespace and names an alias.
Refusable<void> CheckNoAlias(const Index& index, std::string_view name) {
  if (const auto alias = index.FindAlias(name)) {
    Refusal refusal(RefusalKind::kByCode, fmt::format("{} is a namespace alias", name));
    refusal.reason = "NAMESPACE_OPERATION_ON_ALIAS";
    refusal.target = alias->target;
    return std::unexpected(std::move(refusal));
  }
  return {};
}

Result<NamespaceSummary> FindSummary(const Index& index, std::string_view name) {
  const NamespaceView view = index.View(name);
  if (!view->exists()) {
    return Fail(ErrorCode::kNotFound, "Namespace not found");
  }
  return NamespaceSummary{.name = std::string(name),
                          .count = view->records.size(),
                          .bytes = view->bytes,
                          .schema = view->schema};
}

/// The schema in its canonical JSON, empty if there is none.
Refusable<std::string> ReadSchema(const JsonObject& body) {
  REHOME_TRY_ASSIGN(const auto schema, body.Object("schema"));
  if (!schema) {
    return std::string();
  }
  REHOME_TRY_ASSIGN(const auto fields, schema->Object("fields"));
  if (!fields) {
    return Invalid("A namespace schema must have fields");
  }
  if (fields->members().size() > kSchemaFieldsMax) {
    return Invalid(fmt::format("A namespace schema takes at most {} fields, got {}",
                               kSchemaFieldsMax, fields->members().size()));
  }
  JsonWriter json;
  json.BeginObject().Key("fields").BeginObject();
  for (const auto member : fields->members()) {
    REHOME_TRY_ASSIGN(const auto field, fields->Object(member.key));
    bool filterable = false;
    if (field) {
      REHOME_TRY_ASSIGN(filterable, field->Bool("filterable"));
    }
    if (!filterable) {
      return Invalid(
          fmt::format("Field '{}' is set to filterable: false. Only filterable: true is supported.",
                      member.key));
    }
    json.Key(member.key).BeginObject().Key("filterable").Bool(true).EndObject();
  }
  return std::move(json.EndObject().EndObject()).Take();
}

}  // namespace

Answer ListNamespaces(Index& index, const ApiRequest& request) {
  REHOME_TRY_ASSIGN(const auto limit, request.target.Integer("limit", kNamespacesListedMax));
  if (limit < 1 || limit > kNamespacesListedMax) {
    return Invalid(
        fmt::format("limit must be between 1 and {}, got {}", kNamespacesListedMax, limit));
  }
  REHOME_TRY_ASSIGN(const std::string after, ParsePageToken(request.target.Get("paginationToken")));
  const auto all = index.Namespaces(request.target.Get("prefix"));
  JsonWriter json;
  json.BeginObject().Key("namespaces").BeginArray();
  std::int64_t count = 0;
  std::string_view last;
  for (const NamespaceSummary& ns : all) {
    if (ns.name > after && count < limit) {
      WriteNamespace(json, ns);
      last = ns.name;
      ++count;
    }
  }
  json.EndArray();
  if (count != 0 && last != all.back().name) {
    json.Key("pagination").BeginObject().Key("next").String(PageToken(last)).EndObject();
  }
  json.Key("total_count").Integer(all.size());
  return JsonAnswer(std::move(json.EndObject()).Take());
}

Answer CreateNamespace(Index& index, const ApiRequest& request) {
  REHOME_TRY_ASSIGN(const JsonObject body, JsonObject::Parse(request.http.body));
  REHOME_TRY_ASSIGN(const std::string name, body.String("name"));
  REHOME_TRY(CheckId(name, "Namespace"));
  if (name == kDefaultNamespace) {
    return Invalid(fmt::format("The namespace {} cannot be created", kDefaultNamespace));
  }
  if (index.FindAlias(name)) {
    Refusal refusal(
        Error{ErrorCode::kAlreadyExists, fmt::format("{} is a namespace alias", name), {}});
    refusal.reason = "NAME_IN_USE_BY_ALIAS";
    return std::unexpected(std::move(refusal));
  }
  REHOME_TRY_ASSIGN(const std::string schema, ReadSchema(body));
  REHOME_TRY_ASSIGN(const Lsn lsn, index.CreateNamespace(name, schema));
  REHOME_TRY_ASSIGN(const NamespaceSummary summary, FindSummary(index, name));
  JsonWriter json;
  WriteNamespace(json, summary);
  HttpResponse answer = JsonAnswer(std::move(json).Take());
  answer.request_lsn = lsn;
  return answer;
}

Answer DescribeNamespace(Index& index, const ApiRequest& request) {
  REHOME_TRY(CheckNoAlias(index, request.parameters.front()));
  REHOME_TRY_ASSIGN(const NamespaceSummary summary, FindSummary(index, request.parameters.front()));
  JsonWriter json;
  WriteNamespace(json, summary);
  return JsonAnswer(std::move(json).Take());
}

Answer DeleteNamespace(Index& index, const ApiRequest& request) {
  const std::string& name = request.parameters.front();
  REHOME_TRY(CheckNoAlias(index, name));
  for (const Alias& alias : index.Aliases()) {
    if (alias.target == name) {
      Refusal refusal(RefusalKind::kByCode,
                      fmt::format("The namespace alias {} points at {}; repoint or delete it first",
                                  alias.name, name));
      refusal.reason = "NAMESPACE_TARGETED_BY_ALIAS";
      return std::unexpected(std::move(refusal));
    }
  }
  REHOME_TRY_ASSIGN(const Lsn lsn, index.DropNamespace(name));
  HttpResponse answer = JsonAnswer("{}");
  answer.request_lsn = lsn;
  return answer;
}

}  // namespace rehome::pinecone_local
