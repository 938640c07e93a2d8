#include "model/sort_key.h"

#include <array>
#include <set>

#include "model/bytes.h"
#include "model/number.h"

// Every part of a key ends by itself (fixed length, or a terminator below anything that can
// follow), so keys of elements can stand one after the other and a shorter list is less than its
// continuation.
namespace rehome {
namespace {

/// MongoDB's canonical type order. kEnd closes an object or array: it is less than any element,
/// MinKey included.
enum class TypeRank : std::uint8_t {
  kEnd = 0,
  kMinKey,
  kUndefined,
  kNull,
  kNumber,
  kString,
  kObject,
  kArray,
  kBinary,
  kObjectId,
  kBool,
  kDate,
  kTimestamp,
  kRegex,
  kDbPointer,
  kCode,
  kCodeWithScope,
  kMaxKey,
};

TypeRank RankOf(BsonType type) {
  switch (type) {
    case BsonType::kMinKey:
      return TypeRank::kMinKey;
    case BsonType::kUndefined:
      return TypeRank::kUndefined;
    case BsonType::kNull:
      return TypeRank::kNull;
    case BsonType::kInt32:
    case BsonType::kInt64:
    case BsonType::kDouble:
    case BsonType::kDecimal128:
      return TypeRank::kNumber;
    case BsonType::kString:
    case BsonType::kSymbol:
      return TypeRank::kString;
    case BsonType::kDocument:
      return TypeRank::kObject;
    case BsonType::kArray:
      return TypeRank::kArray;
    case BsonType::kBinary:
      return TypeRank::kBinary;
    case BsonType::kObjectId:
      return TypeRank::kObjectId;
    case BsonType::kBool:
      return TypeRank::kBool;
    case BsonType::kDate:
      return TypeRank::kDate;
    case BsonType::kTimestamp:
      return TypeRank::kTimestamp;
    case BsonType::kRegex:
      return TypeRank::kRegex;
    case BsonType::kDbPointer:
      return TypeRank::kDbPointer;
    case BsonType::kCode:
      return TypeRank::kCode;
    case BsonType::kCodeWithScope:
      return TypeRank::kCodeWithScope;
    case BsonType::kMaxKey:
      return TypeRank::kMaxKey;
  }
  CHECK(false && "a BSON type without a rank");
  return TypeRank::kEnd;
}

enum class NumberRank : std::uint8_t {
  kNaN = 1,
  kMinusInfinity,
  kNegative,
  kZero,
  kPositive,
  kInfinity
};

void Put(std::string& out, TypeRank rank) {
  out.push_back(static_cast<char>(rank));
}
void Put(std::string& out, NumberRank rank) {
  out.push_back(static_cast<char>(rank));
}

template <class T>
void PutBigEndian(std::string& out, T number) {
  std::array<char, sizeof(T)> bytes{};
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    bytes[sizeof(T) - 1 - i] = static_cast<char>((number >> (8 * i)) & 0xFFU);
  }
  out.append(bytes.data(), bytes.size());
}

/// Text that may hold NUL: each becomes 00 FF, the end is 00 00.
void PutText(std::string& out, std::string_view text) {
  for (std::size_t nul = text.find('\0'); nul != std::string_view::npos; nul = text.find('\0')) {
    out.append(text.substr(0, nul + 1)).push_back('\xFF');
    text.remove_prefix(nul + 1);
  }
  out.append(text).append(2, '\0');
}

/// Exponent, then two digits a byte (1..100), then 0; complemented below zero, where larger means
/// less.
void PutMagnitude(std::string& out, const ExactNumber& number) {
  constexpr int kExponentBias = 0x8000;
  const std::size_t begin = out.size();
  PutBigEndian(out, static_cast<std::uint16_t>(number.exponent + kExponentBias));
  for (std::size_t i = 0; i < number.digits.size(); i += 2) {
    const int high = number.digits[i] - '0';
    const int low = i + 1 < number.digits.size() ? number.digits[i + 1] - '0' : 0;
    out.push_back(static_cast<char>(high * 10 + low + 1));
  }
  out.push_back('\0');
  for (std::size_t i = begin; number.negative && i < out.size(); ++i) {
    out[i] = static_cast<char>(~out[i]);
  }
}

void PutNumber(std::string& out, const ExactNumber& number) {
  if (number.kind == ExactNumber::Kind::kNaN) {
    Put(out, NumberRank::kNaN);
  } else if (number.kind == ExactNumber::Kind::kInfinite) {
    Put(out, number.negative ? NumberRank::kMinusInfinity : NumberRank::kInfinity);
  } else if (number.digits.empty()) {
    Put(out, NumberRank::kZero);
  } else {
    Put(out, number.negative ? NumberRank::kNegative : NumberRank::kPositive);
    PutMagnitude(out, number);
  }
}

void PutValue(std::string& out, ValueView value);

/// Element by element: type, key (objects only), value; as MongoDB compares them.
void PutElements(std::string& out, DocumentView elements, bool with_keys) {
  for (const auto& [key, value] : elements) {
    Put(out, RankOf(value.type()));
    if (with_keys) {
      out.append(key).push_back('\0');
    }
    PutValue(out, value);
  }
  Put(out, TypeRank::kEnd);
}

void PutBinary(std::string& out, ValueView value) {
  PutBigEndian(out, static_cast<std::uint32_t>(value.AsBinary().size()));
  out.push_back(static_cast<char>(value.BinarySubtype()));
  out.append(value.AsBinary());
}

/// The length decides first; then the namespace and the ObjectId are compared as bytes.
void PutDbPointer(std::string& out, std::string_view payload) {
  PutBigEndian(out, static_cast<std::uint32_t>(payload.size()));
  out.append(payload.substr(4));
}

void PutCodeWithScope(std::string& out, std::string_view payload) {
  const std::size_t code_bytes = LoadAt<std::uint32_t>(payload, 4);
  PutText(out, payload.substr(8, code_bytes - 1));
  PutElements(out, DocumentView(payload.substr(8 + code_bytes)), true);
}

/// What follows the type.
void PutValue(std::string& out, ValueView value) {
  constexpr std::uint64_t kSignBit = std::uint64_t{1} << 63U;
  switch (value.type()) {
    case BsonType::kMinKey:
    case BsonType::kUndefined:
    case BsonType::kNull:
    case BsonType::kMaxKey:
      return;
    case BsonType::kInt32:
    case BsonType::kInt64:
    case BsonType::kDouble:
    case BsonType::kDecimal128:
      return PutNumber(out, Exactly(value));
    case BsonType::kString:
    case BsonType::kSymbol:
    case BsonType::kCode:
      return PutText(out, value.AsString());
    case BsonType::kDocument:
      return PutElements(out, value.AsDocument(), true);
    case BsonType::kArray:
      return PutElements(out, value.AsDocument(), false);
    case BsonType::kBinary:
      return PutBinary(out, value);
    case BsonType::kObjectId:
    case BsonType::kBool:
    case BsonType::kRegex:  // pattern, 0, options, 0
      out.append(value.payload());
      return;
    case BsonType::kDate:
      return PutBigEndian(out, static_cast<std::uint64_t>(value.AsInt64()) ^ kSignBit);
    case BsonType::kTimestamp:
      return PutBigEndian(out, static_cast<std::uint64_t>(value.AsInt64()));
    case BsonType::kDbPointer:
      return PutDbPointer(out, value.payload());
    case BsonType::kCodeWithScope:
      return PutCodeWithScope(out, value.payload());
  }
}

}  // namespace

std::string SortKey(ValueView value) {
  std::string out;  // an ObjectId's key fits into the string itself
  Put(out, RankOf(value.type()));
  PutValue(out, value);
  return out;
}

std::vector<Value> EachOnce(std::span<const Value> values) {
  std::set<std::string> seen;
  std::vector<Value> out;
  for (const Value& value : values) {
    if (seen.insert(SortKey(value.view())).second) {
      out.push_back(value);
    }
  }
  return out;
}

}  // namespace rehome
