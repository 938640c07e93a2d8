#include "pinecone_local/filter.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>
#include "pinecone_local/refusal.h"

namespace rehome::pinecone_local {
namespace {

using Element = simdjson::dom::element;
using Object = simdjson::dom::object;
using Array = simdjson::dom::array;
using Node = Filter::Node;
using Operator = Filter::Operator;
using Operand = Filter::Operand;

constexpr std::size_t kListMax = 10'000;

constexpr std::array<std::pair<std::string_view, Operator>, 12> kOperators{{
    {"$and", Operator::kAnd},
    {"$or", Operator::kOr},
    {"$not", Operator::kNot},
    {"$eq", Operator::kEq},
    {"$ne", Operator::kNe},
    {"$gt", Operator::kGt},
    {"$gte", Operator::kGte},
    {"$lt", Operator::kLt},
    {"$lte", Operator::kLte},
    {"$in", Operator::kIn},
    {"$nin", Operator::kNin},
    {"$exists", Operator::kExists},
}};

std::optional<Operator> FindOperator(std::string_view name) {
  const auto* found =
      std::ranges::find(kOperators, name, &std::pair<std::string_view, Operator>::first);
  return found == kOperators.end() ? std::nullopt : std::optional(found->second);
}

/// How the API names a wrong operand: the type of a scalar, the JSON of anything else.
std::string Describe(const Element& json) {
  if (json.is_string()) {
    return "string";
  }
  if (json.is_bool()) {
    return "boolean";
  }
  return json.is_number() ? "number" : simdjson::minify(json);
}

std::unexpected<Error> WrongOperand(std::string_view op, std::string_view wanted,
                                    const Element& got) {
  return Invalid(fmt::format("the {} operator must be followed by {}, got {} instead", op, wanted,
                             Describe(got)));
}

std::optional<Operand> ParseScalar(const Element& json) {
  std::string_view text;
  double number = 0;
  bool truth = false;
  if (json.get(text) == simdjson::SUCCESS) {
    return std::string(text);
  }
  if (json.get(number) == simdjson::SUCCESS) {
    return number;
  }
  if (json.get(truth) == simdjson::SUCCESS) {
    return truth;
  }
  return std::nullopt;
}

Result<std::vector<Operand>> ParseList(std::string_view op, const Element& json) {
  constexpr std::string_view kWanted = "a list of strings or a list of numbers";
  Array array;
  if (json.get(array) != simdjson::SUCCESS) {
    return WrongOperand(op, kWanted, json);
  }
  std::vector<Operand> operands;
  for (const Element element : array) {
    auto operand = ParseScalar(element);
    if (!operand || std::holds_alternative<bool>(*operand) ||
        (!operands.empty() && operands.front().index() != operand->index())) {
      return WrongOperand(op, kWanted, json);
    }
    operands.push_back(*std::move(operand));
  }
  if (operands.size() > kListMax) {
    return Invalid(fmt::format("the {} operator takes at most {} values, got {}", op, kListMax,
                               operands.size()));
  }
  std::ranges::sort(operands);
  return operands;
}

Result<std::vector<Operand>> ParseOperands(std::string_view name, Operator op,
                                           const Element& json) {
  if (op == Operator::kIn || op == Operator::kNin) {
    return ParseList(name, json);
  }
  auto scalar = ParseScalar(json);
  if (op == Operator::kExists) {
    if (!scalar || !std::holds_alternative<bool>(*scalar)) {
      return WrongOperand(name, "a boolean", json);
    }
  } else if (op == Operator::kEq || op == Operator::kNe) {
    if (!scalar) {
      return WrongOperand(name, "a string, boolean or a number", json);
    }
  } else if (!scalar || !std::holds_alternative<double>(*scalar)) {
    return WrongOperand(name, "a number", json);
  }
  return std::vector<Operand>{*std::move(scalar)};
}

/// `{"$gte": 1, "$lt": 3}`: all conditions on one field; an empty object is no condition.
Result<Node> ParseConditions(std::string_view field, const Object& conditions) {
  Node all;
  for (const auto member : conditions) {
    const auto op = FindOperator(member.key);
    if (!op || *op == Operator::kAnd || *op == Operator::kOr) {
      if (member.key.starts_with('$')) {
        return Invalid(fmt::format("{} is not a valid operator", member.key));
      }
      return Invalid(fmt::format("illegal condition for field {}, got {}", field,
                                 simdjson::minify(conditions)));
    }
    Node node{.op = *op, .field = std::string(field)};
    if (*op == Operator::kNot) {
      Object inner;
      if (member.value.get(inner) != simdjson::SUCCESS) {
        return WrongOperand(member.key, "an object", member.value);
      }
      REHOME_TRY_ASSIGN(Node child, ParseConditions(field, inner));
      node.children.push_back(std::move(child));
    } else {
      REHOME_TRY_ASSIGN(node.operands, ParseOperands(member.key, *op, member.value));
    }
    all.children.push_back(std::move(node));
  }
  return all;
}

Result<Node> ParseObject(const Object& object);

Result<Node> ParseBranches(std::string_view name, Operator op, const Element& json) {
  Node node{.op = op};
  if (op == Operator::kNot) {
    Object object;
    if (json.get(object) != simdjson::SUCCESS) {
      return WrongOperand(name, "a filter", json);
    }
    REHOME_TRY_ASSIGN(Node child, ParseObject(object));
    node.children.push_back(std::move(child));
    return node;
  }
  Array array;
  if (json.get(array) != simdjson::SUCCESS || array.begin() == array.end()) {
    return WrongOperand(name, "a non-empty list of filters", json);
  }
  for (const Element element : array) {
    Object object;
    if (element.get(object) != simdjson::SUCCESS) {
      return WrongOperand(name, "a non-empty list of filters", json);
    }
    REHOME_TRY_ASSIGN(Node child, ParseObject(object));
    node.children.push_back(std::move(child));
  }
  return node;
}

Result<Node> ParseMember(std::string_view key, const Element& value) {
  if (key.starts_with('$')) {
    const auto op = FindOperator(key);
    if (op == Operator::kAnd || op == Operator::kOr || op == Operator::kNot) {
      return ParseBranches(key, *op, value);
    }
    return Invalid(op ? fmt::format("{} must stand below a field name", key)
                      : fmt::format("{} is not a valid operator", key));
  }
  Object conditions;
  if (value.get(conditions) == simdjson::SUCCESS) {
    return ParseConditions(key, conditions);
  }
  REHOME_TRY_ASSIGN(auto operands, ParseOperands("$eq", Operator::kEq, value));
  return Node{.op = Operator::kEq, .field = std::string(key), .operands = std::move(operands)};
}

Result<Node> ParseObject(const Object& object) {
  Node all;
  for (const auto member : object) {
    REHOME_TRY_ASSIGN(Node node, ParseMember(member.key, member.value));
    all.children.push_back(std::move(node));
  }
  return all;
}

bool IsAnyOf(const MetadataValue& value, const std::vector<Operand>& operands) {
  const auto listed = [&](const Operand& operand) {
    return std::ranges::binary_search(operands, operand);
  };
  if (const auto* strings = std::get_if<std::vector<std::string>>(&value)) {
    return std::ranges::any_of(*strings, listed);
  }
  if (const auto* text = std::get_if<std::string>(&value)) {
    return listed(*text);
  }
  if (const auto* number = std::get_if<double>(&value)) {
    return listed(*number);
  }
  return listed(std::get<bool>(value));
}

template <class Compare>
bool CompareNumber(const MetadataValue* value, const std::vector<Operand>& operands,
                   Compare compare) {
  const auto* number = value == nullptr ? nullptr : std::get_if<double>(value);
  return number != nullptr && compare(*number, std::get<double>(operands.front()));
}

bool Evaluate(const Node& node, const Metadata& metadata) {
  const auto found = metadata.find(node.field);
  const MetadataValue* value = found == metadata.end() ? nullptr : &found->second;
  const auto child_matches = [&](const Node& child) { return Evaluate(child, metadata); };
  switch (node.op) {
    case Operator::kAnd:
      return std::ranges::all_of(node.children, child_matches);
    case Operator::kOr:
      return std::ranges::any_of(node.children, child_matches);
    case Operator::kNot:
      return !std::ranges::all_of(node.children, child_matches);
    case Operator::kEq:
    case Operator::kIn:
      return value != nullptr && IsAnyOf(*value, node.operands);
    case Operator::kNe:
    case Operator::kNin:
      return value != nullptr && !IsAnyOf(*value, node.operands);
    case Operator::kGt:
      return CompareNumber(value, node.operands, std::greater<>());
    case Operator::kGte:
      return CompareNumber(value, node.operands, std::greater_equal<>());
    case Operator::kLt:
      return CompareNumber(value, node.operands, std::less<>());
    case Operator::kLte:
      return CompareNumber(value, node.operands, std::less_equal<>());
    case Operator::kExists:
      return (value != nullptr) == std::get<bool>(node.operands.front());
  }
  return false;
}

}  // namespace

Result<Filter> Filter::Parse(const Object& json) {
  Filter filter;
  REHOME_TRY_ASSIGN(filter.root_, ParseObject(json));
  return filter;
}

bool Filter::Matches(const Metadata& metadata) const {
  return Evaluate(root_, metadata);
}

}  // namespace rehome::pinecone_local
