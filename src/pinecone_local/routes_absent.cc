// routes_absent.cc — what the API can make and this server cannot: lists of it are empty, one of it
// is not found.
#include <fmt/format.h>

#include "pinecone_local/routes.h"

namespace rehome::pinecone_local {

Answer ListNone(Catalog& /*catalog*/, const ApiRequest& /*request*/) {
  return JsonAnswer(R"({"data":[]})");
}

Answer ListNoCollections(Catalog& /*catalog*/, const ApiRequest& /*request*/) {
  return JsonAnswer(R"({"collections":[]})");
}

Answer ListNoneOfIndex(Catalog& catalog, const ApiRequest& request) {
  REHOME_TRY(catalog.Find(request.parameters.front()));
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

Answer ListImports(Index& /*index*/, const ApiRequest& /*request*/) {
  return JsonAnswer(R"({"data":[]})");
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
  return Refuse(RefusalKind::kUnimplemented,
                fmt::format("documents/{} is not part of pinecone-local: a documents index can be "
                            "made and described here, but holds nothing",
                            request.parameters.back()));
}

}  // namespace rehome::pinecone_local
