#pragma once
// filter.h — the metadata filter language: parsed once with the API's own error texts, evaluated
// per record.
#include <simdjson.h>

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/error.h"
#include "model/vector_record.h"

namespace rehome::pinecone_local {

class Filter {
 public:
  /// An object; `{}` matches everything. kInvalidArgument names the operator and what it got.
  [[nodiscard]] static Result<Filter> Parse(const simdjson::dom::object& json);
  [[nodiscard]] bool Matches(const Metadata& metadata) const;

  enum class Operator : std::uint8_t {
    kAnd,
    kOr,
    kNot,
    kEq,
    kNe,
    kGt,
    kGte,
    kLt,
    kLte,
    kIn,
    kNin,
    kExists
  };
  using Operand = std::variant<std::string, double, bool>;
  /// kAnd, kOr, kNot use `children`; the others `field` and `operands` (sorted).
  struct Node {
    Operator op = Operator::kAnd;
    std::string field{};
    std::vector<Operand> operands{};
    std::vector<Node> children{};
  };

 private:
  Node root_;
};

}  // namespace rehome::pinecone_local
