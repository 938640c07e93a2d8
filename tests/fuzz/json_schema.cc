// json_schema.cc — $jsonSchema. Input: the schema, then a document, both Extended JSON. The verdicts
// on schemas that are made of one another must fit together.
#include "mapping/json_schema.h"

#include "model/extended_json.h"
#include "tests/fuzz/fuzz.h"

namespace {

using namespace rehome;  // NOLINT(google-build-using-namespace): one function's worth of names

/// {KEYWORD: schema}, or {KEYWORD: [schema, schema]}.
Document Around(const Document& schema, std::string_view keyword, bool listed) {
  DocumentBuilder around;
  if (listed) {
    ArrayBuilder twice;
    twice.Append(schema).Append(schema);
    around.Array(keyword, twice.Finish());
  } else {
    around.Append(keyword, schema);
  }
  return around.Finish();
}

bool Accepts(const Document& schema, DocumentView document) {
  const Result<JsonSchema> compiled = JsonSchema::Compile(schema.view());
  CHECK(compiled.has_value());
  return !compiled->Validate(document);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto [schema_text, document_text] = fuzz::Parts<2>(fuzz::Text(data, size));
  const Result<Document> schema = ParseExtendedJson(schema_text);
  if (!schema) {
    return 0;
  }
  const Result<JsonSchema> compiled = JsonSchema::Compile(schema->view());
  if (!compiled) {
    fuzz::CheckRefusal(compiled.error(), ErrorCode::kInvalidArgument);
    return 0;
  }
  const Document document = ParseExtendedJson(document_text).value_or(Document());
  const std::optional<Violation> violation = compiled->Validate(document.view());
  CHECK(!violation || !violation->keyword.empty());
  CHECK(!violation || !Describe(*violation).empty());
  CHECK(compiled->Validate(document.view()) == violation);
  const bool accepts = !violation;
  // One level more may be one too many.
  constexpr std::size_t kRoomForDepth = 512;
  if (schema->bytes().size() < kRoomForDepth) {
    CHECK(Accepts(Around(*schema, "not", false), document.view()) == !accepts);
    CHECK(Accepts(Around(*schema, "allOf", true), document.view()) == accepts);
    CHECK(Accepts(Around(*schema, "anyOf", true), document.view()) == accepts);
    CHECK(!Accepts(Around(*schema, "oneOf", true), document.view()));  // both or none
  }
  return 0;
}
