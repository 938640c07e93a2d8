// json_schema.cc — judging a value by a compiled schema. Each function looks at one family of
// keywords and returns the first violation; keywords of another type's family do not apply, as JSON
// Schema says.
#include "mapping/json_schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "mapping/json_schema_node.h"
#include "mapping/text.h"
#include "model/extended_json.h"
#include "model/number.h"
#include "model/sort_key.h"

namespace rehome {
namespace {

using Node = JsonSchema::Node;
/// The violation, or nothing: a pointer, since nearly every value has none.
using Found = std::unique_ptr<Violation>;

Found Judge(const Node& node, ValueView value);

Found Break(std::string_view keyword, std::string detail) {
  return std::make_unique<Violation>(Violation{{}, std::string(keyword), std::move(detail)});
}

/// Puts the step that led to a violation before its path.
Found Under(std::string_view step, Found found) {
  if (found) {
    const bool plain = found->path.empty() || found->path.front() == '[';
    found->path = fmt::format("{}{}{}", step, plain ? "" : ".", found->path);
  }
  return found;
}

std::string Shown(ValueView value) {
  constexpr std::size_t kShownBytes = 80;
  const std::string json = ToExtendedJson(value, JsonMode::kRelaxed);
  const std::string_view cut = CutText(json, kShownBytes);
  return cut.size() < json.size() ? std::string(cut) + "…" : json;
}

Found JudgeType(const Node& node, ValueView value) {
  if (node.has_types && !node.types.test(static_cast<std::size_t>(value.type()))) {
    return Break(node.type_keyword, fmt::format("is {}", Name(value.type())));
  }
  if (node.has_enum && !node.enumeration.contains(EqualityKey(value))) {
    return Break("enum", fmt::format("{} is not one of its values", Shown(value)));
  }
  return nullptr;
}

/// MongoDB's $lte / $gte: NaN compares only with NaN.
bool Within(const Node::Bound& bound, ValueView value, bool upper) {
  if (bound.is_nan || IsNan(value)) {
    return bound.is_nan && IsNan(value) && !bound.exclusive;
  }
  const int order = SortKey(value).compare(bound.key);
  return order == 0 ? !bound.exclusive : (order < 0) == upper;
}

Found JudgeNumber(const Node& node, ValueView value) {
  if (node.minimum && !Within(*node.minimum, value, false)) {
    return Break("minimum", fmt::format("{}, bound {}", Shown(value), node.minimum->text));
  }
  if (node.maximum && !Within(*node.maximum, value, true)) {
    return Break("maximum", fmt::format("{}, bound {}", Shown(value), node.maximum->text));
  }
  if (node.multiple_of) {
    const auto number = Decimal::Of(value);
    if (!number || !number->IsMultipleOf(*node.multiple_of)) {
      return Break("multipleOf", Shown(value));
    }
  }
  return nullptr;
}

Found JudgeCount(std::uint64_t count, const std::optional<std::uint64_t>& min,
                 const std::optional<std::uint64_t>& max, std::string_view family) {
  if (min && count < *min) {
    return Break(fmt::format("min{}", family), fmt::format("{}, at least {}", count, *min));
  }
  if (max && count > *max) {
    return Break(fmt::format("max{}", family), fmt::format("{}, at most {}", count, *max));
  }
  return nullptr;
}

std::uint64_t CodePoints(std::string_view text) {
  return static_cast<std::uint64_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<std::uint8_t>(c) & 0xC0U) != 0x80; }));
}

Found JudgeString(const Node& node, ValueView value) {
  const std::string_view text = value.AsString();
  if (node.min_length || node.max_length) {
    if (Found found = JudgeCount(CodePoints(text), node.min_length, node.max_length, "Length")) {
      return found;
    }
  }
  if (node.pattern && !node.pattern->FoundIn(text)) {
    return Break("pattern",
                 fmt::format("{} does not match {}", Shown(value), node.pattern->text()));
  }
  return nullptr;
}

/// Whether a list holds nothing but strings, all different: the common case, told without keys.
bool AreDifferentStrings(DocumentView list) {
  constexpr std::size_t kCountMax = 16;
  std::array<std::string_view, kCountMax> texts;
  std::size_t count = 0;
  for (const auto& element : list) {
    if (!element.value.IsString() || count == kCountMax) {
      return false;
    }
    const std::string_view text = element.value.AsString();
    if (std::find(texts.begin(), texts.begin() + count, text) != texts.begin() + count) {
      return false;
    }
    texts[count++] = text;
  }
  return true;
}

Found JudgeUnique(DocumentView list) {
  if (AreDifferentStrings(list)) {
    return nullptr;
  }
  std::set<std::string> seen;
  for (const auto& element : list) {
    if (!seen.insert(EqualityKey(element.value)).second) {
      return Break("uniqueItems", fmt::format("{} is there twice", Shown(element.value)));
    }
  }
  return nullptr;
}

/// The schema for the element at `index`; nullptr: none. `refused` is set where additionalItems is
/// false.
const Node* ItemSchema(const Node& node, std::size_t index, bool& refused) {
  if (node.items) {
    return node.items.get();
  }
  if (!node.has_tuple) {
    return nullptr;
  }
  if (index < node.tuple.size()) {
    return node.tuple[index].get();
  }
  refused = !node.additional_items.allowed;
  return node.additional_items.schema.get();
}

Found JudgeArray(const Node& node, ValueView value) {
  const DocumentView list = value.AsDocument();
  std::size_t count = 0;
  for (const auto& element : list) {
    bool refused = false;
    const Node* schema = ItemSchema(node, count, refused);
    if (refused) {
      return Break("additionalItems", fmt::format("more than {} elements", node.tuple.size()));
    }
    if (schema != nullptr) {
      if (Found found = Judge(*schema, element.value)) {
        return Under(fmt::format("[{}]", count), std::move(found));
      }
    }
    ++count;
  }
  if (Found found = JudgeCount(count, node.min_items, node.max_items, "Items")) {
    return found;
  }
  return node.unique_items ? JudgeUnique(list) : nullptr;
}

/// `number` is that of `name` in the node's table.
Found JudgeProperty(const Node& node, std::size_t number, std::string_view name, ValueView value) {
  bool covered = false;
  if (number < node.properties.size() && node.properties[number]) {
    covered = true;
    if (Found found = Judge(*node.properties[number], value)) {
      return found;
    }
  }
  for (const auto& [pattern, schema] : node.pattern_properties) {
    if (pattern.FoundIn(name)) {
      covered = true;
      if (Found found = Judge(*schema, value)) {
        return found;
      }
    }
  }
  if (covered) {
    return nullptr;
  }
  if (!node.additional_properties.allowed) {
    return Break("additionalProperties", "is not allowed");
  }
  return node.additional_properties.schema ? Judge(*node.additional_properties.schema, value)
                                           : nullptr;
}

Found JudgeDependencies(const Node& node, ValueView value) {
  const DocumentView document = value.AsDocument();
  for (const Node::Dependency& dependency : node.dependencies) {
    if (!document.Find(dependency.property)) {
      continue;
    }
    for (const std::string& name : dependency.required) {
      if (!document.Find(name)) {
        return Break("dependencies", fmt::format("{} needs {}", dependency.property, name));
      }
    }
    if (dependency.schema) {
      if (Found found = Judge(*dependency.schema, value)) {
        return found;
      }
    }
  }
  return nullptr;
}

Found JudgeObject(const Node& node, ValueView value) {
  // One pass: a missing name is said before what is wrong with the fields that are there.
  std::vector<bool> present(node.names.size());
  Found wrong;
  std::uint64_t count = 0;
  for (const auto& [name, field] : value.AsDocument()) {
    ++count;
    const std::size_t number = node.names.Find(name);
    if (number != KeyTable::kNone) {
      present[number] = true;
    }
    if (!wrong) {
      wrong = Under(name, JudgeProperty(node, number, name, field));
    }
  }
  for (const std::size_t number : node.required) {
    if (!present[number]) {
      return Break("required", fmt::format("{} is missing", node.names.name(number)));
    }
  }
  if (wrong) {
    return wrong;
  }
  if (Found found = JudgeCount(count, node.min_properties, node.max_properties, "Properties")) {
    return found;
  }
  return JudgeDependencies(node, value);
}

Found JudgeCombinations(const Node& node, ValueView value) {
  for (const Node::Child& child : node.all_of) {
    if (Found found = Judge(*child, value)) {
      return found;
    }
  }
  const auto holds = [&](const Node::Child& child) { return !Judge(*child, value); };
  if (!node.any_of.empty() && std::ranges::none_of(node.any_of, holds)) {
    return Break("anyOf", fmt::format("none of its {} schemas holds", node.any_of.size()));
  }
  if (!node.one_of.empty()) {
    if (const auto count = std::ranges::count_if(node.one_of, holds); count != 1) {
      return Break("oneOf", fmt::format("{} of its {} schemas hold", count, node.one_of.size()));
    }
  }
  if (node.negated && holds(node.negated)) {
    return Break("not", "its schema holds");
  }
  return nullptr;
}

Found JudgeByType(const Node& node, ValueView value) {
  if (IsNumber(value.type())) {
    return JudgeNumber(node, value);
  }
  if (value.IsString()) {
    return JudgeString(node, value);
  }
  if (value.type() == BsonType::kArray) {
    return JudgeArray(node, value);
  }
  return value.type() == BsonType::kDocument ? JudgeObject(node, value) : nullptr;
}

Found Judge(const Node& node, ValueView value) {
  if (Found found = JudgeType(node, value)) {
    return found;
  }
  if (Found found = JudgeByType(node, value)) {
    return found;
  }
  return JudgeCombinations(node, value);
}

/// The same value with the fields of every object in name order.
Document WithSortedFields(DocumentView document, BsonType type) {
  std::vector<DocumentView::Element> elements;
  for (const auto& element : document) {
    elements.push_back(element);
  }
  if (type == BsonType::kDocument) {
    std::ranges::stable_sort(elements, {}, &DocumentView::Element::key);
  }
  DocumentBuilder builder;
  for (const auto& [key, value] : elements) {
    if (value.type() == BsonType::kDocument || value.type() == BsonType::kArray) {
      const Document sorted = WithSortedFields(value.AsDocument(), value.type());
      builder.Append(key, ValueView(value.type(), sorted.bytes()));
    } else {
      builder.Append(key, value);
    }
  }
  return builder.Finish();
}

}  // namespace

std::string EqualityKey(ValueView value) {
  if (value.type() != BsonType::kDocument && value.type() != BsonType::kArray) {
    return SortKey(value);
  }
  const Document sorted = WithSortedFields(value.AsDocument(), value.type());
  return SortKey(ValueView(value.type(), sorted.bytes()));
}

bool IsNan(ValueView number) {
  if (number.type() == BsonType::kDouble) {
    return std::isnan(number.AsDouble());
  }
  // Decimal128 is little-endian: the last byte holds the sign and the combination field, 11111 of
  // which is NaN.
  return number.type() == BsonType::kDecimal128 &&
         (static_cast<std::uint8_t>(number.payload().back()) & 0x7CU) == 0x7C;
}

std::optional<Violation> JsonSchema::Validate(ValueView value) const {
  const Found found = Judge(*root_, value);
  return found ? std::optional(*found) : std::nullopt;
}

std::optional<Violation> JsonSchema::Validate(DocumentView document) const {
  return Validate(ValueView(BsonType::kDocument, document.bytes()));
}

std::string Describe(const Violation& violation) {
  const std::string_view path =
      violation.path.empty() ? std::string_view("the item") : violation.path;
  return fmt::format("{}: {}: {}", path, violation.keyword, violation.detail);
}

}  // namespace rehome
