#include "cli/id_argument.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/extended_json.h"

namespace rehome::cli {
namespace {

constexpr std::size_t kObjectIdDigits = 24;

bool IsObjectId(std::string_view text) {
  return text.size() == kObjectIdDigits &&
         text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

}  // namespace

std::vector<Value> IdsNamed(std::string_view text) {
  std::vector<Value> out;
  const auto add = [&out](Value value) {
    if (std::ranges::find(out, value) == out.end()) {
      out.push_back(std::move(value));
    }
  };
  if (IsObjectId(text)) {
    add(ParseExtendedJsonValue(fmt::format(R"({{"$oid":"{}"}})", text)).value());
  } else if (auto parsed = ParseExtendedJsonValue(text)) {
    add(*std::move(parsed));
  }
  add(Value::String(text));
  return out;
}

}  // namespace rehome::cli
