#pragma once
// json_schema_node.h — a compiled schema; private to json_schema*.cc. Absent keywords are empty.
#include <bitset>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "mapping/decimal.h"
#include "mapping/json_schema.h"
#include "mapping/key_table.h"
#include "mapping/pattern.h"

namespace rehome {

struct JsonSchema::Node {
  using Child = std::unique_ptr<Node>;
  /// A keyword that is either a boolean or a schema; `schema` empty: the boolean.
  struct BoolOrSchema {
    bool allowed = true;
    Child schema;
  };
  struct Bound {
    std::string key;  // SortKey of the number
    std::string text;
    bool is_nan = false;
    bool exclusive = false;
  };
  struct Dependency {
    std::string property;
    std::vector<std::string> required;
    Child schema;
  };

  std::string type_keyword;  // "type" or "bsonType"
  std::bitset<256> types;    // by the type's code
  bool has_types = false;
  std::set<std::string> enumeration;  // EqualityKey of each value
  bool has_enum = false;

  std::optional<Bound> minimum;
  std::optional<Bound> maximum;
  std::optional<Decimal> multiple_of;

  std::optional<std::uint64_t> min_length;
  std::optional<std::uint64_t> max_length;
  std::optional<Pattern> pattern;

  std::optional<std::uint64_t> min_items;
  std::optional<std::uint64_t> max_items;
  bool unique_items = false;
  Child items;               // one schema for all
  std::vector<Child> tuple;  // or one per position
  bool has_tuple = false;
  BoolOrSchema additional_items;  // counts only beside `tuple`

  std::optional<std::uint64_t> min_properties;
  std::optional<std::uint64_t> max_properties;
  KeyTable names;                     // of `properties` and `required`
  std::vector<Child> properties;      // by number; nullptr, or past the end: only required
  std::vector<std::size_t> required;  // numbers, in the schema's order
  std::vector<std::pair<Pattern, Child>> pattern_properties;
  BoolOrSchema additional_properties;
  std::vector<Dependency> dependencies;

  std::vector<Child> all_of;
  std::vector<Child> any_of;
  std::vector<Child> one_of;
  Child negated;
};

/// A key that is equal for values that MongoDB's schema keywords take for equal: numbers by value,
/// objects whatever the order of their fields.
[[nodiscard]] std::string EqualityKey(ValueView value);

[[nodiscard]] bool IsNan(ValueView number);

}  // namespace rehome
