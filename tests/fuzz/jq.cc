// jq.cc — jq at its edges. Input: a program, then a document as Extended JSON. The judge of programs
// must let pass what names nothing impure; what goes into libjq and comes out again as it is must be
// the document that went in, read by our own reader.
#include <algorithm>
#include <array>
#include <map>

#include "mapping/jq_child.h"
#include "mapping/jq_pool.h"
#include "mapping/jq_source.h"
#include "model/extended_json.h"
#include "model/json_text.h"
#include "tests/fuzz/fuzz.h"

namespace {

using namespace rehome;  // NOLINT(google-build-using-namespace): one function's worth of names

void CheckProgram(std::string_view program) {
  const Status pure = CheckJqIsPure(program);
  constexpr std::array<std::string_view, 11> kSuspect{
      "env",  "ENV",       "now",         "input",  "debug",    "stderr",
      "halt", "localtime", "search_list", "module", "prog_args"};
  const bool suspect = program.find("import") != std::string_view::npos ||
                       program.find("include") != std::string_view::npos ||
                       program.find("strflocaltime") != std::string_view::npos ||
                       std::ranges::any_of(kSuspect, [&](std::string_view word) {
                         return program.find(word) != std::string_view::npos;
                       });
  CHECK(pure.has_value() || suspect);
  for (const FieldPath& path : PathsReadByJq(program)) {
    CHECK(ParseFieldPath(path.text).has_value());
  }
}

/// Whether the two are one value to jq, which has one type of number and objects without order.
bool SameToJq(ValueView a, ValueView b);

std::map<std::string_view, ValueView> Members(DocumentView document) {
  std::map<std::string_view, ValueView> members;
  for (const auto& [key, value] : document) {
    members.insert_or_assign(key, value);
  }
  return members;
}

double NumberOf(ValueView value) {
  return value.type() == BsonType::kInt32   ? value.AsInt32()
         : value.type() == BsonType::kInt64 ? static_cast<double>(value.AsInt64())
                                            : value.AsDouble();
}

bool IsNumber(ValueView value) {
  return value.type() == BsonType::kInt32 || value.type() == BsonType::kInt64 ||
         value.type() == BsonType::kDouble;
}

bool SameToJq(ValueView a, ValueView b) {
  if (IsNumber(a) && IsNumber(b)) {
    return NumberOf(a) == NumberOf(b) || a == b;
  }
  if (a.type() != b.type() || (a.type() != BsonType::kDocument && a.type() != BsonType::kArray)) {
    return a == b;
  }
  return std::ranges::equal(Members(a.AsDocument()), Members(b.AsDocument()),
                            [](const auto& x, const auto& y) {
                              return x.first == y.first && SameToJq(x.second, y.second);
                            });
}

/// Keys of Extended JSON's own, which jq's order of keys may make something else.
bool HasDollar(ValueView value) {
  if (value.type() != BsonType::kDocument && value.type() != BsonType::kArray) {
    return value.type() == BsonType::kCodeWithScope;
  }
  return std::ranges::any_of(value.AsDocument(), [](const auto& element) {
    return element.key.starts_with('$') || HasDollar(element.value);
  });
}

void CheckConversion(DocumentView document) {
  const std::string input = JqInput(document);
  const Result<Document> ours = ParseExtendedJson(input);
  CHECK(ours.has_value());
  const Result<std::string> answer = ThroughJq(input);
  if (!answer) {
    fuzz::CheckRefusal(answer.error(), ErrorCode::kInvalidArgument);
    return;
  }
  const Result<Value> theirs = ParseExtendedJsonValue(*answer);
  const ValueView whole(BsonType::kDocument, ours->bytes());
  if (!HasDollar(whole)) {
    CHECK(theirs.has_value());
    CHECK(SameToJq(theirs->view(), whole));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto [program, text] = fuzz::Parts<2>(fuzz::Text(data, size));
  CheckProgram(program);
  if (const Result<Document> document = ParseExtendedJson(text)) {
    CheckConversion(document->view());
  }
  return 0;
}
