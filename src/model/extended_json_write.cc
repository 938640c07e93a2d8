#include <bson/bson.h>

#include <array>
#include <charconv>
#include <cmath>

#include "base/digest.h"
#include "model/base64.h"
#include "model/bytes.h"
#include "model/extended_json.h"
#include "model/iso_time.h"
#include "model/json_text.h"
#include "model/regex_options.h"

namespace rehome {
namespace {

template <class T>
void AppendInteger(std::string& out, T number) {
  std::array<char, 24> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number);
  out.append(buffer.data(), end.ptr);
}

/// Shortest digits that give the same double back, in the form of the specification's examples:
/// "1.0", "-0.0", "1.2345678921232E+18". Outside [1e-5, 1e17) with an exponent.
void AppendFinite(std::string& out, double number) {
  constexpr double kFixedMin = 1e-5;
  constexpr double kFixedMax = 1e17;
  const double magnitude = std::abs(number);
  const bool is_fixed = magnitude == 0 || (magnitude >= kFixedMin && magnitude < kFixedMax);
  std::array<char, 40> buffer{};
  const auto end =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), number,
                    is_fixed ? std::chars_format::fixed : std::chars_format::scientific);
  const std::string_view text(buffer.data(), end.ptr);
  if (is_fixed) {
    out.append(text).append(text.find('.') == std::string_view::npos ? ".0" : "");
    return;
  }
  const std::size_t exponent = text.find('e');
  out.append(text.substr(0, exponent)).append("E").append(text.substr(exponent + 1));
}

class Writer {
 public:
  explicit Writer(JsonMode mode) : mode_(mode) {}

  void Object(DocumentView document) {
    char separator = '{';
    for (const auto& [key, value] : document) {
      out_.push_back(separator);
      separator = ',';
      AppendJsonString(out_, key);
      out_.push_back(':');
      Any(value);
    }
    out_.append(separator == '{' ? "{}" : "}");
  }

  void Any(ValueView value) {
    switch (value.type()) {
      case BsonType::kDouble:
        return Double(value.AsDouble());
      case BsonType::kString:
        return AppendJsonString(out_, value.AsString());
      case BsonType::kDocument:
        return Object(value.AsDocument());
      case BsonType::kArray:
        return Array(value.AsDocument());
      case BsonType::kBinary:
        return Binary(value);
      case BsonType::kUndefined:
        return Text(R"({"$undefined":true})");
      case BsonType::kObjectId:
        return ObjectId(value.AsObjectId());
      case BsonType::kBool:
        return Text(value.AsBool() ? "true" : "false");
      case BsonType::kDate:
        return Date(value.AsInt64());
      case BsonType::kNull:
        return Text("null");
      case BsonType::kRegex:
        return Regex(value.payload());
      case BsonType::kDbPointer:
        return DbPointer(value.payload());
      case BsonType::kCode:
        return Wrapped(R"({"$code":)", value.AsString());
      case BsonType::kSymbol:
        return Wrapped(R"({"$symbol":)", value.AsString());
      case BsonType::kCodeWithScope:
        return CodeWithScope(value.payload());
      case BsonType::kInt32:
        return Integer(R"({"$numberInt":")", value.AsInt32());
      case BsonType::kTimestamp:
        return Timestamp(value.payload());
      case BsonType::kInt64:
        return Integer(R"({"$numberLong":")", value.AsInt64());
      case BsonType::kDecimal128:
        return Decimal(value.payload());
      case BsonType::kMaxKey:
        return Text(R"({"$maxKey":1})");
      case BsonType::kMinKey:
        return Text(R"({"$minKey":1})");
    }
  }

  [[nodiscard]] std::string Finish() && { return std::move(out_); }
  void Reserve(std::size_t bytes) { out_.reserve(bytes); }

 private:
  void Text(std::string_view text) { out_.append(text); }

  void Wrapped(std::string_view opening, std::string_view text) {
    out_.append(opening);
    AppendJsonString(out_, text);
    out_.push_back('}');
  }

  template <class T>
  void Integer(std::string_view opening, T number) {
    if (mode_ == JsonMode::kRelaxed) {
      AppendInteger(out_, number);
      return;
    }
    out_.append(opening);
    AppendInteger(out_, number);
    out_.append("\"}");
  }

  void Double(double number) {
    const bool finite = std::isfinite(number);
    if (finite && mode_ == JsonMode::kRelaxed) {
      AppendFinite(out_, number);
      return;
    }
    out_.append(R"({"$numberDouble":")");
    if (finite) {
      AppendFinite(out_, number);
    } else if (std::isnan(number)) {
      out_.append("NaN");
    } else {
      out_.append(number < 0 ? "-Infinity" : "Infinity");
    }
    out_.append("\"}");
  }

  void Array(DocumentView elements) {
    char separator = '[';
    for (const auto& element : elements) {
      out_.push_back(separator);
      separator = ',';
      Any(element.value);
    }
    out_.append(separator == '[' ? "[]" : "]");
  }

  void Binary(ValueView value) {
    const std::string_view bytes = value.AsBinary();
    const std::uint8_t subtype = value.BinarySubtype();
    out_.append(R"({"$binary":{"base64":")");
    AppendBase64(out_, subtype == kOldBinary ? bytes.substr(4) : bytes);
    out_.append(R"(","subType":")").append(Hex({&subtype, 1})).append("\"}}");
  }

  void ObjectId(std::string_view bytes) {
    out_.append(R"({"$oid":")").append(Hex(bytes)).append("\"}");
  }

  void Date(std::int64_t milliseconds) {
    const auto iso = mode_ == JsonMode::kRelaxed ? IsoTime(milliseconds) : std::nullopt;
    out_.append(R"({"$date":)");
    if (iso) {
      AppendJsonString(out_, *iso);
    } else {
      out_.append(R"({"$numberLong":")");
      AppendInteger(out_, milliseconds);
      out_.append("\"}");
    }
    out_.push_back('}');
  }

  void Regex(std::string_view payload) {
    const std::size_t pattern_bytes = payload.find('\0');
    const std::string_view options = payload.substr(pattern_bytes + 1);
    out_.append(R"({"$regularExpression":{"pattern":)");
    AppendJsonString(out_, payload.substr(0, pattern_bytes));
    out_.append(R"(,"options":)");
    AppendJsonString(out_, SortedOptions(options.substr(0, options.size() - 1)));
    out_.append("}}");
  }

  void DbPointer(std::string_view payload) {
    const std::size_t name_bytes = LoadAt<std::uint32_t>(payload);
    out_.append(R"({"$dbPointer":{"$ref":)");
    AppendJsonString(out_, payload.substr(4, name_bytes - 1));
    out_.append(R"(,"$id":)");
    ObjectId(payload.substr(4 + name_bytes));
    out_.append("}}");
  }

  void CodeWithScope(std::string_view payload) {
    const std::size_t code_bytes = LoadAt<std::uint32_t>(payload, 4);
    out_.append(R"({"$code":)");
    AppendJsonString(out_, payload.substr(8, code_bytes - 1));
    out_.append(R"(,"$scope":)");
    Object(DocumentView(payload.substr(8 + code_bytes)));
    out_.push_back('}');
  }

  void Timestamp(std::string_view payload) {
    out_.append(R"({"$timestamp":{"t":)");
    AppendInteger(out_, LoadAt<std::uint32_t>(payload, 4));
    out_.append(R"(,"i":)");
    AppendInteger(out_, LoadAt<std::uint32_t>(payload));
    out_.append("}}");
  }

  void Decimal(std::string_view payload) {
    const bson_decimal128_t decimal{LoadAt<std::uint64_t>(payload),
                                    LoadAt<std::uint64_t>(payload, 8)};
    std::array<char, BSON_DECIMAL128_STRING> text{};
    bson_decimal128_to_string(&decimal, text.data());
    out_.append(R"({"$numberDecimal":")").append(text.data()).append("\"}");
  }

  JsonMode mode_;
  std::string out_;
};

}  // namespace

std::string ToExtendedJson(DocumentView document, JsonMode mode) {
  Writer writer(mode);
  writer.Reserve(document.bytes().size() * 2);
  writer.Object(document);
  return std::move(writer).Finish();
}

std::string ToExtendedJson(ValueView value, JsonMode mode) {
  Writer writer(mode);
  writer.Any(value);
  return std::move(writer).Finish();
}

std::optional<std::string> FaithfulJson(DocumentView document) {
  std::string json = ToExtendedJson(document, JsonMode::kCanonical);
  const auto parsed = ParseExtendedJson(json);
  return parsed && parsed->bytes() == document.bytes() ? std::optional(std::move(json))
                                                       : std::nullopt;
}

}  // namespace rehome
