// routes_absent.cc — what the API can make and this server cannot: lists of it are empty, one of it
// is not found, and making one is refused with the reason.
#include <fmt/format.h>

#include "pinecone_local/routes.h"

namespace rehome::pinecone_local {
namespace {

std::unexpected<Refusal> NotHere(std::string_view what, std::string_view instead) {
  return Refuse(RefusalKind::kUnimplemented,
                fmt::format("{} is not part of pinecone-local: {}", what, instead));
}

}  // namespace

Answer ListNone(Catalog& /*catalog*/, const ApiRequest& /*request*/) {
  return JsonAnswer(R"({"data":[]})");
}

Answer ListNoCollections(Catalog& /*catalog*/, const ApiRequest& /*request*/) {
  return JsonAnswer(R"({"collections":[]})");
}

Answer ListNoneOfIndex(Catalog& catalog, const ApiRequest& request) {
  REHOME_TRY(catalog.FindMade(request.parameters.front()));
  return JsonAnswer(R"({"data":[]})");
}

Answer DescribeNone(Catalog& /*catalog*/, const ApiRequest& request) {
  return Fail(ErrorCode::kNotFound,
              fmt::format("Resource {} not found.", request.parameters.front()));
}

Answer RefuseCollection(Catalog& /*catalog*/, const ApiRequest& /*request*/) {
  return Fail(ErrorCode::kInvalidArgument,
              "Collections are made from pod indexes; the indexes of this server are serverless");
}

Answer RefuseBackup(Catalog& catalog, const ApiRequest& request) {
  REHOME_TRY(catalog.FindMade(request.parameters.front()));
  return NotHere("making a backup",
                 "make them with `rehome backup`, or copy the server's directory");
}

Answer RefuseSchedule(Catalog& catalog, const ApiRequest& request) {
  REHOME_TRY(catalog.FindMade(request.parameters.front()));
  return NotHere("making a backup schedule",
                 "there is no scheduler here; run `rehome backup` from one");
}

Answer RefuseRerank(Catalog& /*catalog*/, const ApiRequest& /*request*/) {
  return NotHere("rerank",
                 "there is no reranking model here; ask for more matches and order them yourself");
}

Answer ListImports(Index& /*index*/, const ApiRequest& /*request*/) {
  return JsonAnswer(R"({"data":[]})");
}

Answer RefuseImport(Index& /*index*/, const ApiRequest& /*request*/) {
  return NotHere("a bulk import",
                 "it reads object storage, which this server does not; upsert instead");
}

Answer DescribeImport(Index& /*index*/, const ApiRequest& request) {
  return Fail(ErrorCode::kNotFound, fmt::format("Import {} not found", request.parameters.front()));
}

Answer RefuseDocuments(Index& index, const ApiRequest& request) {
  if (index.config().documents.empty()) {
    return Fail(ErrorCode::kInvalidArgument,
                "This index serves the vectors API; the documents API needs an index with a "
                "documents schema");
  }
  return NotHere(fmt::format("documents/{}", request.parameters.back()),
                 "a documents index can be made and described here, but holds nothing");
}

}  // namespace rehome::pinecone_local
