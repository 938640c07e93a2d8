// The draft-4 files of the JSON Schema test suite (tests/peers/fetch.sh), for the keywords that
// MongoDB shares.
#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/atomic_file.h"
#include "mapping/json_schema.h"

namespace rehome {
namespace {

using PlainJson = nlohmann::ordered_json;

/// Plain JSON as BSON: what a driver makes of it, and no Extended JSON, since the suite's data has
/// keys like "$ref".
Document ToBson(const PlainJson& json);

Value ToValue(const PlainJson& json) {
  if (json.is_structured()) {
    const Document document = ToBson(json);
    return Value(
        ValueView(json.is_array() ? BsonType::kArray : BsonType::kDocument, document.bytes()));
  }
  if (json.is_string()) {
    return Value::String(json.get<std::string>());
  }
  if (json.is_boolean()) {
    return Value::Bool(json.get<bool>());
  }
  if (json.is_number_float()) {
    return Value::Double(json.get<double>());
  }
  return json.is_number() ? Value::Int64(json.get<std::int64_t>()) : Value();
}

Document ToBson(const PlainJson& json) {
  DocumentBuilder builder;
  for (const auto& [key, value] : json.items()) {
    builder.Append(key, ToValue(value));
  }
  return builder.Finish();
}

/// Keywords that MongoDB refuses, used anywhere in a schema. `properties` and the like hold names,
/// `enum` holds data.
std::set<std::string> Refused(const PlainJson& schema) {
  static const std::set<std::string> kRefused{"$ref",        "$schema", "default",
                                              "definitions", "format",  "id"};
  static const std::set<std::string> kByName{"properties", "patternProperties", "dependencies"};
  std::set<std::string> found;
  if (!schema.is_structured()) {
    return found;
  }
  for (const auto& [key, value] : schema.items()) {
    if (schema.is_object() && kRefused.contains(key)) {
      found.insert(key);
    }
    if (schema.is_object() && key == "enum") {
      continue;
    }
    if (schema.is_object() && kByName.contains(key) && value.is_object()) {
      for (const auto& [name, child] : value.items()) {
        found.merge(Refused(child));
      }
    } else {
      found.merge(Refused(value));
    }
  }
  return found;
}

/// `type: integer` as a plan for MongoDB writes it. True if there was one.
bool IntegerAsBsonType(PlainJson& schema) {
  bool changed = false;
  if (schema.is_object() && schema.contains("type")) {
    PlainJson types =
        schema["type"].is_array() ? schema["type"] : PlainJson::array({schema["type"]});
    PlainJson out = PlainJson::array();
    for (const PlainJson& type : types) {
      if (type == "integer") {
        out.insert(out.end(), {"int", "long"});
        changed = true;
      } else {
        out.push_back(type == "boolean" ? PlainJson("bool") : type);
      }
    }
    if (changed) {
      schema.erase("type");
      schema["bsonType"] = out;
    }
  }
  if (schema.is_structured()) {
    for (auto& child : schema) {
      changed = IntegerAsBsonType(child) || changed;
    }
  }
  return changed;
}

std::map<std::string, PlainJson> Files() {
  const std::filesystem::path directory =
      std::filesystem::path(REHOME_PEERS_DIR) / "json_schema_suite";
  std::map<std::string, PlainJson> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    if (entry.path().extension() == ".json") {
      files[entry.path().stem()] = PlainJson::parse(*ReadFile(entry.path()));
    }
  }
  EXPECT_EQ(files.size(), 30U) << "the suite is not in " << directory
                               << ": run tests/peers/fetch.sh";
  return files;
}

/// Cases whose every schema uses a keyword that MongoDB has not, by file: all that is not judged,
/// and why.
const std::map<std::string, std::size_t> kNotApplicable{
    {"default", 3},                  // default
    {"definitions", 1},              // $ref to the draft's own schema
    {"format", 6},                   // format
    {"infinite-loop-detection", 1},  // $ref
    {"items", 1},                    // $ref
    {"ref", 18},                     // $ref
    {"refRemote", 8},                // $ref, id
};

TEST(JsonSchemaSuite, AgreesOnEveryKeywordThatMongoDbShares) {
  std::map<std::string, std::size_t> not_applicable;
  std::size_t judged = 0;
  for (const auto& [name, groups] : Files()) {
    for (const PlainJson& group : groups) {
      const std::string title = name + ": " + group["description"].get<std::string>();
      PlainJson schema = group["schema"];
      if (!Refused(schema).empty()) {
        ++not_applicable[name];
        EXPECT_FALSE(JsonSchema::Compile(ToBson(schema).view()).has_value()) << title;
        continue;
      }
      if (const Document as_written = ToBson(schema); IntegerAsBsonType(schema)) {
        EXPECT_FALSE(JsonSchema::Compile(as_written.view()).has_value())
            << title << ": type integer";
      }
      const Document bson = ToBson(schema);
      const auto compiled = JsonSchema::Compile(bson.view());
      ASSERT_TRUE(compiled.has_value()) << title << ": " << compiled.error().message;
      for (const PlainJson& test : group["tests"]) {
        const auto violation = compiled->Validate(ToValue(test["data"]).view());
        EXPECT_EQ(!violation, test["valid"].get<bool>()) << title << ": " << test["description"];
        ++judged;
      }
    }
  }
  EXPECT_EQ(not_applicable, kNotApplicable);
  EXPECT_GT(judged, 350U);
}

}  // namespace
}  // namespace rehome
