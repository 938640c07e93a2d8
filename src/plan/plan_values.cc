// YAML → BSON.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "model/extended_json.h"
#include "plan/plan_reader.h"

namespace rehome {
namespace {

using Json = nlohmann::ordered_json;

/// Types that YAML does not have, as Extended JSON writes them.
constexpr std::array<std::string_view, 15> kWrappers{
    "$oid",          "$numberInt",     "$numberLong",
    "$numberDouble", "$numberDecimal", "$date",
    "$binary",       "$uuid",          "$regularExpression",
    "$timestamp",    "$minKey",        "$maxKey",
    "$undefined",    "$symbol",        "$code"};

bool IsWrapper(const PlanNode& node) {
  return node.IsMap() && !node.map.empty() &&
         std::ranges::find(kWrappers, node.map.front().key) != kWrappers.end();
}

Value NumberValue(std::int64_t number) {
  return std::in_range<std::int32_t>(number) ? Value::Int32(static_cast<std::int32_t>(number))
                                             : Value::Int64(number);
}

bool IsInteger(std::string_view text) {
  text.remove_prefix(text.starts_with('+') || text.starts_with('-') ? 1 : 0);
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

/// YAML 1.2's [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?, .inf and .nan.
std::optional<double> ParseFloat(std::string_view text) {
  const bool negative = text.starts_with('-');
  text.remove_prefix(negative || text.starts_with('+') ? 1 : 0);
  double number = 0;
  if (text == ".inf" || text == ".Inf" || text == ".INF") {
    number = std::numeric_limits<double>::infinity();
  } else if (!negative && (text == ".nan" || text == ".NaN" || text == ".NAN")) {
    number = std::numeric_limits<double>::quiet_NaN();
  } else {
    const std::size_t digit = text.starts_with('.') ? 1 : 0;
    if (text.size() <= digit || text[digit] < '0' || text[digit] > '9') {
      return std::nullopt;
    }
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size()) {
      return std::nullopt;
    }
  }
  return negative ? -number : number;
}

/// A node as the JSON that ParseExtendedJson reads.
Json ToJson(const PlanNode& node) {
  switch (node.kind) {
    case PlanNode::Kind::kNull:
      return nullptr;
    case PlanNode::Kind::kScalar: {
      const std::optional<Value> value = ScalarValue(node);
      return !value || value->view().IsString()
                 ? Json(node.text)
                 : Json::parse(ToExtendedJson(value->view(), JsonMode::kRelaxed));
    }
    case PlanNode::Kind::kList: {
      Json list = Json::array();
      for (const PlanNode& element : node.list) {
        list.push_back(ToJson(element));
      }
      return list;
    }
    case PlanNode::Kind::kMap: {
      Json map = Json::object();
      for (const PlanNode::Entry& entry : node.map) {
        map[entry.key] = ToJson(entry.node);
      }
      return map;
    }
  }
  CHECK(false && "unknown kind");
}

}  // namespace

std::optional<Value> ScalarValue(const PlanNode& node) {
  const std::string& text = node.text;
  if (node.quoted) {
    return Value::String(text);
  }
  if (text == "null" || text == "Null" || text == "NULL" || text == "~") {
    return Value();
  }
  if (text == "true" || text == "True" || text == "TRUE" || text == "false" || text == "False" ||
      text == "FALSE") {
    return Value::Bool(text[0] == 't' || text[0] == 'T');
  }
  if (IsInteger(text)) {
    std::int64_t number = 0;
    const char* const begin = text.data() + (text.starts_with('+') ? 1 : 0);
    const auto [end, error] = std::from_chars(begin, text.data() + text.size(), number);
    return error == std::errc{} ? std::optional(NumberValue(number)) : std::nullopt;
  }
  if (const std::optional<double> number = ParseFloat(text)) {
    return Value::Double(*number);
  }
  return Value::String(text);
}

std::optional<Value> PlanReader::Value(const PlanNode& node, std::string_view what) {
  if (node.unresolved) {
    return std::nullopt;
  }
  if (node.IsNull()) {
    return rehome::Value();
  }
  if (node.IsScalar()) {
    std::optional<rehome::Value> value = ScalarValue(node);
    if (!value) {
      ProblemAt(node, what,
                "is a whole number over 64 bits; write { $numberDecimal: \"…\" } or quote it");
    }
    return value;
  }
  if (IsWrapper(node)) {
    Result<rehome::Value> value = ParseExtendedJsonValue(ToJson(node).dump());
    if (!value) {
      ProblemAt(node, what, fmt::format("is wrong: {}", value.error().message));
      return std::nullopt;
    }
    return *std::move(value);
  }
  if (node.IsMap()) {
    const std::optional<rehome::Document> document = Document(node, what);
    return document
               ? std::optional(rehome::Value(ValueView(BsonType::kDocument, document->bytes())))
               : std::nullopt;
  }
  ArrayBuilder array;
  for (const PlanNode& element : node.list) {
    if (const std::optional<rehome::Value> value = Value(element, what)) {
      array.Append(value->view());
    }
  }
  const rehome::Document elements = array.Finish();
  return rehome::Value(ValueView(BsonType::kArray, elements.bytes()));
}

std::optional<Document> PlanReader::Document(const PlanNode& node, std::string_view what) {
  if (!Is(node, what, PlanNode::Kind::kMap)) {
    return std::nullopt;
  }
  DocumentBuilder document;
  for (const PlanNode::Entry& entry : node.map) {
    if (const std::optional<rehome::Value> value = Value(entry.node, entry.key)) {
      document.Append(entry.key, *value);
    }
  }
  return document.Finish();
}

}  // namespace rehome
