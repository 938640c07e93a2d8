#include "adapters/mongodb/comparison.h"

#include <cmath>
#include <cstdint>
#include <string>

#include "adapters/mongodb/id_ranges.h"
#include "model/number.h"

namespace rehome::mongodb {
namespace {

constexpr std::size_t kConditionBytes = 32;  // beside its path
constexpr std::size_t kConditionsBytesMax = kComparisonBytesMax - 512;

/// Whether another number of the same type compares equal to it.
bool HasTwins(ValueView number) {
  if (number.type() == BsonType::kDouble) {
    return number.AsDouble() == 0 || std::isnan(number.AsDouble());
  }
  return number.type() == BsonType::kDecimal128;  // 1.0 and 1.00
}

/// What the server's comparison of values leaves open: numbers of different types compare equal, and
/// so do a string and a symbol. (No driver has written symbols for long: one that came into the place
/// of a string with the same text is not told from it.)
class Types {
 public:
  explicit Types(DocumentView document) { Walk(document, ""); }

  /// One condition for each number.
  [[nodiscard]] Document Conditions() { return conditions_.Finish(); }
  /// Whether they leave nothing open.
  [[nodiscard]] bool complete() const { return complete_; }

 private:
  void Walk(DocumentView document, const std::string& prefix) {
    for (const auto& [key, value] : document) {
      const bool has_path = !key.empty() && !key.contains('.') && !key.starts_with('$');
      if (value.type() == BsonType::kDocument && has_path) {
        Walk(value.AsDocument(), prefix + std::string(key) + ".");
      } else if (IsNumber(value.type()) && has_path && !HasTwins(value)) {
        Require(prefix + std::string(key), value.type());
      } else if (HoldsOpen(value)) {
        complete_ = false;
      }
    }
  }

  void Require(const std::string& path, BsonType type) {
    bytes_ += path.size() + kConditionBytes;
    if (bytes_ > kConditionsBytesMax) {
      complete_ = false;
      return;
    }
    const Document is = DocumentBuilder().Int32("$type", static_cast<std::int32_t>(type)).Finish();
    conditions_.Append(DocumentBuilder().Append(path, is).Finish());
  }

  /// For what no path leads to: one into a list would be met by any of its elements.
  static bool HoldsOpen(ValueView value) {
    const BsonType type = value.type();
    if (type != BsonType::kDocument && type != BsonType::kArray) {
      return IsNumber(type) || type == BsonType::kSymbol || type == BsonType::kCodeWithScope;
    }
    for (const auto& [key, element] : value.AsDocument()) {
      if (HoldsOpen(element)) {
        return true;
      }
    }
    return false;
  }

  ArrayBuilder conditions_;
  std::size_t bytes_ = 0;
  bool complete_ = true;
};

}  // namespace

Comparison ComparisonWith(const Document& expected) {
  DocumentBuilder filter;
  const Document id = IdFilter(expected.Id());
  for (const auto& [key, value] : id.view()) {
    filter.Append(key, value);
  }
  const Document literal = DocumentBuilder().Append("$literal", expected).Finish();
  const Document operands =
      ArrayBuilder().Append(Value::String("$$ROOT").view()).Append(literal).Finish();
  // Not $eq: against $$ROOT MongoDB before 6.0 takes it apart, and refuses it (SERVER-71045).
  const Document compared = DocumentBuilder().Array("$cmp", operands).Finish();
  const Document equal = ArrayBuilder().Append(compared).Append(Value::Int32(0).view()).Finish();
  filter.Append("$expr", DocumentBuilder().Array("$eq", equal).Finish());
  Types types(expected.view());
  const Document conditions = types.Conditions();
  if (types.complete() && !conditions.view().empty()) {
    filter.Array("$and", conditions);
  }
  return {.filter = filter.Finish(), .exact = types.complete()};
}

}  // namespace rehome::mongodb
