#include <fmt/format.h>
#include <simdjson.h>

#include <limits>

#include "model/bytes.h"
#include "model/extended_json.h"
#include "model/json_wrappers.h"

// Every object is first written as the BSON document that it spells; one that turns out to be a
// wrapper ({"$oid":…}) is then replaced by its value. So members may come in any order and wrappers
// may hold wrappers.
namespace rehome {
namespace {

namespace json = simdjson::ondemand;

constexpr int kDepthMax = 200;  // MongoDB's own limit

class Reader {
 public:
  /// `begin`: the text's first byte, from which offsets count.
  explicit Reader(const char* begin) : begin_(begin) {}

  /// The members of an object as a document, whatever its keys.
  Status Document(json::value& value, int depth) {
    const std::size_t start = OpenContainer();
    json::object object;
    if (const auto error = value.get_object().get(object); error != simdjson::SUCCESS) {
      return Wrong(value,
                   error == simdjson::INCORRECT_TYPE ? "an object was expected" : Explain(error));
    }
    for (auto member : object) {
      std::string_view key;
      if (const auto error = member.unescaped_key().get(key); error != simdjson::SUCCESS) {
        return Wrong(value, Explain(error));
      }
      if (key.find('\0') != std::string_view::npos) {
        return Wrong(value, "a key holds a NUL character");
      }
      const std::size_t type_at = out_.size();
      out_.append(1, '\0').append(key).push_back('\0');
      REHOME_TRY(Member(member.value(), value, type_at, depth));
    }
    return CloseContainer(start, value);
  }

  /// Any value; its payload is appended and its type stored at `type_at`.
  Status Any(json::value& value, std::size_t type_at, int depth) {
    json::json_type type{};
    if (const auto error = value.type().get(type); error != simdjson::SUCCESS) {
      return Wrong(value, Explain(error));
    }
    switch (type) {
      case json::json_type::array:
        Type(type_at, BsonType::kArray);
        return Array(value, depth + 1);
      case json::json_type::object:
        return Object(value, type_at, depth + 1);
      case json::json_type::number:
        return Number(value, type_at);
      case json::json_type::string:
        Type(type_at, BsonType::kString);
        return String(value);
      case json::json_type::boolean:
        Type(type_at, BsonType::kBool);
        return Bool(value);
      case json::json_type::null:
        Type(type_at, BsonType::kNull);
        return Null(value);
    }
    return Wrong(value, "not a JSON value");
  }

  [[nodiscard]] std::string& out() { return out_; }

  [[nodiscard]] std::unexpected<Error> WrongAt(const char* at, std::string_view why) const {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("Extended JSON, byte {}: {}", at - begin_, why));
  }

  [[nodiscard]] static std::string_view Explain(simdjson::error_code error) {
    return error == simdjson::UTF8_ERROR ? "the text is not valid UTF-8"
                                         : simdjson::error_message(error);
  }

 private:
  [[nodiscard]] std::unexpected<Error> Wrong(json::value& value, std::string_view why) const {
    return WrongAt(value.raw_json_token().begin(), why);
  }

  void Type(std::size_t type_at, BsonType type) { out_[type_at] = static_cast<char>(type); }

  [[nodiscard]] std::size_t OpenContainer() {
    const std::size_t start = out_.size();
    out_.append(4, '\0');
    return start;
  }

  Status CloseContainer(std::size_t start, json::value& value) {
    out_.push_back('\0');
    const std::size_t bytes = out_.size() - start;
    if (bytes > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max())) {
      return Wrong(value, "larger than BSON can hold");
    }
    StoreAt(out_, start, static_cast<std::int32_t>(bytes));
    return {};
  }

  Status Member(simdjson::simdjson_result<json::value> member, json::value& parent,
                std::size_t type_at, int depth) {
    json::value value;
    if (const auto error = std::move(member).get(value); error != simdjson::SUCCESS) {
      return Wrong(parent, Explain(error));
    }
    return Any(value, type_at, depth);
  }

  Status Object(json::value& value, std::size_t type_at, int depth) {
    if (depth > kDepthMax) {
      return Wrong(value, fmt::format("nested deeper than {} levels", kDepthMax));
    }
    const char* const at = value.raw_json_token().begin();
    const std::size_t start = out_.size();
    REHOME_TRY(Document(value, depth));
    auto type = BsonType::kDocument;
    const DocumentView document(std::string_view(out_).substr(start));
    switch (Unwrap(document, type, payload_)) {
      case Unwrapped::kPlain:
        Type(type_at, BsonType::kDocument);
        return {};
      case Unwrapped::kWrapper:
        out_.resize(start);
        out_.append(payload_);
        Type(type_at, type);
        return {};
      case Unwrapped::kMalformed:
        break;
    }
    return WrongAt(at,
                   fmt::format("an object with `{}` that is not of the form which that key demands",
                               document.begin()->key));
  }

  Status Array(json::value& value, int depth) {
    if (depth > kDepthMax) {
      return Wrong(value, fmt::format("nested deeper than {} levels", kDepthMax));
    }
    const std::size_t start = OpenContainer();
    json::array array;
    if (const auto error = value.get_array().get(array); error != simdjson::SUCCESS) {
      return Wrong(value, Explain(error));
    }
    std::size_t index = 0;
    for (auto element : array) {
      const std::size_t type_at = out_.size();
      out_.push_back('\0');
      out_.append(std::to_string(index++)).push_back('\0');
      REHOME_TRY(Member(element, value, type_at, depth));
    }
    return CloseContainer(start, value);
  }

  /// A whole number is an int32 if it fits, else an int64, else like every other number a double.
  Status Number(json::value& value, std::size_t type_at) {
    const std::string_view token = value.raw_json_token();
    const bool is_whole = token.find_first_of(".eE") == std::string_view::npos;
    std::int64_t whole = 0;
    if (is_whole && value.get_int64().get(whole) == simdjson::SUCCESS) {
      if (whole == static_cast<std::int32_t>(whole)) {
        Type(type_at, BsonType::kInt32);
        AppendNumber(out_, static_cast<std::int32_t>(whole));
      } else {
        Type(type_at, BsonType::kInt64);
        AppendNumber(out_, whole);
      }
      return {};
    }
    double number = 0;
    if (const auto error = value.get_double().get(number); error != simdjson::SUCCESS) {
      return WrongAt(token.begin(), "not a number, or one beyond a double");
    }
    Type(type_at, BsonType::kDouble);
    AppendNumber(out_, number);
    return {};
  }

  Status String(json::value& value) {
    std::string_view text;
    if (const auto error = value.get_string().get(text); error != simdjson::SUCCESS) {
      return Wrong(value, Explain(error));
    }
    AppendNumber(out_, static_cast<std::int32_t>(text.size() + 1));
    out_.append(text).push_back('\0');
    return {};
  }

  Status Bool(json::value& value) {
    bool truth = false;
    if (const auto error = value.get_bool().get(truth); error != simdjson::SUCCESS) {
      return Wrong(value, Explain(error));
    }
    out_.push_back(truth ? '\1' : '\0');
    return {};
  }

  Status Null(json::value& value) {
    bool is_null = false;
    const auto error = value.is_null().get(is_null);
    return error == simdjson::SUCCESS && is_null ? Status{} : Wrong(value, "not a JSON value");
  }

  const char* begin_;
  std::string out_;
  std::string payload_;  // reused from wrapper to wrapper
};

/// Reads `text` with `read(root, reader)`; offsets in errors are those of `text` without its first
/// `skipped` bytes.
template <class Read>
Result<std::string> ReadRoot(std::string_view text, std::size_t skipped, const Read& read) {
  thread_local json::parser parser;
  const simdjson::padded_string padded(text);
  const char* const begin = padded.data() + skipped;
  Reader reader(begin);
  json::document document;
  json::value root;
  auto error = parser.iterate(padded).get(document);
  if (error == simdjson::SUCCESS) {
    error = document.get_value().get(root);
  }
  if (error != simdjson::SUCCESS) {
    return reader.WrongAt(begin, Reader::Explain(error));
  }
  REHOME_TRY(read(root, reader));
  const char* rest = nullptr;
  if (document.current_location().get(rest) == simdjson::SUCCESS) {
    return reader.WrongAt(rest, "something follows the value");
  }
  return std::move(reader.out());
}

}  // namespace

Result<Document> ParseExtendedJson(std::string_view json) {
  REHOME_TRY_ASSIGN(std::string bytes, ReadRoot(json, 0, [](auto& root, Reader& reader) {
                      return reader.Document(root, 1);
                    }));
  return Document::Trusted(std::move(bytes));
}

Result<Value> ParseExtendedJsonValue(std::string_view json) {
  // In a list of one, since the parser treats a scalar at the root apart.
  const std::string list = fmt::format("[{}]", json);
  REHOME_TRY_ASSIGN(const std::string bytes, ReadRoot(list, 1, [](auto& root, Reader& reader) {
                      reader.out().push_back('\0');
                      return reader.Any(root, 0, 0);
                    }));
  const DocumentView elements(std::string_view(bytes).substr(1));
  auto element = elements.begin();
  if (element == elements.end()) {
    return Fail(ErrorCode::kInvalidArgument,
                "Extended JSON: a value was expected, the text is empty");
  }
  Value value(element->value);
  if (++element != elements.end()) {
    return Fail(ErrorCode::kInvalidArgument,
                "Extended JSON: one value was expected, there are more");
  }
  return value;
}

}  // namespace rehome
