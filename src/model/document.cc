#include "model/document.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/bytes.h"
#include "model/validate.h"

namespace rehome {
namespace {

std::size_t LengthPrefix(std::string_view bytes) {
  const auto length = LoadAt<std::int32_t>(bytes);
  CHECK(length >= 0);
  return static_cast<std::size_t>(length);
}

/// Bytes of the payload of `type` that starts at `bytes`.
std::size_t PayloadBytes(BsonType type, std::string_view bytes) {
  switch (type) {
    case BsonType::kUndefined:
    case BsonType::kNull:
    case BsonType::kMinKey:
    case BsonType::kMaxKey:
      return 0;
    case BsonType::kBool:
      return 1;
    case BsonType::kInt32:
      return 4;
    case BsonType::kDouble:
    case BsonType::kDate:
    case BsonType::kTimestamp:
    case BsonType::kInt64:
      return 8;
    case BsonType::kObjectId:
      return 12;
    case BsonType::kDecimal128:
      return 16;
    case BsonType::kString:
    case BsonType::kCode:
    case BsonType::kSymbol:
      return 4 + LengthPrefix(bytes);
    case BsonType::kDbPointer:
      return 4 + LengthPrefix(bytes) + 12;
    case BsonType::kDocument:
    case BsonType::kArray:
    case BsonType::kCodeWithScope:
      return LengthPrefix(bytes);
    case BsonType::kBinary:
      return 5 + LengthPrefix(bytes);
    case BsonType::kRegex: {
      const std::size_t pattern = bytes.find('\0');
      const std::size_t options = bytes.find('\0', pattern + 1);
      CHECK(pattern != std::string_view::npos && options != std::string_view::npos);
      return options + 1;
    }
  }
  CHECK(false && "a BSON type that validation let pass");
  return 0;
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
  const std::size_t key_end = rest_.find('\0', 1);
  CHECK(key_end != std::string_view::npos);
  const std::string_view payload = rest_.substr(key_end + 1);
  const std::size_t payload_bytes = PayloadBytes(type, payload);
  CHECK(payload_bytes <= payload.size());
  element_ = {rest_.substr(1, key_end - 1), ValueView(type, payload.substr(0, payload_bytes))};
  element_bytes_ = key_end + 1 + payload_bytes;
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
    // Keys are short: a loop is done before a call of memcmp or memchr has begun.
    std::size_t same = 0;
    while (same < key.size() && at[same] == key[same] && key[same] != '\0') {
      ++same;
    }
    const bool found = same == key.size() && at[same] == '\0';
    for (at += same; *at != '\0'; ++at) {
    }
    CHECK(at < end);
    const std::string_view payload(at + 1, end);
    const std::size_t payload_bytes = PayloadBytes(type, payload);
    CHECK(payload_bytes <= payload.size());
    if (found) {
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
  bytes_.assign(4, '\0');
}

void DocumentBuilder::Key(BsonType type, std::string_view key) {
  CHECK(key.find('\0') == std::string_view::npos);
  const std::size_t at = bytes_.size();
  const std::size_t size = at + key.size() + 2;
  bytes_.resize_and_overwrite(size, [&](char* bytes, std::size_t /*may be more*/) {
    bytes[at] = static_cast<char>(type);
    std::ranges::copy(key, bytes + at + 1);
    bytes[size - 1] = '\0';
    return size;
  });
}

DocumentBuilder& DocumentBuilder::Append(std::string_view key, ValueView value) {
  Key(value.type(), key);
  bytes_.append(value.payload());
  return *this;
}

DocumentBuilder& DocumentBuilder::Append(std::string_view key, const Document& document) {
  return Append(key, ValueView(BsonType::kDocument, document.bytes()));
}

DocumentBuilder& DocumentBuilder::Array(std::string_view key, const Document& elements) {
  return Append(key, ValueView(BsonType::kArray, elements.bytes()));
}

DocumentBuilder& DocumentBuilder::String(std::string_view key, std::string_view text) {
  Key(BsonType::kString, key);
  AppendNumber(bytes_, static_cast<std::int32_t>(text.size() + 1));
  bytes_.append(text);
  bytes_.push_back('\0');
  return *this;
}

DocumentBuilder& DocumentBuilder::Int32(std::string_view key, std::int32_t number) {
  Key(BsonType::kInt32, key);
  AppendNumber(bytes_, number);
  return *this;
}

DocumentBuilder& DocumentBuilder::Int64(std::string_view key, std::int64_t number) {
  Key(BsonType::kInt64, key);
  AppendNumber(bytes_, number);
  return *this;
}

DocumentBuilder& DocumentBuilder::Double(std::string_view key, double number) {
  Key(BsonType::kDouble, key);
  AppendNumber(bytes_, number);
  return *this;
}

DocumentBuilder& DocumentBuilder::Bool(std::string_view key, bool value) {
  Key(BsonType::kBool, key);
  bytes_.push_back(value ? '\1' : '\0');
  return *this;
}

DocumentBuilder& DocumentBuilder::Date(std::string_view key,
                                       std::int64_t milliseconds_since_epoch) {
  Key(BsonType::kDate, key);
  AppendNumber(bytes_, milliseconds_since_epoch);
  return *this;
}

DocumentBuilder& DocumentBuilder::Null(std::string_view key) {
  Key(BsonType::kNull, key);
  return *this;
}

DocumentBuilder& DocumentBuilder::Binary(std::string_view key, std::string_view bytes,
                                         std::uint8_t subtype) {
  Key(BsonType::kBinary, key);
  AppendNumber(bytes_, static_cast<std::int32_t>(bytes.size()));
  bytes_.push_back(static_cast<char>(subtype));
  bytes_.append(bytes);
  return *this;
}

Document DocumentBuilder::Finish() {
  bytes_.push_back('\0');
  const auto size = static_cast<std::int32_t>(bytes_.size());
  StoreAt(bytes_, 0, size);
  Document out = Document::Trusted(std::move(bytes_));
  bytes_.assign(4, '\0');
  return out;
}

ArrayBuilder& ArrayBuilder::Append(ValueView value) {
  builder_.Append(std::to_string(count_++), value);
  return *this;
}

ArrayBuilder& ArrayBuilder::Append(const Document& document) {
  return Append(ValueView(BsonType::kDocument, document.bytes()));
}

ArrayBuilder& ArrayBuilder::String(std::string_view text) {
  builder_.String(std::to_string(count_++), text);
  return *this;
}

Document ArrayBuilder::Finish() {
  count_ = 0;
  return builder_.Finish();
}

}  // namespace rehome
