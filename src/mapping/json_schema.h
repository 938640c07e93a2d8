#pragma once
// json_schema.h — MongoDB's $jsonSchema: JSON Schema draft 4 without references and formats, with
// bsonType, over BSON. A schema that MongoDB refuses is refused here too, so that what passes here
// is accepted by the collection's validator:
//   refused keywords  $ref, $schema, default, definitions, format, id, and every unknown one;
//                     `type: integer`; `type` beside `bsonType`; exclusiveMinimum without minimum,
//                     exclusiveMaximum without maximum
//   equality          (enum, uniqueItems) MongoDB's: 1 = 1.0 = Decimal 1, fields of objects in any
//                     order
//   NaN               is below no maximum and above no minimum, as in MongoDB's $lte and $gte
//   multipleOf        in decimal arithmetic; doubles have 15 digits in it, as MongoDB converts them
//   pattern           PCRE, found anywhere in a string; over its match limits counts as not
//                     matching
// Property names are taken literally: a dot in one is a part of the name.
#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "model/document.h"

namespace rehome {

/// The first violation found: where in the document (`a.b[2]`, empty for the document itself), by
/// which keyword.
struct Violation {
  std::string path;
  std::string keyword;
  std::string detail;
  bool operator==(const Violation&) const = default;
};

/// "skills[2]: maxLength: 120 characters, at most 100".
[[nodiscard]] std::string Describe(const Violation& violation);

/// Immutable after Compile(); Validate() is safe from several threads.
class JsonSchema {
 public:
  struct Node;

  /// kInvalidArgument names the place in the schema and what MongoDB would refuse.
  [[nodiscard]] static Result<JsonSchema> Compile(DocumentView schema);
  JsonSchema(JsonSchema&&) noexcept;
  JsonSchema& operator=(JsonSchema&&) noexcept;
  ~JsonSchema();

  [[nodiscard]] std::optional<Violation> Validate(DocumentView document) const;
  [[nodiscard]] std::optional<Violation> Validate(ValueView value) const;

 private:
  explicit JsonSchema(std::unique_ptr<Node> root);
  std::unique_ptr<Node> root_;
};

}  // namespace rehome
