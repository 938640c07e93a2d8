#include "model/document.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "model/bytes.h"
#include "model/validate.h"

namespace rehome {
namespace {

constexpr std::size_t kLengthBytes = sizeof(std::int32_t);

std::size_t LengthPrefix(std::string_view bytes) {
  const auto length = LoadAt<std::int32_t>(bytes);
  CHECK(length >= 0);
  return static_cast<std::size_t>(length);
}

/// How the bytes of a payload are counted.
struct PayloadShape {
  enum class Kind : std::uint8_t { kUnknown, kFixed, kPrefixed, kTwoTexts };
  Kind kind = Kind::kUnknown;
  std::uint8_t bytes = 0;  // kPrefixed: besides those that the length before it counts
};

constexpr PayloadShape ShapeOf(BsonType type) {
  using Kind = PayloadShape::Kind;
  switch (type) {
    case BsonType::kUndefined:
    case BsonType::kNull:
    case BsonType::kMinKey:
    case BsonType::kMaxKey:
      return {Kind::kFixed, 0};
    case BsonType::kBool:
      return {Kind::kFixed, 1};
    case BsonType::kInt32:
      return {Kind::kFixed, 4};
    case BsonType::kDouble:
    case BsonType::kDate:
    case BsonType::kTimestamp:
    case BsonType::kInt64:
      return {Kind::kFixed, 8};
    case BsonType::kObjectId:
      return {Kind::kFixed, 12};
    case BsonType::kDecimal128:
      return {Kind::kFixed, 16};
    case BsonType::kString:
    case BsonType::kCode:
    case BsonType::kSymbol:
      return {Kind::kPrefixed, 4};
    case BsonType::kDbPointer:
      return {Kind::kPrefixed, 4 + 12};
    case BsonType::kDocument:
    case BsonType::kArray:
    case BsonType::kCodeWithScope:
      return {Kind::kPrefixed, 0};
    case BsonType::kBinary:
      return {Kind::kPrefixed, 5};
    case BsonType::kRegex:
      return {Kind::kTwoTexts, 0};
  }
  return {};
}

// By type byte: reading a document asks once per element.
constexpr auto kShapes = [] {
  std::array<PayloadShape, 256> out{};
  for (std::size_t type = 0; type < out.size(); ++type) {
    out[type] = ShapeOf(static_cast<BsonType>(type));
  }
  return out;
}();

std::size_t TwoTextsBytes(std::string_view bytes) {
  const std::size_t pattern = bytes.find('\0');
  const std::size_t options = bytes.find('\0', pattern + 1);
  CHECK(pattern != std::string_view::npos && options != std::string_view::npos);
  return options + 1;
}

/// Bytes of the payload of `type` that starts at `bytes`.
inline std::size_t PayloadBytes(BsonType type, std::string_view bytes) {
  const PayloadShape shape = kShapes[static_cast<std::uint8_t>(type)];
  if (shape.kind == PayloadShape::Kind::kFixed) {
    return shape.bytes;
  }
  if (shape.kind == PayloadShape::Kind::kPrefixed) {
    return shape.bytes + LengthPrefix(bytes);
  }
  CHECK(shape.kind == PayloadShape::Kind::kTwoTexts);  // validation lets no other type pass
  return TwoTextsBytes(bytes);
}

/// The zero behind the key at `at`, before `end`. Keys are short: a few words are compared before a
/// call of memchr has begun.
inline const char* KeyEnd(const char* at, const char* end) {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  constexpr std::uint64_t kTops = 0x8080808080808080;
  for (std::uint64_t word = 0; end - at >= std::ptrdiff_t{sizeof(word)}; at += sizeof(word)) {
    std::memcpy(&word, at, sizeof(word));
    // The lowest top bit that is left belongs to the first byte that is zero.
    if (const std::uint64_t zeros = (word - kOnes) & ~word & kTops; zeros != 0) {
      return at + (std::countr_zero(zeros) / 8);
    }
  }
  while (at != end && *at != '\0') {
    ++at;
  }
  CHECK(at != end);
  return at;
}

}  // namespace

std::string_view Name(BsonType type) {
  switch (type) {
    case BsonType::kDouble:
      return "double";
    case BsonType::kString:
      return "string";
    case BsonType::kDocument:
      return "object";
    case BsonType::kArray:
      return "array";
    case BsonType::kBinary:
      return "binData";
    case BsonType::kUndefined:
      return "undefined";
    case BsonType::kObjectId:
      return "objectId";
    case BsonType::kBool:
      return "bool";
    case BsonType::kDate:
      return "date";
    case BsonType::kNull:
      return "null";
    case BsonType::kRegex:
      return "regex";
    case BsonType::kDbPointer:
      return "dbPointer";
    case BsonType::kCode:
      return "javascript";
    case BsonType::kSymbol:
      return "symbol";
    case BsonType::kCodeWithScope:
      return "javascriptWithScope";
    case BsonType::kInt32:
      return "int";
    case BsonType::kTimestamp:
      return "timestamp";
    case BsonType::kInt64:
      return "long";
    case BsonType::kDecimal128:
      return "decimal";
    case BsonType::kMaxKey:
      return "maxKey";
    case BsonType::kMinKey:
      return "minKey";
  }
  return "unknown";
}

std::string_view ValueView::AsString() const {
  CHECK(type_ == BsonType::kString || type_ == BsonType::kSymbol || type_ == BsonType::kCode);
  return payload_.substr(4, payload_.size() - 5);
}

DocumentView ValueView::AsDocument() const {
  CHECK(type_ == BsonType::kDocument || type_ == BsonType::kArray);
  return DocumentView(payload_);
}

std::int32_t ValueView::AsInt32() const {
  CHECK(type_ == BsonType::kInt32);
  return LoadAt<std::int32_t>(payload_);
}

std::int64_t ValueView::AsInt64() const {
  CHECK(type_ == BsonType::kInt64 || type_ == BsonType::kDate || type_ == BsonType::kTimestamp);
  return LoadAt<std::int64_t>(payload_);
}

double ValueView::AsDouble() const {
  CHECK(type_ == BsonType::kDouble);
  return LoadAt<double>(payload_);
}

bool ValueView::AsBool() const {
  CHECK(type_ == BsonType::kBool);
  return payload_.front() != '\0';
}

std::string_view ValueView::AsObjectId() const {
  CHECK(type_ == BsonType::kObjectId);
  return payload_;
}

std::string_view ValueView::AsBinary() const {
  CHECK(type_ == BsonType::kBinary);
  return payload_.substr(5);
}

std::uint8_t ValueView::BinarySubtype() const {
  CHECK(type_ == BsonType::kBinary);
  return static_cast<std::uint8_t>(payload_[4]);
}

namespace {

template <class T>
Value OfNumber(BsonType type, T number) {
  return Value(ValueView(type, {reinterpret_cast<const char*>(&number), sizeof(number)}));
}

}  // namespace

Value Value::String(std::string_view text) {
  std::string payload;
  payload.reserve(text.size() + 5);
  AppendNumber(payload, static_cast<std::int32_t>(text.size() + 1));
  payload.append(text).push_back('\0');
  return Value(ValueView(BsonType::kString, payload));
}

Value Value::Int32(std::int32_t number) {
  return OfNumber(BsonType::kInt32, number);
}

Value Value::Int64(std::int64_t number) {
  return OfNumber(BsonType::kInt64, number);
}

Value Value::Double(double number) {
  return OfNumber(BsonType::kDouble, number);
}

Value Value::Bool(bool value) {
  return Value(ValueView(BsonType::kBool, value ? "\1" : std::string_view("\0", 1)));
}

DocumentView::Iterator::Iterator(std::string_view rest) : rest_(rest) {
  Read();
}

void DocumentView::Iterator::Read() {
  if (rest_.empty()) {
    return;
  }
  const auto type = static_cast<BsonType>(rest_.front());
  const char* const key = rest_.data() + 1;
  const char* const end = rest_.data() + rest_.size();
  const char* const key_end = KeyEnd(key, end);
  const std::string_view payload(key_end + 1, end);
  const std::size_t payload_bytes = PayloadBytes(type, payload);
  CHECK(payload_bytes <= payload.size());
  element_ = {std::string_view(key, key_end), ValueView(type, payload.substr(0, payload_bytes))};
  element_bytes_ = rest_.size() - payload.size() + payload_bytes;
}

DocumentView::Iterator& DocumentView::Iterator::operator++() {
  rest_.remove_prefix(element_bytes_);
  Read();
  return *this;
}

DocumentView::Iterator DocumentView::begin() const {
  CHECK(bytes_.size() >= 5);
  return Iterator(bytes_.substr(4, bytes_.size() - 5));
}

std::optional<ValueView> DocumentView::Find(std::string_view key) const {
  CHECK(bytes_.size() >= 5);
  const char* at = bytes_.data() + 4;
  const char* const end = bytes_.data() + bytes_.size() - 1;
  while (at != end) {
    const auto type = static_cast<BsonType>(*at++);
    const char* const key_end = KeyEnd(at, end);
    const std::string_view payload(key_end + 1, end);
    const std::size_t payload_bytes = PayloadBytes(type, payload);
    CHECK(payload_bytes <= payload.size());
    // A call of memcmp only where it is likely to say yes.
    if (key.size() == static_cast<std::size_t>(key_end - at) &&
        (key.empty() || key.front() == *at) && key == std::string_view(at, key_end)) {
      return ValueView(type, payload.substr(0, payload_bytes));
    }
    at = payload.data() + payload_bytes;
  }
  return std::nullopt;
}

ValueView DocumentView::Id() const {
  const auto id = Find("_id");
  CHECK(id.has_value());
  return *id;
}

Document::Document() : bytes_("\x05\0\0\0\0", 5) {}

Result<Document> Document::Parse(std::string bytes) {
  if (const auto offset = FindMalformedByte(bytes)) {
    return Fail(
        ErrorCode::kDataLoss,
        fmt::format("not a BSON document: byte {} of {} is out of place", *offset, bytes.size()));
  }
  return Trusted(std::move(bytes));
}

Document Document::Trusted(std::string bytes) {
  CHECK(bytes.size() >= 5 && LengthPrefix(bytes) == bytes.size() && bytes.back() == '\0');
  return {std::move(bytes), TrustedTag{}};
}

DocumentBuilder::DocumentBuilder() {
  // Most documents that are built here fit: growing to them would cost several allocations.
  constexpr std::size_t kUsualBytes = 480;
  bytes_.reserve(kUsualBytes);
  bytes_.assign(kLengthBytes, '\0');
}

char* DocumentBuilder::Element(BsonType type, std::string_view key, std::size_t payload_bytes) {
  CHECK(key.find('\0') == std::string_view::npos);
  const std::size_t at = bytes_.size();
  const std::size_t size = at + key.size() + 2 + payload_bytes;
  bytes_.resize_and_overwrite(size, [&](char* bytes, std::size_t /*may be more*/) {
    char* const element = bytes + at;
    element[0] = static_cast<char>(type);
    key.copy(element + 1, key.size());
    element[1 + key.size()] = '\0';
    return size;
  });
  return bytes_.data() + size - payload_bytes;
}

template <class T>
DocumentBuilder& DocumentBuilder::Number(BsonType type, std::string_view key, T number) {
  std::memcpy(Element(type, key, sizeof(number)), &number, sizeof(number));
  return *this;
}

DocumentBuilder& DocumentBuilder::Append(std::string_view key, ValueView value) {
  const std::string_view payload = value.payload();
  payload.copy(Element(value.type(), key, payload.size()), payload.size());
  return *this;
}

DocumentBuilder& DocumentBuilder::Append(std::string_view key, const Document& document) {
  return Append(key, ValueView(BsonType::kDocument, document.bytes()));
}

DocumentBuilder& DocumentBuilder::Array(std::string_view key, const Document& elements) {
  return Append(key, ValueView(BsonType::kArray, elements.bytes()));
}

DocumentBuilder& DocumentBuilder::String(std::string_view key, std::string_view text) {
  const auto counted = static_cast<std::int32_t>(text.size() + 1);
  char* const payload = Element(BsonType::kString, key, sizeof(counted) + text.size() + 1);
  std::memcpy(payload, &counted, sizeof(counted));
  text.copy(payload + sizeof(counted), text.size());
  payload[sizeof(counted) + text.size()] = '\0';
  return *this;
}

DocumentBuilder& DocumentBuilder::Int32(std::string_view key, std::int32_t number) {
  return Number(BsonType::kInt32, key, number);
}

DocumentBuilder& DocumentBuilder::Int64(std::string_view key, std::int64_t number) {
  return Number(BsonType::kInt64, key, number);
}

DocumentBuilder& DocumentBuilder::Double(std::string_view key, double number) {
  return Number(BsonType::kDouble, key, number);
}

DocumentBuilder& DocumentBuilder::Bool(std::string_view key, bool value) {
  *Element(BsonType::kBool, key, 1) = value ? '\1' : '\0';
  return *this;
}

DocumentBuilder& DocumentBuilder::Date(std::string_view key,
                                       std::int64_t milliseconds_since_epoch) {
  return Number(BsonType::kDate, key, milliseconds_since_epoch);
}

DocumentBuilder& DocumentBuilder::Null(std::string_view key) {
  Element(BsonType::kNull, key, 0);
  return *this;
}

DocumentBuilder& DocumentBuilder::Binary(std::string_view key, std::string_view bytes,
                                         std::uint8_t subtype) {
  const auto counted = static_cast<std::int32_t>(bytes.size());
  char* const payload = Element(BsonType::kBinary, key, sizeof(counted) + 1 + bytes.size());
  std::memcpy(payload, &counted, sizeof(counted));
  payload[sizeof(counted)] = static_cast<char>(subtype);
  bytes.copy(payload + sizeof(counted) + 1, bytes.size());
  return *this;
}

std::size_t DocumentBuilder::Open(BsonType type, std::string_view key) {
  Element(type, key, kLengthBytes);
  return bytes_.size() - kLengthBytes;
}

void DocumentBuilder::Close(std::size_t at) {
  bytes_.push_back('\0');
  StoreAt(bytes_, at, static_cast<std::int32_t>(bytes_.size() - at));
}

Document DocumentBuilder::Finish() {
  Close(0);
  Document out = Document::Trusted(std::move(bytes_));
  bytes_.assign(kLengthBytes, '\0');
  return out;
}

ArrayBuilder& ArrayBuilder::Append(ValueView value) {
  builder_.Append(ArrayKey(count_++).view(), value);
  return *this;
}

ArrayBuilder& ArrayBuilder::Append(const Document& document) {
  return Append(ValueView(BsonType::kDocument, document.bytes()));
}

ArrayBuilder& ArrayBuilder::String(std::string_view text) {
  builder_.String(ArrayKey(count_++).view(), text);
  return *this;
}

Document ArrayBuilder::Finish() {
  count_ = 0;
  return builder_.Finish();
}

}  // namespace rehome
