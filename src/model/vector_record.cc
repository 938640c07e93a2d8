#include "model/vector_record.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/float_text.h"
#include "model/json_text.h"

namespace rehome {
namespace {

namespace json = simdjson::ondemand;

constexpr std::size_t kIdBytesMax = 512;

/// Shortest digits that give the same number of type T back. JSON has no NaN and no infinity: null,
/// which no reader takes for a number.
template <class T>
void PutNumber(std::string& out, T number) {
  if (!std::isfinite(number)) {
    out.append("null");
    return;
  }
  // A whole number beyond 64 bits is one that readers of JSON refuse; with an exponent it is none.
  const bool is_readable = number >= T{-0x1p63} && number < T{0x1p64};
  std::array<char, 32> buffer{};
  char* const begin = buffer.data();
  const auto end = is_readable ? std::to_chars(begin, begin + buffer.size(), number)
                               : std::to_chars(begin, begin + buffer.size(), number,
                                               std::chars_format::scientific);
  out.append(begin, end.ptr);
  if (number == 0 && std::signbit(number)) {
    out.append(".0");  // readers take "-0" for the integer, which has no sign
  }
}

template <class Items, class Put>
void PutList(std::string& out, const Items& items, const Put& put) {
  out.push_back('[');
  bool first = true;
  for (const auto& item : items) {
    if (!first) {
      out.push_back(',');
    }
    first = false;
    put(item);
  }
  out.push_back(']');
}

struct PutMetadataValue {
  std::string& out;
  void operator()(const std::string& text) const { AppendJsonString(out, text); }
  void operator()(double number) const { PutNumber(out, number); }
  void operator()(bool value) const { out.append(value ? "true" : "false"); }
  void operator()(const std::vector<std::string>& texts) const {
    PutList(out, texts, [this](const std::string& text) { AppendJsonString(out, text); });
  }
};

void PutMetadata(std::string& out, const Metadata& metadata) {
  char separator = '{';
  for (const auto& [key, value] : metadata) {
    out.push_back(separator);
    AppendJsonString(out, key);
    out.push_back(':');
    std::visit(PutMetadataValue{out}, value);
    separator = ',';
  }
  out.append(metadata.empty() ? "{}" : "}");
}

void PutFloats(std::string& out, const std::vector<float>& values) {
  PutList(out, values, [&](float value) { PutNumber(out, value); });
}

template <class T>
std::string_view AsBytes(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

std::unexpected<Error> Wrong(std::string_view field, std::string_view why) {
  return Fail(ErrorCode::kInvalidArgument,
              field.empty() ? fmt::format("vector record: {}", why)
                            : fmt::format("vector record, field `{}`: {}", field, why));
}

std::unexpected<Error> Wrong(std::string_view field, simdjson::error_code error) {
  return Wrong(field, simdjson::error_message(error));
}

/// A float32 from its text, so that it is rounded only once.
Result<float> ReadValue(json::value& element, std::string_view field) {
  const std::string_view text = element.raw_json_token();
  float value = 0;
  const char* const end = ReadFloat(text.data(), text.data() + text.size(), value);
  if (end != nullptr &&
      std::string_view(end, text.data() + text.size()).find_first_not_of(" \t\r\n") ==
          std::string_view::npos) {
    return value;
  }
  double number = 0;
  return element.get_double().get(number) == simdjson::SUCCESS
             ? Wrong(field, "holds a number beyond float32")
             : Wrong(field,
                     "holds something that is not a number (NaN and infinities have no JSON form)");
}

/// Reads a JSON array through `read`, which gets each element.
template <class T, class Read>
Result<std::vector<T>> ReadList(json::value value, std::string_view field, const Read& read) {
  json::array elements;
  if (const auto error = value.get_array().get(elements); error != simdjson::SUCCESS) {
    return Wrong(field, "must be a list");
  }
  std::vector<T> out;
  for (auto element : elements) {
    json::value item;
    if (const auto error = std::move(element).get(item); error != simdjson::SUCCESS) {
      return Wrong(field, error);
    }
    REHOME_TRY_ASSIGN(out.emplace_back(), read(item, field));
  }
  return out;
}

/// Calls `read(key, value)` for each field of a JSON object; a key that comes twice is an error.
template <class Read>
Status ReadObject(json::value value, std::string_view field, const Read& read) {
  json::object object;
  if (const auto error = value.get_object().get(object); error != simdjson::SUCCESS) {
    return Wrong(field, "must be an object");
  }
  std::vector<std::string> seen;
  for (auto member : object) {
    std::string_view key;
    json::value item;
    if (const auto error = member.unescaped_key().get(key); error != simdjson::SUCCESS) {
      return Wrong(field, error);
    }
    if (std::ranges::find(seen, key) != seen.end()) {
      return Wrong(key, "comes twice");
    }
    seen.emplace_back(key);
    if (const auto error = member.value().get(item); error != simdjson::SUCCESS) {
      return Wrong(seen.back(), error);
    }
    REHOME_TRY(read(seen.back(), item));
  }
  return {};
}

Result<std::string> ReadText(json::value& value, std::string_view field) {
  std::string_view text;
  if (const auto error = value.get_string().get(text); error != simdjson::SUCCESS) {
    return Wrong(field, error == simdjson::INCORRECT_TYPE ? "must be a string"
                                                          : simdjson::error_message(error));
  }
  return std::string(text);
}

Result<std::uint32_t> ReadIndex(json::value& value, std::string_view field) {
  std::uint64_t index = 0;
  if (value.get_uint64().get(index) != simdjson::SUCCESS ||
      index > std::numeric_limits<std::uint32_t>::max()) {
    return Wrong(field, "holds something that is not an unsigned 32-bit number");
  }
  return static_cast<std::uint32_t>(index);
}

Result<MetadataValue> ReadMetadataValue(json::value& value, std::string_view key) {
  json::json_type type{};
  if (const auto error = value.type().get(type); error != simdjson::SUCCESS) {
    return Wrong(key, error);
  }
  switch (type) {
    case json::json_type::string: {
      REHOME_TRY_ASSIGN(std::string text, ReadText(value, key));
      return text;
    }
    case json::json_type::number: {
      double number = 0;
      if (const auto error = value.get_double().get(number); error != simdjson::SUCCESS) {
        return Wrong(key, error);
      }
      return number;
    }
    case json::json_type::boolean: {
      bool truth = false;
      if (const auto error = value.get_bool().get(truth); error != simdjson::SUCCESS) {
        return Wrong(key, error);
      }
      return truth;
    }
    case json::json_type::array: {
      REHOME_TRY_ASSIGN(auto texts, (ReadList<std::string>(value, key, ReadText)));
      return texts;
    }
    case json::json_type::null:
      return Wrong(key, "metadata must not be null: leave the key out");
    case json::json_type::object:
      break;
  }
  return Wrong(key, "metadata must be a string, a number, a boolean or a list of strings");
}

Result<Metadata> ReadMetadata(json::value value) {
  Metadata out;
  REHOME_TRY(
      ReadObject(value, "metadata", [&](const std::string& key, json::value& item) -> Status {
        REHOME_TRY_ASSIGN(out[key], ReadMetadataValue(item, key));
        return {};
      }));
  return out;
}

Result<SparseValues> ReadSparse(json::value value) {
  SparseValues out;
  REHOME_TRY(
      ReadObject(value, "sparseValues", [&](const std::string& key, json::value& item) -> Status {
        if (key == "indices") {
          REHOME_TRY_ASSIGN(out.indices,
                            (ReadList<std::uint32_t>(item, "sparseValues.indices", ReadIndex)));
        } else if (key == "values") {
          REHOME_TRY_ASSIGN(out.values, (ReadList<float>(item, "sparseValues.values", ReadValue)));
        } else {
          return Wrong("sparseValues." + key, "is not known");
        }
        return {};
      }));
  if (out.indices.size() != out.values.size()) {
    return Wrong("sparseValues",
                 fmt::format("{} indices but {} values", out.indices.size(), out.values.size()));
  }
  return out;
}

Result<std::string> ReadId(json::value& value) {
  REHOME_TRY_ASSIGN(std::string id, ReadText(value, "id"));
  const auto is_ascii = [](char c) { return c > 0; };
  if (id.empty() || id.size() > kIdBytesMax || !std::ranges::all_of(id, is_ascii)) {
    return Wrong("id", fmt::format("must be 1 to {} ASCII characters", kIdBytesMax));
  }
  return id;
}

Status ReadField(VectorRecord& record, std::string_view key, json::value& value) {
  if (key == "id") {
    REHOME_TRY_ASSIGN(record.id, ReadId(value));
    return {};
  }
  if (key == "values") {
    REHOME_TRY_ASSIGN(record.values, (ReadList<float>(value, key, ReadValue)));
    return {};
  }
  const bool is_sparse = key == "sparseValues" || key == "sparse_values";  // REST, Python client
  if (!is_sparse && key != "metadata") {
    return Wrong(key, "is not a field of a vector record");
  }
  bool is_null = false;
  if (value.is_null().get(is_null) == simdjson::SUCCESS && is_null) {
    return {};
  }
  if (is_sparse) {
    REHOME_TRY_ASSIGN(record.sparse, ReadSparse(value));
  } else {
    REHOME_TRY_ASSIGN(record.metadata, ReadMetadata(value));
  }
  return {};
}

}  // namespace

std::string MetadataJson(const Metadata& metadata) {
  std::string out;
  PutMetadata(out, metadata);
  return out;
}

std::string MetadataValueJson(const MetadataValue& value) {
  std::string out;
  std::visit(PutMetadataValue{out}, value);
  return out;
}

Md5Digest ValuesDigest(const std::vector<float>& values) {
  return Md5(AsBytes(values));
}

Md5Digest VectorDigest(const VectorRecord& record) {
  // The counts keep the parts apart: without them values could pass for sparse values.
  std::string bytes = fmt::format("{} {} ", record.values.size(), record.sparse.indices.size());
  PutMetadata(bytes, record.metadata);
  bytes.append(AsBytes(record.values))
      .append(AsBytes(record.sparse.indices))
      .append(AsBytes(record.sparse.values));
  return Md5(bytes);
}

std::string VectorJson(const VectorRecord& record) {
  constexpr std::size_t kFloatBytesUsual = 13;
  std::string out;
  out.reserve(record.id.size() + record.values.size() * kFloatBytesUsual + 512);
  out.append(R"({"id":)");
  AppendJsonString(out, record.id);
  if (!record.values.empty() || record.sparse.indices.empty()) {
    out.append(R"(,"values":)");
    PutFloats(out, record.values);
  }
  if (!record.sparse.indices.empty()) {
    out.append(R"(,"sparseValues":{"indices":)");
    PutList(out, record.sparse.indices,
            [&](std::uint32_t index) { out.append(std::to_string(index)); });
    out.append(R"(,"values":)");
    PutFloats(out, record.sparse.values);
    out.push_back('}');
  }
  if (!record.metadata.empty()) {
    out.append(R"(,"metadata":)");
    PutMetadata(out, record.metadata);
  }
  out.push_back('}');
  return out;
}

Result<VectorRecord> ParseVectorJson(std::string_view text) {
  thread_local json::parser parser;
  const simdjson::padded_string padded(text);
  VectorRecord record;
  json::document document;
  json::value root;
  if (const auto error = parser.iterate(padded).get(document); error != simdjson::SUCCESS) {
    return Wrong("", error);
  }
  if (const auto error = document.get_value().get(root); error != simdjson::SUCCESS) {
    return Wrong("", "the record must be an object");
  }
  REHOME_TRY(ReadObject(root, "", [&](const std::string& key, json::value& value) {
    return ReadField(record, key, value);
  }));
  if (document.current_location().error() != simdjson::OUT_OF_BOUNDS) {
    return Wrong("", "something follows the record");
  }
  if (record.id.empty()) {
    return Wrong("id", "is missing");
  }
  return record;
}

}  // namespace rehome
