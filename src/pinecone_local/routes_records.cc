// routes_records.cc — records: text that the index embeds by itself (snake_case, and the control
// plane's errors).
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "pinecone_local/json_reader.h"
#include "pinecone_local/json_writer.h"
#include "pinecone_local/metadata.h"
#include "pinecone_local/models.h"
#include "pinecone_local/query.h"
#include "pinecone_local/routes.h"

namespace rehome::pinecone_local {
namespace {

Result<IntegratedModel> IntegratedOf(const IndexConfig& config) {
  if (!config.integrated) {
    return Invalid(
        fmt::format("Index {} has no integrated embedding model: it takes vectors, not "
                    "text",
                    config.name));
  }
  return *config.integrated;
}

/// A record without its vector, and the text that it is made from.
struct TextRecord {
  VectorRecord record;
  std::string text;
};

Refusable<TextRecord> ReadRecord(const std::string& line, const std::string& field) {
  REHOME_TRY_ASSIGN(const JsonObject json, JsonObject::Parse(line));
  TextRecord read;
  REHOME_TRY_ASSIGN(read.record.id, json.String("_id"));
  REHOME_TRY_ASSIGN(const std::string id, json.String("id"));
  if (!id.empty() && !read.record.id.empty()) {
    return Invalid("A record takes '_id' or 'id', not both");
  }
  if (read.record.id.empty()) {
    read.record.id = id;
  }
  REHOME_TRY(CheckId(read.record.id, "Record ID"));
  if (!json.Find(field)) {
    return Invalid(fmt::format("Record '{}' has no field '{}', which the index embeds",
                               read.record.id, field));
  }
  REHOME_TRY_ASSIGN(read.text, json.String(field));
  REHOME_TRY_ASSIGN(read.record.metadata, ParseMetadata(json.members()));
  read.record.metadata.erase("_id");
  read.record.metadata.erase("id");
  REHOME_TRY(CheckMetadataSize(read.record.metadata));
  return read;
}

Refusable<std::vector<TextRecord>> ReadRecords(std::string_view body, const std::string& field) {
  std::vector<TextRecord> records;
  while (!body.empty()) {
    const std::size_t end = body.find('\n');
    const std::string line(body.substr(0, end));
    body.remove_prefix(end == std::string_view::npos ? body.size() : end + 1);
    if (line.find_first_not_of(" \t\r") == std::string::npos) {
      continue;
    }
    if (records.size() == kTextsMax) {
      return Invalid(fmt::format("An upsert takes at most {} records", kTextsMax));
    }
    REHOME_TRY_ASSIGN(TextRecord record, ReadRecord(line, field));
    records.push_back(std::move(record));
  }
  if (records.empty()) {
    return Invalid("An upsert takes at least one record");
  }
  return records;
}

/// The part of a search that says what is near: a text, a vector or a record.
struct Sought {
  Query query;
  std::string id;
  std::uint64_t tokens = 0;  // embedded
};

Refusable<void> SeekText(const ApiRequest& request, const IndexConfig& config,
                         const JsonObject& inputs, Sought& sought) {
  REHOME_TRY(IntegratedOf(config));
  REHOME_TRY_ASSIGN(const std::string text, inputs.String("text"));
  if (text.empty()) {
    return Invalid("inputs must have a text");
  }
  REHOME_TRY_ASSIGN(EmbeddedTexts embedded,
                    Embed(request.facilities, std::span(&text, 1), config.dimension));
  sought.query.values = std::move(embedded.vectors.front());
  sought.tokens = embedded.tokens;
  return {};
}

Refusable<Sought> ReadSought(const ApiRequest& request, const IndexConfig& config,
                             const JsonObject& query) {
  Sought sought;
  REHOME_TRY_ASSIGN(sought.query.top_k, ReadTopK(query, "top_k"));
  REHOME_TRY_ASSIGN(const auto filter, query.Object("filter"));
  if (filter) {
    REHOME_TRY_ASSIGN(sought.query.filter, Filter::Parse(filter->members()));
  }
  REHOME_TRY_ASSIGN(sought.id, query.String("id"));
  REHOME_TRY_ASSIGN(const auto inputs, query.Object("inputs"));
  REHOME_TRY_ASSIGN(const auto vector, query.Object("vector"));
  // Clients send an empty `inputs` beside a vector or an id.
  const bool text = inputs && inputs->Find("text");
  if ((text ? 1 : 0) + (vector ? 1 : 0) + (sought.id.empty() ? 0 : 1) != 1) {
    return Invalid("A search takes one of 'inputs' with a text, 'vector' and 'id'");
  }
  if (query.Find("match_terms")) {
    return Invalid("match_terms needs a sparse index with integrated embedding");
  }
  if (text) {
    REHOME_TRY(SeekText(request, config, *inputs, sought));
  } else if (vector) {
    REHOME_TRY_ASSIGN(sought.query.values, vector->Floats("values", "The query vector"));
    REHOME_TRY_ASSIGN(sought.query.sparse,
                      vector->Sparse("sparse_indices", "sparse_values", "The query vector"));
  }
  return sought;
}

void WriteHit(JsonWriter& json, const Match& match, const Metadata& metadata,
              const std::optional<std::set<std::string>>& fields) {
  json.BeginObject().Key("_id").String(match.record.text).Key("_score").Number(match.score);
  Metadata shown;
  for (const auto& [key, value] : metadata) {
    if (!fields || fields->contains(key)) {
      shown.emplace(key, value);
    }
  }
  json.Key("fields").Raw(MetadataJson(shown)).EndObject();
}

}  // namespace

Answer UpsertRecords(Index& index, const ApiRequest& request) {
  REHOME_TRY(CheckVectorsIndex(index));
  const std::string ns = CanonicalNamespace(request.parameters.front());
  REHOME_TRY(CheckId(ns, "Namespace"));
  if (const auto alias = index.FindAlias(ns)) {
    return Fail(ErrorCode::kAlreadyExists,
                fmt::format("{} is a namespace alias; write to its target namespace {} instead", ns,
                            alias->target));
  }
  const IndexConfig config = index.config();
  REHOME_TRY_ASSIGN(const IntegratedModel model, IntegratedOf(config));
  REHOME_TRY_ASSIGN(auto read, ReadRecords(request.http.body, model.field));
  std::vector<std::string> texts;
  texts.reserve(read.size());
  for (TextRecord& record : read) {
    texts.push_back(std::move(record.text));
  }
  REHOME_TRY_ASSIGN(EmbeddedTexts embedded, Embed(request.facilities, texts, config.dimension));
  std::vector<VectorRecord> records;
  records.reserve(read.size());
  for (std::size_t i = 0; i < read.size(); ++i) {
    read[i].record.values = std::move(embedded.vectors[i]);
    records.push_back(std::move(read[i].record));
  }
  REHOME_TRY_ASSIGN(const Lsn lsn, index.Upsert(ns, records));
  HttpResponse answer = JsonAnswer({}, 201);
  answer.request_lsn = lsn;
  return answer;
}

Answer SearchRecords(Index& index, const ApiRequest& request) {
  REHOME_TRY(CheckVectorsIndex(index));
  REHOME_TRY_ASSIGN(const JsonObject body, JsonObject::Parse(request.http.body));
  REHOME_TRY_ASSIGN(const auto query, body.Object("query"));
  if (!query) {
    return Invalid("A search takes a query");
  }
  if (body.Find("rerank")) {
    return Refuse(RefusalKind::kUnimplemented,
                  "rerank is not part of pinecone-local: there is no reranking model here");
  }
  std::optional<std::set<std::string>> fields;
  if (body.Find("fields")) {
    REHOME_TRY_ASSIGN(const auto names, body.Strings("fields"));
    fields.emplace(names.begin(), names.end());
  }
  const IndexConfig config = index.config();
  REHOME_TRY_ASSIGN(Sought sought, ReadSought(request, config, *query));
  const std::string& ns = request.parameters.front();
  const NamespaceView view = index.View(CanonicalNamespace(ns));
  REHOME_TRY_ASSIGN(const auto matches,
                    SearchFor(view, config, std::move(sought.query), sought.id));
  JsonWriter json;
  json.BeginObject().Key("result").BeginObject().Key("hits").BeginArray();
  for (const Match& match : matches) {
    REHOME_TRY_ASSIGN(const Metadata metadata, ReadStoredMetadata(match.record.metadata));
    WriteHit(json, match, metadata, fields);
  }
  json.EndArray().EndObject().Key("usage").BeginObject().Key("read_units").Integer(1);
  if (sought.tokens != 0) {
    json.Key("embed_total_tokens").Integer(sought.tokens);
  }
  json.EndObject().Key("namespace").String(view.served());
  HttpResponse answer = JsonAnswer(std::move(json.EndObject()).Take());
  answer.indexed_lsn = view->lsn;
  return answer;
}

}  // namespace rehome::pinecone_local
