// routes_write.cc — upsert, update, delete.
#include <fmt/format.h>

#include "pinecone_local/json_reader.h"
#include "pinecone_local/json_writer.h"
#include "pinecone_local/metadata.h"
#include "pinecone_local/plain_upsert.h"
#include "pinecone_local/routes.h"

namespace rehome::pinecone_local {
namespace {

constexpr std::size_t kUpsertCountMax = 1000;
constexpr std::size_t kDeleteCountMax = 1000;

HttpResponse Written(std::string body, Lsn lsn) {
  HttpResponse answer = JsonAnswer(std::move(body));
  answer.request_lsn = lsn;
  return answer;
}

/// The body's namespace, checked, in its canonical form.
Refusable<std::string> ReadNamespace(const Index& index, const JsonObject& body) {
  REHOME_TRY_ASSIGN(const std::string ns, body.String("namespace"));
  return WritableNamespace(index, ns);
}

Refusable<UpsertRequest> ReadUpsert(const std::string& text) {
  if (auto plain = ReadPlainUpsert(text)) {
    return *std::move(plain);
  }
  REHOME_TRY_ASSIGN(const JsonObject body, JsonObject::Parse(text));
  UpsertRequest upsert;
  REHOME_TRY_ASSIGN(upsert.ns, body.String("namespace"));
  const auto json = body.Find("vectors");
  simdjson::dom::array array;
  if (!json || json->get(array) != simdjson::SUCCESS) {
    return Invalid("An upsert takes a list of vectors");
  }
  upsert.records.reserve(array.size());
  for (const Json element : array) {
    REHOME_TRY_ASSIGN(upsert.records.emplace_back(), ParseRecord(element));
  }
  return upsert;
}

/// The filter, or nothing where there is none; `{}` is refused with `empty_text`.
Refusable<std::optional<Filter>> ReadFilter(const JsonObject& body, std::string_view empty_text) {
  REHOME_TRY_ASSIGN(const auto object, body.Object("filter"));
  if (!object) {
    return std::nullopt;
  }
  if (object->members().size() == 0) {
    return Invalid(std::string(empty_text));
  }
  REHOME_TRY_ASSIGN(Filter filter, Filter::Parse(object->members()));
  return std::optional(std::move(filter));
}

Refusable<RecordPatch> ReadPatch(const JsonObject& body, std::string_view what) {
  RecordPatch patch;
  REHOME_TRY_ASSIGN(patch.values, body.Floats("values", what));
  REHOME_TRY_ASSIGN(patch.sparse, body.Sparse("sparseValues", what));
  if (const auto metadata = body.Find("setMetadata")) {
    REHOME_TRY_ASSIGN(patch.set_metadata, ParseMetadata(*metadata));
  }
  return patch;
}

Answer UpdateByFilter(Index& index, const JsonObject& body, std::string_view ns,
                      const Filter& filter, const RecordPatch& patch) {
  if (!patch.values.empty() || !patch.sparse.indices.empty()) {
    return Invalid("Update by metadata request does not support updating vector values.");
  }
  REHOME_TRY_ASSIGN(const bool dry_run, body.Bool("dryRun"));
  if (patch.set_metadata.empty() && !dry_run) {
    return Invalid("Update by metadata request must set metadata.");
  }
  REHOME_TRY_ASSIGN(const UpdatedMany updated,
                    index.UpdateWhere(ns, filter, patch.set_metadata, dry_run));
  return Written(fmt::format(R"({{"matchedRecords":{}}})", updated.matched), updated.lsn);
}

Refusable<Lsn> Delete(Index& index, const JsonObject& body, std::string_view ns) {
  REHOME_TRY_ASSIGN(const auto ids, body.Strings("ids"));
  REHOME_TRY_ASSIGN(const bool delete_all, body.Bool("deleteAll"));
  REHOME_TRY_ASSIGN(const auto filter,
                    ReadFilter(body, "Delete with empty metadata filter is not allowed"));
  if (delete_all) {
    if (!ids.empty() || filter) {
      return Invalid(filter ? "No filter allowed when delete_all=true"
                            : "No explicit IDs allowed when delete_all=true");
    }
    return index.DeleteAll(ns);
  }
  if (filter) {
    // The service is said to ignore the ids here and to delete all that the filter matches; we
    // refuse the request.
    return ids.empty() ? index.DeleteWhere(ns, *filter)
                       : Invalid("Cannot provide both 'ids' and 'filter' at the same time");
  }
  if (ids.empty() || ids.size() > kDeleteCountMax) {
    return Invalid(fmt::format("A delete takes 1 to {} ids, a filter or deleteAll; got {} ids",
                               kDeleteCountMax, ids.size()));
  }
  return index.Delete(ns, ids);
}

}  // namespace

Answer UpsertVectors(Index& index, const ApiRequest& request) {
  REHOME_TRY(CheckVectorsIndex(index));
  REHOME_TRY_ASSIGN(const UpsertRequest upsert, ReadUpsert(request.http.body));
  REHOME_TRY_ASSIGN(const std::string ns, WritableNamespace(index, upsert.ns));
  if (upsert.records.empty() || upsert.records.size() > kUpsertCountMax) {
    return Invalid(fmt::format("An upsert takes 1 to {} vectors, got {}", kUpsertCountMax,
                               upsert.records.size()));
  }
  REHOME_TRY_ASSIGN(const Lsn lsn, index.Upsert(ns, upsert.records));
  return Written(fmt::format(R"({{"upsertedCount":{}}})", upsert.records.size()), lsn);
}

Answer UpdateVectors(Index& index, const ApiRequest& request) {
  REHOME_TRY(CheckVectorsIndex(index));
  REHOME_TRY_ASSIGN(const JsonObject body, JsonObject::Parse(request.http.body));
  REHOME_TRY_ASSIGN(const std::string ns, ReadNamespace(index, body));
  REHOME_TRY_ASSIGN(const std::string id, body.String("id"));
  REHOME_TRY_ASSIGN(const auto filter,
                    ReadFilter(body, "Update with empty metadata filter is not allowed"));
  REHOME_TRY_ASSIGN(const RecordPatch patch, ReadPatch(body, fmt::format("Vector ID '{}'", id)));
  if (filter) {
    return id.empty() ? UpdateByFilter(index, body, ns, *filter, patch)
                      : Invalid("Cannot provide both 'id' and 'filter' at the same time");
  }
  REHOME_TRY(CheckId(id, "Vector ID"));
  REHOME_TRY_ASSIGN(const Lsn lsn, index.Update(ns, id, patch));
  return Written("{}", lsn);
}

Answer DeleteVectors(Index& index, const ApiRequest& request) {
  REHOME_TRY(CheckVectorsIndex(index));
  REHOME_TRY_ASSIGN(const JsonObject body, JsonObject::Parse(request.http.body));
  REHOME_TRY_ASSIGN(const std::string ns, ReadNamespace(index, body));
  REHOME_TRY_ASSIGN(const Lsn lsn, Delete(index, body, ns));
  return Written("{}", lsn);
}

}  // namespace rehome::pinecone_local
