#include "model/validate.h"

#include <cstdint>

#include "model/bytes.h"
#include "model/document.h"

namespace rehome {
namespace {

/// Walks over the bytes; where a step fails, the offset stays at what is wrong.
class Walk {
 public:
  explicit Walk(std::string_view bytes) : bytes_(bytes) {}
  [[nodiscard]] std::size_t at() const { return at_; }

  /// One document that ends at or before `end`.
  bool Document(std::size_t end, int depth) {
    const std::size_t begin = at_;
    std::size_t length = 0;
    if (depth > kDocumentDepthMax || !Length(end, 5, length) || length > end - begin) {
      return Stay(begin);
    }
    const std::size_t last = begin + length - 1;
    while (at_ < last) {
      if (!Element(last, depth)) {
        return false;
      }
    }
    return at_ == last && bytes_[last] == '\0' && Skip(end, 1);
  }

 private:
  bool Stay(std::size_t offset) {
    at_ = offset;
    return false;
  }

  bool Skip(std::size_t end, std::size_t count) {
    if (end - at_ < count) {
      return false;
    }
    at_ += count;
    return true;
  }

  /// Reads a length of at least `min`.
  bool Length(std::size_t end, std::int32_t min, std::size_t& out) {
    if (end - at_ < sizeof(std::int32_t)) {
      return false;
    }
    const auto length = LoadAt<std::int32_t>(bytes_, at_);
    if (length < min) {
      return false;
    }
    at_ += sizeof(length);
    out = static_cast<std::size_t>(length);
    return true;
  }

  bool CString(std::size_t end) {
    const std::size_t nul = bytes_.substr(at_, end - at_).find('\0');
    return nul != std::string_view::npos && Skip(end, nul + 1);
  }

  bool String(std::size_t end) {
    std::size_t length = 0;
    return Length(end, 1, length) && length <= end - at_ && bytes_[at_ + length - 1] == '\0' &&
           Skip(end, length);
  }

  bool Bool(std::size_t end) {
    return at_ < end && static_cast<unsigned char>(bytes_[at_]) <= 1 && Skip(end, 1);
  }

  bool Binary(std::size_t end) {
    std::size_t length = 0;
    if (!Length(end, 0, length) || end - at_ < length + 1) {
      return false;
    }
    const bool old = static_cast<std::uint8_t>(bytes_[at_]) == kOldBinary;
    const std::size_t data = ++at_;
    std::size_t inner = 0;
    if (old && (length < 4 || !Length(data + length, 0, inner) || inner != length - 4)) {
      return false;
    }
    return Skip(end, data + length - at_);
  }

  bool CodeWithScope(std::size_t end, int depth) {
    const std::size_t begin = at_;
    std::size_t length = 0;
    if (!Length(end, 14, length) || length > end - begin) {
      return Stay(begin);
    }
    const std::size_t last = begin + length;
    return String(last) && Document(last, depth + 1) && at_ == last;
  }

  bool Element(std::size_t end, int depth) {
    const auto type = static_cast<BsonType>(bytes_[at_]);
    return Skip(end, 1) && CString(end) && Payload(type, end, depth);
  }

  bool Payload(BsonType type, std::size_t end, int depth) {
    switch (type) {
      case BsonType::kUndefined:
      case BsonType::kNull:
      case BsonType::kMinKey:
      case BsonType::kMaxKey:
        return true;
      case BsonType::kBool:
        return Bool(end);
      case BsonType::kInt32:
        return Skip(end, 4);
      case BsonType::kDouble:
      case BsonType::kDate:
      case BsonType::kTimestamp:
      case BsonType::kInt64:
        return Skip(end, 8);
      case BsonType::kObjectId:
        return Skip(end, 12);
      case BsonType::kDecimal128:
        return Skip(end, 16);
      case BsonType::kString:
      case BsonType::kCode:
      case BsonType::kSymbol:
        return String(end);
      case BsonType::kDbPointer:
        return String(end) && Skip(end, 12);
      case BsonType::kDocument:
      case BsonType::kArray:
        return Document(end, depth + 1);
      case BsonType::kCodeWithScope:
        return CodeWithScope(end, depth);
      case BsonType::kBinary:
        return Binary(end);
      case BsonType::kRegex:
        return CString(end) && CString(end);
    }
    return false;  // a byte that names no type
  }

  std::string_view bytes_;
  std::size_t at_ = 0;
};

}  // namespace

std::optional<std::size_t> FindMalformedByte(std::string_view bytes) {
  Walk walk(bytes);
  const bool is_document = walk.Document(bytes.size(), 1) && walk.at() == bytes.size();
  return is_document ? std::nullopt : std::optional(walk.at());
}

}  // namespace rehome
