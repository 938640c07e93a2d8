#include "pinecone_local/metadata.h"

#include <fmt/format.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pinecone_local/json_writer.h"

namespace rehome::pinecone_local {
namespace {

using Element = simdjson::dom::element;

/// The value as the API prints it in errors: a protobuf Value, so every number is a float ("1.0").
void AppendProtoText(std::string& out, const Element& json) {
  std::string_view separator;
  switch (json.type()) {
    case simdjson::dom::element_type::ARRAY:
      out += '[';
      for (const Element element : simdjson::dom::array(json)) {
        out += std::exchange(separator, ",");
        AppendProtoText(out, element);
      }
      out += ']';
      break;
    case simdjson::dom::element_type::OBJECT:
      out += '{';
      for (const auto member : simdjson::dom::object(json)) {
        out += std::exchange(separator, ",");
        out += std::move(JsonWriter().String(member.key)).Take();
        out += ':';
        AppendProtoText(out, member.value);
      }
      out += '}';
      break;
    case simdjson::dom::element_type::INT64:
    case simdjson::dom::element_type::UINT64:
      out += simdjson::minify(json) + ".0";
      break;
    case simdjson::dom::element_type::DOUBLE:
    case simdjson::dom::element_type::STRING:
    case simdjson::dom::element_type::BOOL:
    case simdjson::dom::element_type::NULL_VALUE:
      out += simdjson::minify(json);
      break;
  }
}

std::optional<std::vector<std::string>> ParseStrings(const simdjson::dom::array& array) {
  std::vector<std::string> strings;
  for (const Element element : array) {
    std::string_view text;
    if (element.get(text) != simdjson::SUCCESS) {
      return std::nullopt;
    }
    strings.emplace_back(text);
  }
  return strings;
}

std::optional<MetadataValue> ParseValue(const Element& json) {
  std::string_view text;
  double number = 0;
  bool truth = false;
  simdjson::dom::array array;
  if (json.get(text) == simdjson::SUCCESS) {
    return std::string(text);
  }
  if (json.get(number) == simdjson::SUCCESS) {
    return number;
  }
  if (json.get(truth) == simdjson::SUCCESS) {
    return truth;
  }
  if (json.get(array) == simdjson::SUCCESS) {
    if (auto strings = ParseStrings(array)) {
      return *std::move(strings);
    }
  }
  return std::nullopt;
}

}  // namespace

Result<Metadata> ParseMetadata(const Element& json) {
  simdjson::dom::object object;
  if (json.get(object) != simdjson::SUCCESS) {
    return Fail(ErrorCode::kInvalidArgument, "Metadata must be an object");
  }
  return ParseMetadata(object);
}

Result<Metadata> ParseMetadata(const simdjson::dom::object& object) {
  Metadata metadata;
  for (const auto member : object) {
    if (member.key.starts_with('$')) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("Metadata keys must not start with '$', got '{}'", member.key));
    }
    auto value = ParseValue(member.value);
    if (!value) {
      std::string text;
      AppendProtoText(text, member.value);
      return Fail(
          ErrorCode::kInvalidArgument,
          fmt::format("Metadata value must be a string, number, boolean or list of strings, "
                      "got '{}' for field '{}'",
                      text, member.key));
    }
    metadata.insert_or_assign(std::string(member.key), *std::move(value));
  }
  return metadata;
}

Status CheckMetadataSize(const Metadata& metadata) {
  const std::size_t bytes = MetadataJson(metadata).size();
  if (bytes > kMetadataBytesMax) {
    return Fail(
        ErrorCode::kInvalidArgument,
        fmt::format("Metadata size is {} bytes, which exceeds the limit of {} bytes per vector",
                    bytes, kMetadataBytesMax));
  }
  return {};
}

Result<Metadata> ReadStoredMetadata(std::string_view json) {
  if (json.empty()) {
    return Metadata{};
  }
  thread_local simdjson::dom::parser
      parser;  // not the one of request bodies, which may still be read
  Element root;
  if (parser.parse(json.data(), json.size()).get(root) == simdjson::SUCCESS) {
    if (auto metadata = ParseMetadata(root)) {
      return metadata;
    }
  }
  return Fail(ErrorCode::kDataLoss, "stored metadata cannot be read",
              "restore this directory from a backup");
}

}  // namespace rehome::pinecone_local
