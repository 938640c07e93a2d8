// routes_read.cc — query, fetch, list, statistics.
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "pinecone_local/json_reader.h"
#include "pinecone_local/json_writer.h"
#include "pinecone_local/metadata.h"
#include "pinecone_local/query.h"
#include "pinecone_local/routes.h"

namespace rehome::pinecone_local {
namespace {

constexpr std::size_t kFetchCountMax = 1000;
constexpr std::int64_t kListLimitMax = 100;
constexpr std::int64_t kFetchLimitDefault = 100;
constexpr std::int64_t kFetchLimitMax = 10'000;

Result<std::size_t> CheckLimit(std::int64_t limit, std::int64_t max) {
  if (limit < 1 || limit > max) {
    return Invalid(fmt::format("limit must be between 1 and {}, got {}", max, limit));
  }
  return static_cast<std::size_t>(limit);
}

/// The record's parts, within an object that is open. `values` is always there: clients refuse a
/// record without it.
void WriteRecord(JsonWriter& json, const OperationView& record, bool values, bool metadata) {
  json.Key("values").Floats(values ? record.values : std::span<const float>{});
  if (values && !record.sparse_indices.empty()) {
    json.Key("sparseValues").BeginObject();
    json.Key("indices").Integers(record.sparse_indices);
    json.Key("values").Floats(record.sparse_values).EndObject();
  }
  if (metadata && !record.metadata.empty()) {
    json.Key("metadata").Raw(record.metadata);
  }
}

/// Ends an answer: the namespace as it was requested (an alias: what it stands for), the price, the
/// LSN.
HttpResponse EndRead(JsonWriter json, std::string_view ns, std::size_t read_units,
                     const NamespaceView& view) {
  json.Key("namespace").String(view.served() == CanonicalNamespace(ns) ? ns : view.served());
  json.Key("usage").BeginObject().Key("readUnits").Integer(read_units).EndObject();
  HttpResponse answer = JsonAnswer(std::move(json.EndObject()).Take());
  answer.indexed_lsn = view->lsn;
  return answer;
}

void WritePagination(JsonWriter& json, std::string_view last) {
  json.Key("pagination").BeginObject().Key("next").String(PageToken(last)).EndObject();
}

constexpr std::size_t FetchUnits(std::size_t count) {
  constexpr std::size_t kRecordsPerUnit = 10;
  return std::max<std::size_t>(1, (count + kRecordsPerUnit - 1) / kRecordsPerUnit);
}

Refusable<Query> ReadQuery(const JsonObject& body) {
  Query query;
  REHOME_TRY_ASSIGN(query.top_k, ReadTopK(body, "topK"));
  REHOME_TRY_ASSIGN(query.values, body.Floats("vector", "The query vector"));
  REHOME_TRY_ASSIGN(query.sparse, body.Sparse("sparseVector", "The query's sparse vector"));
  REHOME_TRY_ASSIGN(const auto filter, body.Object("filter"));
  if (filter) {
    REHOME_TRY_ASSIGN(query.filter, Filter::Parse(filter->members()));
  }
  return query;
}

Status CheckTarget(const Query& query, std::string_view id) {
  const bool sparse = !query.sparse.indices.empty();
  if (id.empty()) {
    return query.values.empty() && !sparse
               ? Invalid("A query takes an 'id', a 'vector' or a 'sparseVector'")
               : Status{};
  }
  REHOME_TRY(CheckId(id, "Vector ID"));
  if (!query.values.empty()) {
    return Invalid("Cannot provide both 'ID' and 'vector' at the same time");
  }
  return sparse ? Invalid("Cannot provide both 'ID' and 'sparse_vector' at the same time")
                : Status{};
}

}  // namespace

Answer QueryVectors(Index& index, const ApiRequest& request) {
  REHOME_TRY(CheckVectorsIndex(index));
  REHOME_TRY_ASSIGN(const JsonObject body, JsonObject::Parse(request.http.body));
  REHOME_TRY_ASSIGN(const std::string ns, body.String("namespace"));
  REHOME_TRY_ASSIGN(const std::string id, body.String("id"));
  REHOME_TRY_ASSIGN(const bool include_values, body.Bool("includeValues"));
  REHOME_TRY_ASSIGN(const bool include_metadata, body.Bool("includeMetadata"));
  REHOME_TRY_ASSIGN(Query query, ReadQuery(body));
  REHOME_TRY(CheckTarget(query, id));
  const IndexConfig config = index.config();
  const NamespaceView view = index.View(CanonicalNamespace(ns));
  REHOME_TRY_ASSIGN(const auto matches, SearchFor(view, config, std::move(query), id));
  JsonWriter json;
  json.BeginObject().Key("results").BeginArray().EndArray().Key("matches").BeginArray();
  for (const Match& match : matches) {
    json.BeginObject().Key("id").String(match.record.text).Key("score").Number(match.score);
    WriteRecord(json, match.record, include_values, include_metadata);
    json.EndObject();
  }
  return EndRead(std::move(json.EndArray()), ns, 1, view);
}

Answer FetchVectors(Index& index, const ApiRequest& request) {
  REHOME_TRY(CheckVectorsIndex(index));
  const auto ids = request.target.All("ids");
  if (ids.empty() || ids.size() > kFetchCountMax) {
    return Invalid(fmt::format("A fetch takes 1 to {} ids, got {}", kFetchCountMax, ids.size()));
  }
  const std::string ns = request.target.Get("namespace");
  const NamespaceView view = index.View(CanonicalNamespace(ns));
  JsonWriter json;
  json.BeginObject().Key("vectors").BeginObject();
  for (const std::string& id : std::set<std::string>(ids.begin(), ids.end())) {
    if (const auto at = view.Find(id)) {
      REHOME_TRY_ASSIGN(const OperationView record, view.Read(*at));
      json.Key(id).BeginObject().Key("id").String(id);
      WriteRecord(json, record, true, true);
      json.EndObject();
    }
  }
  return EndRead(std::move(json.EndObject()), ns, FetchUnits(ids.size()), view);
}

Answer FetchVectorsByMetadata(Index& index, const ApiRequest& request) {
  REHOME_TRY(CheckVectorsIndex(index));
  REHOME_TRY_ASSIGN(const JsonObject body, JsonObject::Parse(request.http.body));
  REHOME_TRY_ASSIGN(const std::string ns, body.String("namespace"));
  REHOME_TRY_ASSIGN(const auto wanted, body.Integer("limit", kFetchLimitDefault));
  REHOME_TRY_ASSIGN(const std::size_t limit, CheckLimit(wanted, kFetchLimitMax));
  REHOME_TRY_ASSIGN(const std::string token, body.String("paginationToken"));
  REHOME_TRY_ASSIGN(const std::string after, ParsePageToken(token));
  REHOME_TRY_ASSIGN(const auto filter_json, body.Object("filter"));
  if (!filter_json || filter_json->members().size() == 0) {
    return Invalid("Empty filter provided for fetch by metadata request");
  }
  REHOME_TRY_ASSIGN(const Filter filter, Filter::Parse(filter_json->members()));
  const NamespaceView view = index.View(CanonicalNamespace(ns));
  JsonWriter json;
  json.BeginObject().Key("vectors").BeginObject();
  std::size_t count = 0;
  std::string last;
  bool more = false;
  REHOME_TRY(view.ForEachMatch(filter, after, [&](const OperationView& record) {
    if (count == limit) {
      more = true;
      return false;
    }
    last = record.text;
    json.Key(last).BeginObject().Key("id").String(last);
    WriteRecord(json, record, true, true);
    json.EndObject();
    ++count;
    return true;
  }));
  json.EndObject();
  if (more) {
    WritePagination(json, last);
  }
  return EndRead(std::move(json), ns, FetchUnits(count), view);
}

Answer ListVectors(Index& index, const ApiRequest& request) {
  REHOME_TRY(CheckVectorsIndex(index));
  REHOME_TRY_ASSIGN(const auto wanted, request.target.Integer("limit", kListLimitMax));
  REHOME_TRY_ASSIGN(const std::size_t limit, CheckLimit(wanted, kListLimitMax));
  REHOME_TRY_ASSIGN(const std::string after, ParsePageToken(request.target.Get("paginationToken")));
  const std::string prefix = request.target.Get("prefix");
  const std::string ns = request.target.Get("namespace");
  const NamespaceView view = index.View(CanonicalNamespace(ns));
  const RecordTable::Ids& records = view->records.ids();
  auto at = after < prefix ? records.lower_bound(prefix) : records.upper_bound(after);
  JsonWriter json;
  json.BeginObject().Key("vectors").BeginArray();
  std::string_view last;
  for (std::size_t count = 0; count < limit && at != records.end() && at->first.starts_with(prefix);
       ++count, ++at) {
    last = at->first;
    json.BeginObject().Key("id").String(last).EndObject();
  }
  json.EndArray();
  if (at != records.end() && at->first.starts_with(prefix) && !last.empty()) {
    WritePagination(json, last);
  }
  return EndRead(std::move(json), ns, 1, view);
}

Answer DescribeIndexStats(Index& index, const ApiRequest& request) {
  REHOME_TRY(CheckVectorsIndex(index));
  REHOME_TRY_ASSIGN(const JsonObject body, JsonObject::Parse(request.http.body));
  REHOME_TRY_ASSIGN(const auto filter, body.Object("filter"));
  if (filter && filter->members().size() != 0) {
    return Invalid(
        "Serverless and Starter indexes do not support describing index stats with metadata "
        "filtering");
  }
  const IndexConfig config = index.config();
  std::uint64_t total = 0;
  JsonWriter json;
  json.BeginObject().Key("namespaces").BeginObject();
  for (const NamespaceSummary& ns : index.Namespaces()) {
    json.Key(ns.name).BeginObject().Key("vectorCount").Integer(ns.count).EndObject();
    total += ns.count;
  }
  json.EndObject();
  if (config.dimension != 0) {
    json.Key("dimension").Integer(config.dimension);
  }
  json.Key("indexFullness").Integer(0).Key("totalVectorCount").Integer(total);
  json.Key("metric").String(Name(config.metric)).Key("vectorType").String(config.vector_type());
  json.Key("memoryFullness").Integer(0).Key("storageFullness").Integer(0);
  return JsonAnswer(std::move(json.EndObject()).Take());
}

}  // namespace rehome::pinecone_local
