// json_schema_compile.cc — schema document → JsonSchema::Node, refusing what MongoDB refuses. One
// reader a keyword, in one table.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bitset>
#include <cmath>

#include "mapping/json_schema_node.h"
#include "mapping/text.h"
#include "model/extended_json.h"
#include "model/number.h"
#include "model/sort_key.h"

namespace rehome {
namespace {

using Node = JsonSchema::Node;

constexpr int kDepthMax = 100;

constexpr std::array kNumberTypes{BsonType::kInt32, BsonType::kInt64, BsonType::kDouble,
                                  BsonType::kDecimal128};

/// Where in the schema: every error names it.
struct Place {
  std::string path;
  int depth = 0;
  [[nodiscard]] Place At(std::string_view step) const {
    return {path.empty() ? std::string(step) : fmt::format("{}.{}", path, step), depth + 1};
  }
};

std::unexpected<Error> Bad(const Place& place, std::string_view what) {
  return Fail(
      ErrorCode::kInvalidArgument,
      fmt::format("schema: {}: {}", place.path.empty() ? "the top" : place.path, what),
      "items.schema holds MongoDB's $jsonSchema; see the list of its keywords in MongoDB's manual");
}

Result<Node::Child> CompileNode(DocumentView schema, const Place& place);

Result<Node::Child> CompileChild(ValueView value, const Place& place) {
  if (value.type() != BsonType::kDocument) {
    return Bad(place, fmt::format("must be an object, is {}", Name(value.type())));
  }
  return CompileNode(value.AsDocument(), place);
}

Result<std::string> ReadString(ValueView value, const Place& place) {
  if (!value.IsString()) {
    return Bad(place, fmt::format("must be a string, is {}", Name(value.type())));
  }
  return std::string(value.AsString());
}

Result<bool> ReadBool(ValueView value, const Place& place) {
  if (value.type() != BsonType::kBool) {
    return Bad(place, fmt::format("must be a boolean, is {}", Name(value.type())));
  }
  return value.AsBool();
}

Result<std::uint64_t> ReadCount(ValueView value, const Place& place) {
  std::optional<double> number;
  if (value.type() == BsonType::kInt32) {
    number = value.AsInt32();
  } else if (value.type() == BsonType::kInt64) {
    number = static_cast<double>(value.AsInt64());
  } else if (value.type() == BsonType::kDouble) {
    number = value.AsDouble();
  } else if (value.type() == BsonType::kDecimal128) {
    number = std::strtod(AsText(value).c_str(), nullptr);
  }
  if (!number || !(*number >= 0) || *number != std::floor(*number) || *number > 9.2e18) {
    return Bad(place, "must be a whole number, not negative");
  }
  return static_cast<std::uint64_t>(*number);
}

Result<std::vector<std::string>> ReadNames(ValueView value, const Place& place) {
  std::vector<std::string> names;
  if (value.type() != BsonType::kArray || value.AsDocument().empty()) {
    return Bad(place, "must be a list of strings with at least one");
  }
  for (const auto& element : value.AsDocument()) {
    REHOME_TRY_ASSIGN(std::string name, ReadString(element.value, place.At(element.key)));
    if (std::ranges::find(names, name) != names.end()) {
      return Bad(place, fmt::format("lists \"{}\" twice", name));
    }
    names.push_back(std::move(name));
  }
  return names;
}

Result<std::vector<Node::Child>> ReadSchemas(ValueView value, const Place& place) {
  if (value.type() != BsonType::kArray) {
    return Bad(place, fmt::format("must be a list of objects, is {}", Name(value.type())));
  }
  std::vector<Node::Child> schemas;
  for (const auto& element : value.AsDocument()) {
    REHOME_TRY_ASSIGN(Node::Child child, CompileChild(element.value, place.At(element.key)));
    schemas.push_back(std::move(child));
  }
  return schemas;
}

Status ReadSchemaList(std::vector<Node::Child>& out, ValueView value, const Place& place) {
  REHOME_TRY_ASSIGN(out, ReadSchemas(value, place));
  return out.empty() ? Status(Bad(place, "must list at least one schema")) : Status();
}

Result<Node::BoolOrSchema> ReadBoolOrSchema(ValueView value, const Place& place) {
  if (value.type() == BsonType::kBool) {
    return Node::BoolOrSchema{value.AsBool(), nullptr};
  }
  REHOME_TRY_ASSIGN(Node::Child child, CompileChild(value, place));
  return Node::BoolOrSchema{true, std::move(child)};
}

using Types = std::bitset<256>;

void AddType(Types& types, BsonType type) {
  types.set(static_cast<std::size_t>(type));
}

bool AddNumberTypes(std::string_view name, Types& types) {
  if (name == "number") {
    std::ranges::for_each(kNumberTypes, [&](BsonType type) { AddType(types, type); });
    return true;
  }
  return false;
}

Status AddJsonType(std::string_view name, Types& types, const Place& place) {
  using Alias = std::pair<std::string_view, BsonType>;
  static constexpr std::array kAliases{
      Alias{"object", BsonType::kDocument}, Alias{"array", BsonType::kArray},
      Alias{"string", BsonType::kString}, Alias{"boolean", BsonType::kBool},
      Alias{"null", BsonType::kNull}};
  if (AddNumberTypes(name, types)) {
    return {};
  }
  for (const auto& [alias, type] : kAliases) {
    if (alias == name) {
      AddType(types, type);
      return {};
    }
  }
  if (name == "integer") {
    return Bad(place, "MongoDB does not support the type \"integer\"; write bsonType: [int, long]");
  }
  return Bad(
      place,
      fmt::format("\"{}\" is no JSON type: object, array, string, number, boolean, null", name));
}

Status AddBsonType(std::string_view name, Types& types, const Place& place) {
  if (AddNumberTypes(name, types)) {
    return {};
  }
  for (int code = 0; code <= 0xFF; ++code) {
    const auto type = static_cast<BsonType>(code);
    if (Name(type) != "unknown" && Name(type) == name) {
      AddType(types, type);
      return {};
    }
  }
  return Bad(place, fmt::format("\"{}\" is no BSON type alias", name));
}

Status ReadTypes(Node& node, ValueView value, const Place& place, std::string_view keyword) {
  if (node.has_types) {
    return Bad(place, "type and bsonType cannot stand beside each other");
  }
  node.has_types = true;
  node.type_keyword = keyword;
  std::vector<std::string> names;
  if (value.IsString()) {
    names.emplace_back(value.AsString());
  } else {
    REHOME_TRY_ASSIGN(names, ReadNames(value, place));
  }
  for (const std::string& name : names) {
    REHOME_TRY(keyword == "type" ? AddJsonType(name, node.types, place)
                                 : AddBsonType(name, node.types, place));
  }
  return {};
}

Status ReadEnum(Node& node, ValueView value, const Place& place) {
  if (value.type() != BsonType::kArray || value.AsDocument().empty()) {
    return Bad(place, "must be a list with at least one value");
  }
  node.has_enum = true;
  for (const auto& element : value.AsDocument()) {
    if (!node.enumeration.insert(EqualityKey(element.value)).second) {
      return Bad(place,
                 fmt::format("lists {} twice", ToExtendedJson(element.value, JsonMode::kRelaxed)));
    }
  }
  return {};
}

Status ReadBound(std::optional<Node::Bound>& bound, ValueView value, const Place& place) {
  if (!IsNumber(value.type())) {
    return Bad(place, fmt::format("must be a number, is {}", Name(value.type())));
  }
  const bool exclusive = bound && bound->exclusive;
  bound = Node::Bound{SortKey(value), AsText(value), IsNan(value), exclusive};
  return {};
}

/// exclusiveMinimum and exclusiveMaximum are booleans in draft 4 and mean nothing without their
/// bound.
Status ReadExclusive(std::optional<Node::Bound>& bound, ValueView value, const Place& place) {
  REHOME_TRY_ASSIGN(const bool exclusive, ReadBool(value, place));
  if (!bound) {
    bound = Node::Bound{};
  }
  bound->exclusive = exclusive;
  return {};
}

Status ReadMultipleOf(Node& node, ValueView value, const Place& place) {
  if (IsNumber(value.type())) {
    node.multiple_of = Decimal::Of(value);
  }
  if (!node.multiple_of || !node.multiple_of->IsPositive()) {
    return Bad(place, "must be a number over 0");
  }
  return {};
}

Status ReadItems(Node& node, ValueView value, const Place& place) {
  if (value.type() == BsonType::kArray) {
    node.has_tuple = true;
    REHOME_TRY_ASSIGN(node.tuple, ReadSchemas(value, place));
    return {};
  }
  REHOME_TRY_ASSIGN(node.items, CompileChild(value, place));
  return {};
}

Status RequireObject(ValueView value, const Place& place) {
  return value.type() == BsonType::kDocument
             ? Status()
             : Status(Bad(place, fmt::format("must be an object, is {}", Name(value.type()))));
}

Status ReadProperties(Node& node, ValueView value, const Place& place) {
  REHOME_TRY(RequireObject(value, place));
  for (const auto& [name, schema] : value.AsDocument()) {
    REHOME_TRY_ASSIGN(Node::Child child, CompileChild(schema, place.At(name)));
    const std::size_t number = node.names.Add(name);
    if (number >= node.properties.size()) {
      node.properties.resize(number + 1);
    }
    node.properties[number] = std::move(child);
  }
  return {};
}

Status ReadRequired(Node& node, ValueView value, const Place& place) {
  REHOME_TRY_ASSIGN(const std::vector<std::string> names, ReadNames(value, place));
  node.required.clear();
  for (const std::string& name : names) {
    node.required.push_back(node.names.Add(name));
  }
  return {};
}

Result<Pattern> CompilePattern(std::string_view text, const Place& place) {
  auto pattern = Pattern::Compile(text);
  if (!pattern) {
    return Bad(place, pattern.error().message);
  }
  return pattern;
}

Status ReadPatternProperties(Node& node, ValueView value, const Place& place) {
  REHOME_TRY(RequireObject(value, place));
  for (const auto& [text, schema] : value.AsDocument()) {
    REHOME_TRY_ASSIGN(Pattern pattern, CompilePattern(text, place.At(text)));
    REHOME_TRY_ASSIGN(Node::Child child, CompileChild(schema, place.At(text)));
    node.pattern_properties.emplace_back(std::move(pattern), std::move(child));
  }
  return {};
}

Status ReadDependencies(Node& node, ValueView value, const Place& place) {
  REHOME_TRY(RequireObject(value, place));
  for (const auto& [name, rule] : value.AsDocument()) {
    Node::Dependency dependency{std::string(name), {}, nullptr};
    if (rule.type() == BsonType::kArray) {
      REHOME_TRY_ASSIGN(dependency.required, ReadNames(rule, place.At(name)));
    } else {
      REHOME_TRY_ASSIGN(dependency.schema, CompileChild(rule, place.At(name)));
    }
    node.dependencies.push_back(std::move(dependency));
  }
  return {};
}

Status ReadPattern(Node& node, ValueView value, const Place& place) {
  REHOME_TRY_ASSIGN(const std::string text, ReadString(value, place));
  REHOME_TRY_ASSIGN(node.pattern, CompilePattern(text, place));
  return {};
}

template <auto Member>
Status CountInto(Node& node, ValueView value, const Place& place) {
  REHOME_TRY_ASSIGN(node.*Member, ReadCount(value, place));
  return {};
}
template <auto Member>
Status SchemasInto(Node& node, ValueView value, const Place& place) {
  return ReadSchemaList(node.*Member, value, place);
}
template <auto Member>
Status BoolOrSchemaInto(Node& node, ValueView value, const Place& place) {
  REHOME_TRY_ASSIGN(node.*Member, ReadBoolOrSchema(value, place));
  return {};
}
Status OnlyText(Node& /*node*/, ValueView value, const Place& place) {
  REHOME_TRY(ReadString(value, place));
  return {};
}

struct Keyword {
  std::string_view name;
  Status (*read)(Node&, ValueView, const Place&);
};

constexpr std::array kKeywords{
    Keyword{"additionalItems", BoolOrSchemaInto<&Node::additional_items>},
    Keyword{"additionalProperties", BoolOrSchemaInto<&Node::additional_properties>},
    Keyword{"allOf", SchemasInto<&Node::all_of>},
    Keyword{"anyOf", SchemasInto<&Node::any_of>},
    Keyword{"bsonType",
            [](Node& n, ValueView v, const Place& p) { return ReadTypes(n, v, p, "bsonType"); }},
    Keyword{"dependencies", ReadDependencies},
    Keyword{"description", OnlyText},
    Keyword{"enum", ReadEnum},
    Keyword{"exclusiveMaximum",
            [](Node& n, ValueView v, const Place& p) { return ReadExclusive(n.maximum, v, p); }},
    Keyword{"exclusiveMinimum",
            [](Node& n, ValueView v, const Place& p) { return ReadExclusive(n.minimum, v, p); }},
    Keyword{"items", ReadItems},
    Keyword{"maxItems", CountInto<&Node::max_items>},
    Keyword{"maxLength", CountInto<&Node::max_length>},
    Keyword{"maxProperties", CountInto<&Node::max_properties>},
    Keyword{"maximum",
            [](Node& n, ValueView v, const Place& p) { return ReadBound(n.maximum, v, p); }},
    Keyword{"minItems", CountInto<&Node::min_items>},
    Keyword{"minLength", CountInto<&Node::min_length>},
    Keyword{"minProperties", CountInto<&Node::min_properties>},
    Keyword{"minimum",
            [](Node& n, ValueView v, const Place& p) { return ReadBound(n.minimum, v, p); }},
    Keyword{"multipleOf", ReadMultipleOf},
    Keyword{"not",
            [](Node& n, ValueView v, const Place& p) -> Status {
              REHOME_TRY_ASSIGN(n.negated, CompileChild(v, p));
              return {};
            }},
    Keyword{"oneOf", SchemasInto<&Node::one_of>},
    Keyword{"pattern", ReadPattern},
    Keyword{"patternProperties", ReadPatternProperties},
    Keyword{"properties", ReadProperties},
    Keyword{"required", ReadRequired},
    Keyword{"title", OnlyText},
    Keyword{"type",
            [](Node& n, ValueView v, const Place& p) { return ReadTypes(n, v, p, "type"); }},
    Keyword{"uniqueItems",
            [](Node& n, ValueView v, const Place& p) -> Status {
              REHOME_TRY_ASSIGN(n.unique_items, ReadBool(v, p));
              return {};
            }},
};

constexpr std::array<std::string_view, 6> kNotInMongoDb{"$ref",        "$schema", "default",
                                                        "definitions", "format",  "id"};

Status ReadKeyword(Node& node, std::string_view name, ValueView value, const Place& place) {
  const auto* keyword = std::ranges::find(kKeywords, name, &Keyword::name);
  if (keyword != kKeywords.end()) {
    return keyword->read(node, value, place.At(name));
  }
  if (std::ranges::find(kNotInMongoDb, name) != kNotInMongoDb.end()) {
    return Bad(place, fmt::format("MongoDB does not support the keyword \"{}\"", name));
  }
  return Bad(place, fmt::format("\"{}\" is no keyword of $jsonSchema", name));
}

/// `exclusive…` was read without its bound.
bool LacksBound(const std::optional<Node::Bound>& bound) {
  return bound && bound->key.empty();
}

Result<Node::Child> CompileNode(DocumentView schema, const Place& place) {
  if (place.depth > 2 * kDepthMax) {
    return Bad(place, fmt::format("is nested deeper than {} schemas", kDepthMax));
  }
  auto node = std::make_unique<Node>();
  for (const auto& [name, value] : schema) {
    REHOME_TRY(ReadKeyword(*node, name, value, place));
  }
  if (LacksBound(node->minimum) || LacksBound(node->maximum)) {
    return Bad(place, "exclusiveMinimum needs minimum, exclusiveMaximum needs maximum");
  }
  return node;
}

}  // namespace

Result<JsonSchema> JsonSchema::Compile(DocumentView schema) {
  REHOME_TRY_ASSIGN(Node::Child root, CompileNode(schema, Place{}));
  return JsonSchema(std::move(root));
}

JsonSchema::JsonSchema(std::unique_ptr<Node> root) : root_(std::move(root)) {}
JsonSchema::JsonSchema(JsonSchema&&) noexcept = default;
JsonSchema& JsonSchema::operator=(JsonSchema&&) noexcept = default;
JsonSchema::~JsonSchema() = default;

}  // namespace rehome
