// bson.cc — bytes from a store. What Document::Parse lets in can be walked, ordered, named, digested,
// marked and written by everything behind it, which does not check again.
#include "model/document.h"

#include "mapping/text.h"
#include "model/extended_json.h"
#include "model/item.h"
#include "model/sort_key.h"
#include "tests/fuzz/fuzz.h"

namespace {

using namespace rehome;  // NOLINT(google-build-using-namespace): one function's worth of names

Document Rebuilt(DocumentView document) {
  DocumentBuilder builder;
  for (const auto& [key, value] : document) {
    if (value.type() == BsonType::kDocument || value.type() == BsonType::kArray) {
      const Document inner = Rebuilt(value.AsDocument());
      builder.Append(key, ValueView(value.type(), inner.bytes()));
    } else {
      builder.Append(key, value);
    }
  }
  return builder.Finish();
}

void CheckValue(ValueView value) {
  CHECK(!SortKey(value).empty());
  const std::string id = IdText(value);
  for (const char c : id) {
    CHECK(c >= ' ' && c <= '~');
  }
  CHECK(ItemId("port_{_id}", value).size() <= 512);
  static_cast<void>(AsText(value));
  static_cast<void>(ToExtendedJson(value, JsonMode::kRelaxed));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Result<Document> document = Document::Parse(std::string(fuzz::Text(data, size)));
  if (!document) {
    fuzz::CheckRefusal(document.error(), ErrorCode::kDataLoss);
    return 0;
  }
  const DocumentView view = document->view();
  CHECK(Rebuilt(view) == *document);
  for (const auto& [key, value] : view) {
    CHECK(view.Find(key).has_value());
    CheckValue(value);
  }
  const Document marked = WithMark(view, "some-id");
  CHECK(IsMarked(marked.view()));
  CHECK(DocumentDigest(marked.view()) == DocumentDigest(view));
  CHECK(DocumentDigest(WithMark(marked.view(), "").view()) == DocumentDigest(view));
  // The reader and the writer agree on what Extended JSON can carry.
  if (const auto text = FaithfulJson(view)) {
    const auto read = ParseExtendedJson(*text);
    CHECK(read.has_value());
    CHECK(read->bytes() == view.bytes());
  }
  return 0;
}
