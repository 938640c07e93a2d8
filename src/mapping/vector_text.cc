#include "mapping/vector_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "mapping/text.h"
#include "model/extended_json.h"
#include "model/json_text.h"

namespace rehome {
namespace {

std::vector<std::string> Texts(DocumentView list) {
  std::vector<std::string> texts;
  for (const auto& element : list) {
    if (!element.value.IsNull()) {
      texts.push_back(element.value.IsString() ? std::string(element.value.AsString())
                                               : AsText(element.value));
    }
  }
  return texts;
}

}  // namespace

Result<TextTemplate> TextTemplate::Compile(std::string_view text) {
  TextTemplate out;
  const auto bad = [&](std::string_view why) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("index.text: {} in \"{}\"", why, text),
                "a field of the item stands in braces: {skills}");
  };
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t open = rest.find_first_of("{}");
    if (open == std::string_view::npos) {
      out.parts_.push_back({std::string(rest), {}});
      break;
    }
    const std::size_t close = rest.find_first_of("{}", open + 1);
    if (rest[open] == '}' || close == std::string_view::npos || rest[close] == '{') {
      return bad("a brace without its partner");
    }
    const std::string_view field = rest.substr(open + 1, close - open - 1);
    if (field.empty()) {
      return bad("no field in {}");
    }
    out.parts_.push_back({std::string(rest.substr(0, open)), std::string(field)});
    rest.remove_prefix(close + 1);
  }
  return out;
}

std::string TextTemplate::Render(DocumentView item) const {
  std::string out;
  for (const Part& part : parts_) {
    out += part.literal;
    if (!part.field.empty()) {
      if (const auto value = item.Find(part.field)) {
        out += AsText(*value);
      }
    }
  }
  return out;
}

std::vector<std::string> TextTemplate::Fields() const {
  std::vector<std::string> out;
  for (const Part& part : parts_) {
    if (!part.field.empty()) {
      out.push_back(part.field);
    }
  }
  return out;
}

bool IsSendable(ValueView value) {
  switch (value.type()) {
    case BsonType::kString:
    case BsonType::kSymbol:
    case BsonType::kCode:
      return IsUtf8(value.AsString());
    case BsonType::kDocument:
    case BsonType::kArray: {
      const DocumentView elements = value.AsDocument();
      return std::ranges::all_of(elements, [](const DocumentView::Element& element) {
        return IsUtf8(element.key) && IsSendable(element.value);
      });
    }
    case BsonType::kRegex:
    case BsonType::kDbPointer:
    case BsonType::kCodeWithScope:
      return IsUtf8(AsText(value));
    case BsonType::kDouble:
    case BsonType::kBinary:
    case BsonType::kUndefined:
    case BsonType::kObjectId:
    case BsonType::kBool:
    case BsonType::kDate:
    case BsonType::kNull:
    case BsonType::kInt32:
    case BsonType::kTimestamp:
    case BsonType::kInt64:
    case BsonType::kDecimal128:
    case BsonType::kMaxKey:
    case BsonType::kMinKey:
      return true;
  }
  return true;
}

std::optional<MetadataValue> ToMetadata(ValueView value) {
  constexpr std::int64_t kExactMax = std::int64_t{1} << 53U;
  if (value.IsNull()) {
    return std::nullopt;
  }
  if (value.IsString()) {
    return std::string(value.AsString());
  }
  if (value.type() == BsonType::kBool) {
    return value.AsBool();
  }
  if (value.type() == BsonType::kInt32) {
    return static_cast<double>(value.AsInt32());
  }
  if (value.type() == BsonType::kInt64 && value.AsInt64() >= -kExactMax &&
      value.AsInt64() <= kExactMax) {
    return static_cast<double>(value.AsInt64());
  }
  if (value.type() == BsonType::kDouble && std::isfinite(value.AsDouble())) {
    return value.AsDouble();
  }
  if (value.type() == BsonType::kArray) {
    return Texts(value.AsDocument());
  }
  return ToExtendedJson(value, JsonMode::kRelaxed);
}

}  // namespace rehome
