// extended_json.cc — Extended JSON → BSON → Extended JSON. What was read is written so that it reads
// back to the same bytes, in canonical form exactly, in relaxed form once it is relaxed.
#include "model/extended_json.h"

#include "tests/fuzz/fuzz.h"

namespace {

using namespace rehome;  // NOLINT(google-build-using-namespace): one function's worth of names

void CheckDocument(const Document& document) {
  CHECK(Document::Parse(document.bytes()).has_value());
  CHECK(FaithfulJson(document.view()).has_value());
  const std::string relaxed = ToExtendedJson(document.view(), JsonMode::kRelaxed);
  const Result<Document> again = ParseExtendedJson(relaxed);
  CHECK(again.has_value());
  CHECK(ToExtendedJson(again->view(), JsonMode::kRelaxed) == relaxed);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::Text(data, size);
  if (const Result<Document> document = ParseExtendedJson(text)) {
    CheckDocument(*document);
  } else {
    fuzz::CheckRefusal(document.error(), ErrorCode::kInvalidArgument);
  }
  if (const Result<Value> value = ParseExtendedJsonValue(text)) {
    const Result<Value> again =
        ParseExtendedJsonValue(ToExtendedJson(value->view(), JsonMode::kCanonical));
    CHECK(again.has_value());
    CHECK(*again == *value);
  } else {
    fuzz::CheckRefusal(value.error(), ErrorCode::kInvalidArgument);
  }
  return 0;
}
