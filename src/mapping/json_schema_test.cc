#include "mapping/json_schema.h"

#include <gtest/gtest.h>

#include "model/extended_json.h"

namespace rehome {
namespace {

Result<JsonSchema> Compile(std::string_view json) {
  return JsonSchema::Compile(ParseExtendedJson(json)->view());
}

/// "path keyword" of the violation; empty: valid.
std::string Judge(std::string_view schema, std::string_view value) {
  const auto compiled = Compile(schema);
  if (!compiled) {
    return compiled.error().message;
  }
  const auto violation = compiled->Validate(ParseExtendedJsonValue(value)->view());
  return violation ? violation->path + " " + violation->keyword : "";
}

TEST(JsonSchema, RefusesWhatMongoDbRefuses) {
  for (const std::string_view schema :
       {R"({"$ref": "#"})",
        R"({"$schema": "x"})",
        R"({"default": 1})",
        R"({"definitions": {}})",
        R"({"format": "email"})",
        R"({"id": "x"})",
        R"({"nosuch": 1})",
        R"({"type": "integer"})",
        R"({"type": "bool"})",
        R"({"bsonType": "boolean"})",
        R"({"type": "string", "bsonType": "string"})",
        R"({"type": []})",
        R"({"type": ["string", "string"]})",
        R"({"exclusiveMinimum": true})",
        R"({"exclusiveMaximum": true})",
        R"({"minimum": 1, "exclusiveMinimum": 1})",
        R"({"minimum": "1"})",
        R"({"maxLength": -1})",
        R"({"maxLength": 1.5})",
        R"({"minItems": "1"})",
        R"({"multipleOf": 0})",
        R"({"multipleOf": -1})",
        R"({"multipleOf": {"$numberDouble": "NaN"}})",
        R"({"enum": []})",
        R"({"enum": [1, 1.0]})",
        R"({"required": []})",
        R"({"required": ["a", "a"]})",
        R"({"required": "a"})",
        R"({"allOf": []})",
        R"({"anyOf": [1]})",
        R"({"oneOf": {}})",
        R"({"not": true})",
        R"({"items": true})",
        R"({"additionalItems": 1})",
        R"({"properties": {"a": 1}})",
        R"({"patternProperties": {"(": {}}})",
        R"({"pattern": "("})",
        R"({"dependencies": {"a": []}})",
        R"({"dependencies": {"a": 1}})",
        R"({"uniqueItems": 1})",
        R"({"title": 1})",
        R"({"description": {}})",
        R"({"properties": {"a": {"items": [{"type": "integer"}]}}})"}) {
    const auto compiled = Compile(schema);
    ASSERT_FALSE(compiled.has_value()) << schema;
    EXPECT_EQ(compiled.error().code, ErrorCode::kInvalidArgument);
  }
}

TEST(JsonSchema, KnowsEveryBsonType) {
  const std::vector<std::pair<std::string, std::string>> values{
      {"double", R"({"$numberDouble":"1.5"})"},
      {"string", R"("s")"},
      {"object", R"({"a":1})"},
      {"array", "[]"},
      {"binData", R"({"$binary":{"base64":"","subType":"00"}})"},
      {"undefined", R"({"$undefined":true})"},
      {"objectId", R"({"$oid":"e2666e334bd444020826a7e1"})"},
      {"bool", "true"},
      {"date", R"({"$date":{"$numberLong":"0"}})"},
      {"null", "null"},
      {"regex", R"({"$regularExpression":{"pattern":"a","options":""}})"},
      {"javascript", R"({"$code":"x"})"},
      {"symbol", R"({"$symbol":"x"})"},
      {"javascriptWithScope", R"({"$code":"x","$scope":{}})"},
      {"int", R"({"$numberInt":"1"})"},
      {"timestamp", R"({"$timestamp":{"t":1,"i":1}})"},
      {"long", R"({"$numberLong":"1"})"},
      {"decimal", R"({"$numberDecimal":"1"})"},
      {"minKey", R"({"$minKey":1})"},
      {"maxKey", R"({"$maxKey":1})"}};
  for (const auto& [type, unused] : values) {
    for (const auto& [other, value] : values) {
      const std::string verdict = Judge(R"({"bsonType": ")" + type + R"("})", value);
      EXPECT_EQ(verdict, type == other ? "" : " bsonType") << type << " against " << other;
    }
  }
  for (const std::string_view number :
       {"1", R"({"$numberLong":"1"})", "1.5", R"({"$numberDecimal":"1"})"}) {
    EXPECT_EQ(Judge(R"({"bsonType": "number"})", number), "");
    EXPECT_EQ(Judge(R"({"type": ["null", "number"]})", number), "");
  }
}

TEST(JsonSchema, ComparesNumbersAcrossTypes) {
  EXPECT_EQ(Judge(R"({"maximum": 5})", R"({"$numberDecimal":"5.0000000001"})"), " maximum");
  EXPECT_EQ(Judge(R"({"maximum": {"$numberDecimal":"5.0"}})", "5"), "");
  EXPECT_EQ(Judge(R"({"maximum": 5, "exclusiveMaximum": true})", R"({"$numberLong":"5"})"),
            " maximum");
  EXPECT_EQ(Judge(R"({"exclusiveMinimum": true, "minimum": 9007199254740992})",
                  R"({"$numberLong":"9007199254740993"})"),
            "");
  EXPECT_EQ(Judge(R"({"maximum": 5})", R"({"$numberDouble":"NaN"})"), " maximum");
  EXPECT_EQ(Judge(R"({"minimum": 5})", R"({"$numberDecimal":"NaN"})"), " minimum");
  EXPECT_EQ(Judge(R"({"minimum": 5})", R"({"$numberDouble":"Infinity"})"), "");
  EXPECT_EQ(Judge(R"({"enum": [1, {"a": 1, "b": 2}]})", R"({"b": {"$numberLong":"2"}, "a": 1.0})"),
            "");
  EXPECT_EQ(Judge(R"({"enum": [1]})", "true"), " enum");
  EXPECT_EQ(Judge(R"({"uniqueItems": true})", R"([1, {"$numberDecimal":"1.0"}])"), " uniqueItems");
}

TEST(JsonSchema, DividesDecimally) {
  EXPECT_EQ(Judge(R"({"multipleOf": 0.01})", "19.99"), "");
  EXPECT_EQ(Judge(R"({"multipleOf": {"$numberDecimal":"0.01"}})", R"({"$numberDecimal":"19.995"})"),
            " multipleOf");
  EXPECT_EQ(Judge(R"({"multipleOf": 3})", "1e300"), " multipleOf");
  EXPECT_EQ(Judge(R"({"multipleOf": 1e300})", "1"), " multipleOf");
  EXPECT_EQ(Judge(R"({"multipleOf": 2})", R"({"$numberLong":"-9223372036854775808"})"), "");
  EXPECT_EQ(Judge(R"({"multipleOf": 2})", R"({"$numberDouble":"Infinity"})"), " multipleOf");
}

TEST(JsonSchema, NamesThePathOfAViolation) {
  constexpr std::string_view kSchema =
      R"({"properties": {"a": {"items": {"properties": {"b": {"bsonType": "int"}}}}}})";
  EXPECT_EQ(Judge(kSchema, R"({"a": [{"b": 1}, {"b": "x"}]})"), "a[1].b bsonType");
  EXPECT_EQ(
      Judge(R"({"additionalProperties": false, "properties": {"a": {}}})", R"({"a": 1, "z": 1})"),
      "z additionalProperties");
}

TEST(JsonSchema, CountsCodePointsAndBoundsPatterns) {
  EXPECT_EQ(Judge(R"({"maxLength": 2})", R"("🚀é")"), "");
  EXPECT_EQ(Judge(R"({"minLength": 3})", R"("🚀é")"), " minLength");
  EXPECT_EQ(Judge(R"({"pattern": "^é.$"})", R"("é🚀")"), "");
  EXPECT_EQ(Judge(R"({"pattern": "^(a+)+$"})", "\"" + std::string(60, 'a') + "!\""), " pattern");
}

TEST(JsonSchema, DescribesAViolation) {
  EXPECT_EQ(Describe({"a.b", "type", "is string"}), "a.b: type: is string");
  EXPECT_EQ(Describe({"", "required", "x is missing"}), "the item: required: x is missing");
}

}  // namespace
}  // namespace rehome
