#pragma once
// document.h — BSON as values. A document is its bytes: nothing between the store and the digest
// may re-encode it. Views borrow; Document and Value own. Bytes from outside enter through
// Document::Parse, which validates them; everything behind it relies on well-formed bytes and does
// not check again.
#include <array>
#include <charconv>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace rehome {

/// The subtype of a binary whose bytes begin with their length once more.
inline constexpr std::uint8_t kOldBinary = 2;

enum class BsonType : std::uint8_t {
  kDouble = 0x01,
  kString = 0x02,
  kDocument = 0x03,
  kArray = 0x04,
  kBinary = 0x05,
  kUndefined = 0x06,
  kObjectId = 0x07,
  kBool = 0x08,
  kDate = 0x09,
  kNull = 0x0A,
  kRegex = 0x0B,
  kDbPointer = 0x0C,
  kCode = 0x0D,
  kSymbol = 0x0E,
  kCodeWithScope = 0x0F,
  kInt32 = 0x10,
  kTimestamp = 0x11,
  kInt64 = 0x12,
  kDecimal128 = 0x13,
  kMaxKey = 0x7F,
  kMinKey = 0xFF,
};

/// The type's $type alias ("objectId", "int", "long", …), as MongoDB prints it.
[[nodiscard]] std::string_view Name(BsonType type);

class DocumentView;

/// One BSON value, borrowed: its type and the bytes of its payload (without type byte and key).
class ValueView {
 public:
  ValueView(BsonType type, std::string_view payload) : type_(type), payload_(payload) {}
  [[nodiscard]] BsonType type() const { return type_; }
  [[nodiscard]] std::string_view payload() const { return payload_; }

  // Each accessor requires the type in its name (CHECKed).
  [[nodiscard]] std::string_view AsString() const;  // kString, kSymbol, kCode
  [[nodiscard]] DocumentView AsDocument() const;    // kDocument, kArray
  [[nodiscard]] std::int32_t AsInt32() const;
  [[nodiscard]] std::int64_t AsInt64() const;  // kInt64, kDate (ms), kTimestamp (raw)
  [[nodiscard]] double AsDouble() const;
  [[nodiscard]] bool AsBool() const;
  [[nodiscard]] std::string_view AsObjectId() const;  // 12 raw bytes
  [[nodiscard]] std::string_view AsBinary() const;    // without length and subtype
  [[nodiscard]] std::uint8_t BinarySubtype() const;
  [[nodiscard]] bool IsString() const { return type_ == BsonType::kString; }
  [[nodiscard]] bool IsNull() const {
    return type_ == BsonType::kNull || type_ == BsonType::kUndefined;
  }

  /// The same type and the same bytes.
  bool operator==(const ValueView&) const = default;

 private:
  BsonType type_;
  std::string_view payload_;
};

/// One BSON value, owned: ids, boundaries, constants.
class Value {
 public:
  Value() : type_(BsonType::kNull) {}
  explicit Value(ValueView view) : type_(view.type()), payload_(view.payload()) {}
  [[nodiscard]] static Value String(std::string_view text);
  [[nodiscard]] static Value Int32(std::int32_t number);
  [[nodiscard]] static Value Int64(std::int64_t number);
  [[nodiscard]] static Value Double(double number);
  [[nodiscard]] static Value Bool(bool value);
  [[nodiscard]] ValueView view() const { return {type_, payload_}; }
  bool operator==(const Value&) const = default;

 private:
  BsonType type_;
  std::string payload_;
};

/// A document or array, borrowed. Iterates over its elements in stored order.
class DocumentView {
 public:
  struct Element {
    std::string_view key;
    ValueView value;
  };
  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = Element;
    using difference_type = std::ptrdiff_t;
    Iterator() = default;
    explicit Iterator(std::string_view rest);
    const Element& operator*() const { return element_; }
    const Element* operator->() const { return &element_; }
    Iterator& operator++();
    void operator++(int) { ++*this; }
    bool operator==(const Iterator& other) const { return rest_.size() == other.rest_.size(); }

   private:
    void Read();
    std::string_view rest_;  // from the current element to the end, without the closing zero
    Element element_{{}, {BsonType::kNull, {}}};
    std::size_t element_bytes_ = 0;
  };

  explicit DocumentView(std::string_view bytes) : bytes_(bytes) {}
  [[nodiscard]] std::string_view bytes() const { return bytes_; }
  [[nodiscard]] Iterator begin() const;
  [[nodiscard]] Iterator end() const { return {}; }
  [[nodiscard]] bool empty() const { return bytes_.size() <= 5; }
  /// The first element of that key.
  [[nodiscard]] std::optional<ValueView> Find(std::string_view key) const;
  /// The `_id`; every document in a store has one (CHECKed).
  [[nodiscard]] ValueView Id() const;
  bool operator==(const DocumentView&) const = default;

 private:
  std::string_view bytes_;
};

/// A document, owned. Never malformed.
class Document {
 public:
  /// The empty document.
  Document();
  /// Bytes from outside. kDataLoss if they are not one well-formed BSON document of at most 1,000
  /// levels (invalid UTF-8 in strings is allowed, since MongoDB stores it).
  [[nodiscard]] static Result<Document> Parse(std::string bytes);
  /// Bytes that this process or a store already validated.
  [[nodiscard]] static Document Trusted(std::string bytes);

  [[nodiscard]] DocumentView view() const { return DocumentView(bytes_); }
  [[nodiscard]] const std::string& bytes() const { return bytes_; }
  [[nodiscard]] ValueView Id() const { return view().Id(); }
  [[nodiscard]] std::optional<ValueView> Find(std::string_view key) const {
    return view().Find(key);
  }
  bool operator==(const Document&) const = default;

 private:
  struct TrustedTag {};
  Document(std::string bytes, TrustedTag) : bytes_(std::move(bytes)) {}
  std::string bytes_;
};

/// Writes a document element by element, in the order of the calls. Keys must not hold NUL
/// (CHECKed).
class DocumentBuilder {
 public:
  DocumentBuilder();
  DocumentBuilder& Append(std::string_view key, ValueView value);
  DocumentBuilder& Append(std::string_view key, const Value& value) {
    return Append(key, value.view());
  }
  DocumentBuilder& Append(std::string_view key, const Document& document);  // as kDocument
  DocumentBuilder& Array(std::string_view key,
                         const Document& elements);  // as kArray; see ArrayBuilder
  DocumentBuilder& String(std::string_view key, std::string_view text);
  DocumentBuilder& Int32(std::string_view key, std::int32_t number);
  DocumentBuilder& Int64(std::string_view key, std::int64_t number);
  DocumentBuilder& Double(std::string_view key, double number);
  DocumentBuilder& Bool(std::string_view key, bool value);
  DocumentBuilder& Date(std::string_view key, std::int64_t milliseconds_since_epoch);
  DocumentBuilder& Null(std::string_view key);
  DocumentBuilder& Binary(std::string_view key, std::string_view bytes, std::uint8_t subtype = 0);
  /// A sub-document: what `write(*this)` appends.
  template <class Write>
  DocumentBuilder& Nested(std::string_view key, const Write& write);
  /// An array: of each of `list`, `write(*this, KEY, it)` appends one element of that key.
  template <class List, class Write>
  DocumentBuilder& ArrayOf(std::string_view key, const List& list, const Write& write);
  /// The finished document; the builder is empty again.
  [[nodiscard]] Document Finish();

 private:
  /// Appends an element but for its payload, which the caller writes where this points to.
  char* Element(BsonType type, std::string_view key, std::size_t payload_bytes);
  template <class T>
  DocumentBuilder& Number(BsonType type, std::string_view key, T number);
  /// Begins a sub-document or an array, which is what is appended until Close() of what this
  /// returns.
  [[nodiscard]] std::size_t Open(BsonType type, std::string_view key);
  void Close(std::size_t at);

  std::string bytes_;
};

/// The decimal key of an array's element.
class ArrayKey {
 public:
  explicit ArrayKey(std::size_t index)
      : size_(static_cast<std::size_t>(
            std::to_chars(digits_.data(), digits_.data() + digits_.size(), index).ptr -
            digits_.data())) {}
  [[nodiscard]] std::string_view view() const { return {digits_.data(), size_}; }

 private:
  std::array<char, 20> digits_{};
  std::size_t size_;
};

/// Writes array elements with their decimal keys.
class ArrayBuilder {
 public:
  ArrayBuilder& Append(ValueView value);
  ArrayBuilder& Append(const Document& document);
  ArrayBuilder& String(std::string_view text);
  [[nodiscard]] Document Finish();

 private:
  DocumentBuilder builder_;
  std::size_t count_ = 0;
};

template <class Write>
DocumentBuilder& DocumentBuilder::Nested(std::string_view key, const Write& write) {
  const std::size_t at = Open(BsonType::kDocument, key);
  write(*this);
  Close(at);
  return *this;
}

template <class List, class Write>
DocumentBuilder& DocumentBuilder::ArrayOf(std::string_view key, const List& list,
                                          const Write& write) {
  const std::size_t at = Open(BsonType::kArray, key);
  std::size_t index = 0;
  for (const auto& one : list) {
    write(*this, ArrayKey(index++).view(), one);
  }
  Close(at);
  return *this;
}

}  // namespace rehome
