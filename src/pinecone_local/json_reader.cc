#include "pinecone_local/json_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "pinecone_local/metadata.h"
#include "pinecone_local/refusal.h"

namespace rehome::pinecone_local {
namespace {

constexpr std::size_t kIdBytesMax = 512;
constexpr std::size_t kSparseCountMax = 2048;

std::unexpected<Refusal> WrongType(std::string_view key, std::string_view wanted) {
  return Refuse(RefusalKind::kUnprocessable,
                fmt::format("Invalid value for field '{}': expected {}", key, wanted));
}

Result<float> ParseFloat(const Json& json, std::string_view what) {
  constexpr double kTooLarge = 0x1.ffffffp127;  // from here on the nearest float is infinite
  double value = 0;
  if (json.get(value) != simdjson::SUCCESS || std::abs(value) >= kTooLarge) {
    return Invalid(
        fmt::format("{} must hold finite float32 numbers, got {}", what, simdjson::minify(json)));
  }
  return static_cast<float>(value);
}

/// JSON's numbers have no bound, but simdjson reads a whole one as 64 bits unless it has a point.
std::string WithLargeNumbersAsDoubles(std::string_view json) {
  constexpr std::size_t kDigitsMax = 18;  // that surely fit
  constexpr std::string_view kInNumbers = "+-.0123456789Ee";
  std::string out;
  bool in_string = false;
  for (std::size_t at = 0; at < json.size();) {
    const char c = json[at];
    std::size_t length = 1;
    if (in_string) {
      in_string = c != '"';
      length = c == '\\' ? 2 : 1;
    } else if (kInNumbers.contains(c)) {
      length = std::min(json.find_first_not_of(kInNumbers, at), json.size()) - at;
    } else {
      in_string = c == '"';
    }
    const std::string_view token = json.substr(at, length);
    out += token;
    if (!in_string && token.size() > kDigitsMax &&
        token.find_first_of(".Ee") == std::string_view::npos) {
      out += ".0";
    }
    at += length;
  }
  return out;
}

Refusable<std::vector<std::uint32_t>> ParseIndices(const Json& json, std::string_view what) {
  std::vector<std::uint32_t> indices;
  simdjson::dom::array array;
  if (json.get(array) != simdjson::SUCCESS) {
    return WrongType("indices", "a list of integers");
  }
  for (const Json element : array) {
    std::uint64_t index = 0;
    if (element.get(index) != simdjson::SUCCESS ||
        index > std::numeric_limits<std::uint32_t>::max()) {
      return Invalid(fmt::format("{}: sparse indices must be integers from 0 to 4294967295, got {}",
                                 what, simdjson::minify(element)));
    }
    indices.push_back(static_cast<std::uint32_t>(index));
  }
  return indices;
}

Status CheckSparse(const SparseValues& sparse, std::string_view what) {
  if (sparse.indices.size() != sparse.values.size()) {
    return Invalid(fmt::format("{}: sparse indices ({}) and values ({}) must have the same length",
                               what, sparse.indices.size(), sparse.values.size()));
  }
  if (sparse.indices.size() > kSparseCountMax) {
    return Invalid(fmt::format("{}: {} sparse values exceed the limit of {}", what,
                               sparse.indices.size(), kSparseCountMax));
  }
  auto sorted = sparse.indices;
  std::ranges::sort(sorted);
  if (std::ranges::adjacent_find(sorted) != sorted.end()) {
    return Invalid(fmt::format("{}: sparse indices must not repeat", what));
  }
  return {};
}

}  // namespace

Refusable<JsonObject> JsonObject::Parse(const std::string& body) {
  thread_local simdjson::dom::parser parser;
  if (body.empty()) {
    return Parse("{}");
  }
  Json root;
  auto error = parser.parse(body).get(root);
  if (error == simdjson::NUMBER_ERROR) {
    error = parser.parse(WithLargeNumbersAsDoubles(body)).get(root);
  }
  if (error != simdjson::SUCCESS) {
    return Invalid(
        fmt::format("Failed to parse the JSON body: {}", simdjson::error_message(error)));
  }
  simdjson::dom::object object;
  if (root.get(object) != simdjson::SUCCESS) {
    return Refuse(RefusalKind::kUnprocessable, "The JSON body must be an object");
  }
  return JsonObject(object);
}

std::optional<Json> JsonObject::Find(std::string_view key) const {
  Json value;
  if (object_.at_key(key).get(value) != simdjson::SUCCESS || value.is_null()) {
    return std::nullopt;
  }
  return value;
}

Refusable<std::string> JsonObject::String(std::string_view key, std::string_view fallback) const {
  const auto json = Find(key);
  std::string_view value = fallback;
  if (json && json->get(value) != simdjson::SUCCESS) {
    return WrongType(key, "a string");
  }
  return std::string(value);
}

Refusable<std::int64_t> JsonObject::Integer(std::string_view key, std::int64_t fallback) const {
  const auto json = Find(key);
  if (!json) {
    return fallback;
  }
  std::int64_t value = 0;
  if (json->get(value) == simdjson::SUCCESS) {
    return value;
  }
  double number = 0;  // 3.0 is an integer to JSON's numbers
  constexpr double kExactMax = 9007199254740992.0;
  if (json->get(number) != simdjson::SUCCESS || std::trunc(number) != number ||
      std::abs(number) > kExactMax) {
    return WrongType(key, "an integer");
  }
  return static_cast<std::int64_t>(number);
}

Refusable<bool> JsonObject::Bool(std::string_view key, bool fallback) const {
  const auto json = Find(key);
  bool value = fallback;
  if (json && json->get(value) != simdjson::SUCCESS) {
    return WrongType(key, "true or false");
  }
  return value;
}

Refusable<std::optional<JsonObject>> JsonObject::Object(std::string_view key) const {
  const auto json = Find(key);
  if (!json) {
    return std::nullopt;
  }
  simdjson::dom::object object;
  if (json->is_array()) {
    return Refuse(RefusalKind::kUnprocessable,
                  fmt::format("Invalid value for field '{}': Proto field is not repeating, cannot "
                              "start list",
                              key));
  }
  if (json->get(object) != simdjson::SUCCESS) {
    return WrongType(key, "an object");
  }
  return std::optional(JsonObject(object));
}

Refusable<std::vector<std::string>> JsonObject::Strings(std::string_view key) const {
  std::vector<std::string> strings;
  const auto json = Find(key);
  simdjson::dom::array array;
  if (!json) {
    return strings;
  }
  if (json->get(array) != simdjson::SUCCESS) {
    return WrongType(key, "a list of strings");
  }
  for (const Json element : array) {
    std::string_view text;
    if (element.get(text) != simdjson::SUCCESS) {
      return WrongType(key, "a list of strings");
    }
    strings.emplace_back(text);
  }
  return strings;
}

Refusable<std::vector<float>> JsonObject::Floats(std::string_view key,
                                                 std::string_view what) const {
  std::vector<float> values;
  const auto json = Find(key);
  simdjson::dom::array array;
  if (!json) {
    return values;
  }
  if (json->get(array) != simdjson::SUCCESS) {
    return WrongType(key, "a list of numbers");
  }
  values.reserve(array.size());
  for (const Json element : array) {
    REHOME_TRY_ASSIGN(const float value, ParseFloat(element, what));
    values.push_back(value);
  }
  return values;
}

Refusable<SparseValues> JsonObject::Sparse(std::string_view key, std::string_view what) const {
  REHOME_TRY_ASSIGN(const auto object, Object(key));
  return object ? object->Sparse("indices", "values", what) : SparseValues{};
}

Refusable<SparseValues> JsonObject::Sparse(std::string_view indices_key,
                                           std::string_view values_key,
                                           std::string_view what) const {
  SparseValues sparse;
  if (const auto indices = Find(indices_key)) {
    REHOME_TRY_ASSIGN(sparse.indices, ParseIndices(*indices, what));
  }
  REHOME_TRY_ASSIGN(sparse.values, Floats(values_key, what));
  REHOME_TRY(CheckSparse(sparse, what));
  return sparse;
}

Status CheckId(std::string_view id, std::string_view what) {
  if (id.empty() || id.size() > kIdBytesMax) {
    return Invalid(
        fmt::format("{} must be 1 to {} characters long, got {}", what, kIdBytesMax, id.size()));
  }
  constexpr unsigned char kAsciiMax = 0x7F;
  if (std::ranges::any_of(
          id, [](char c) { return c == '\0' || static_cast<unsigned char>(c) > kAsciiMax; })) {
    return Invalid(fmt::format("{} must be ASCII, but got '{}'", what, id));
  }
  return {};
}

Refusable<VectorRecord> ParseRecord(const Json& json) {
  simdjson::dom::object members;
  if (json.get(members) != simdjson::SUCCESS) {
    return WrongType("vectors", "a list of objects");
  }
  const JsonObject object(members);
  VectorRecord record;
  REHOME_TRY_ASSIGN(record.id, object.String("id"));
  REHOME_TRY(CheckId(record.id, "Vector ID"));
  const std::string what = fmt::format("Vector ID '{}'", record.id);
  REHOME_TRY_ASSIGN(record.values, object.Floats("values", what));
  REHOME_TRY_ASSIGN(record.sparse, object.Sparse("sparseValues", what));
  if (const auto metadata = object.Find("metadata")) {
    REHOME_TRY_ASSIGN(record.metadata, ParseMetadata(*metadata));
    REHOME_TRY(CheckMetadataSize(record.metadata));
  }
  return record;
}

}  // namespace rehome::pinecone_local
