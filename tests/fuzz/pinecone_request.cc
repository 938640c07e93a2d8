// pinecone_request.cc — bodies of requests to the embedded server, by each of its readers. A record
// that is taken is what its own JSON says; filters that are made of one another fit together.
#include "model/vector_record.h"
#include "pinecone_local/filter.h"
#include "pinecone_local/index_request.h"
#include "pinecone_local/json_reader.h"
#include "pinecone_local/metadata.h"
#include "pinecone_local/plain_upsert.h"
#include "tests/fuzz/fuzz.h"

namespace {

using namespace rehome;                  // NOLINT(google-build-using-namespace): one function's
using namespace rehome::pinecone_local;  // NOLINT(google-build-using-namespace): worth of names

bool Matches(const std::string& filter, const Metadata& metadata) {
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  CHECK(parser.parse(filter).get(object) == simdjson::SUCCESS);
  const auto parsed = Filter::Parse(object);
  CHECK(parsed.has_value());
  return parsed->Matches(metadata);
}

void CheckFilter(const JsonObject& object, const Metadata& metadata) {
  const Result<Filter> filter = Filter::Parse(object.members());
  if (!filter) {
    fuzz::CheckRefusal(filter.error(), ErrorCode::kInvalidArgument);
    return;
  }
  const bool matches = filter->Matches(metadata);
  const std::string text = simdjson::minify(object.members());
  CHECK(Matches("{\"$not\":" + text + "}", metadata) == !matches);
  CHECK(Matches("{\"$and\":[" + text + "," + text + "]}", metadata) == matches);
  CHECK(Matches("{\"$or\":[" + text + ",{\"$not\":" + text + "}]}", metadata));
}

void CheckRecord(const std::string& text) {
  simdjson::dom::parser parser;
  Json json;
  CHECK(parser.parse(text).get(json) == simdjson::SUCCESS);
  const auto record = ParseRecord(json);
  if (!record) {
    fuzz::CheckRefusal(record.error().error, ErrorCode::kInvalidArgument);
    return;
  }
  CHECK(ParseVectorJson(VectorJson(*record)) == *record);
  CHECK(ReadStoredMetadata(MetadataJson(record->metadata)) == record->metadata);
}

/// The reader without a tree reads what the other one reads, or leaves it alone.
void CheckUpsert(std::string_view text) {
  const std::optional<UpsertRequest> plain = ReadPlainUpsert(text);
  if (!plain) {
    return;
  }
  const auto body = JsonObject::Parse(std::string(text));
  CHECK(body.has_value());
  CHECK(body->String("namespace") == plain->ns);
  simdjson::dom::array array;
  CHECK(body->Find("vectors")->get(array) == simdjson::SUCCESS);
  CHECK(array.size() == plain->records.size());
  std::size_t at = 0;
  for (const Json element : array) {
    CHECK(ParseRecord(element) == plain->records[at++]);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::Text(data, size);
  CheckUpsert(text);
  const auto body = JsonObject::Parse(std::string(text));
  if (!body) {
    fuzz::CheckRefusal(body.error().error, ErrorCode::kInvalidArgument);
    return 0;
  }
  CheckRecord(simdjson::minify(body->members()));
  const Metadata metadata = ParseMetadata(body->members()).value_or(Metadata());
  if (const auto nested = body->Object("metadata"); nested && *nested) {
    const Metadata inner = ParseMetadata((*nested)->members()).value_or(Metadata());
    if (const auto filter = body->Object("filter"); filter && *filter) {
      CheckFilter(**filter, inner);
    }
  }
  CheckFilter(*body, metadata);
  static_cast<void>(ReadCreate(*body));
  static_cast<void>(ReadCreateForModel(*body));
  IndexConfig config;
  static_cast<void>(ReadConfigure(*body, config));
  static_cast<void>(body->Integer("topK", 0));
  static_cast<void>(body->Strings("ids"));
  return 0;
}
