#pragma once
// any_document.h — rapidcheck's arbitrary documents: every BSON type, nested, with what stores
// really hold. Call these inside a property.
#include <rapidcheck.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "model/document.h"

namespace rehome::testing_support {

enum class Taste : std::uint8_t {
  kTame,  // Extended JSON carries all of it
  kWild,  // also bytes that are no UTF-8, keys twice, NaN payloads, decimals of any bits, arrays
          // with keys of their own, `$oid`-shaped sub-documents, options out of order
};

template <class T>
T OneOf(std::vector<T> from) {
  return from[*rc::gen::inRange<std::size_t>(0, from.size())];
}

inline std::string AnyBytes(std::size_t count) {
  return *rc::gen::container<std::string>(count, rc::gen::arbitrary<char>());
}

inline std::string AnyText(Taste taste) {
  std::string out;
  const int parts = *rc::gen::inRange(0, 5);
  for (int i = 0; i < parts; ++i) {
    out += OneOf<std::string>({"a",
                               "Z",
                               "0",
                               " ",
                               "\t",
                               "\n",
                               "\"",
                               "\\",
                               "/",
                               "$",
                               ".",
                               "é",
                               "ß",
                               "中",
                               "🚀",
                               "\xE2\x80\xAE",
                               "\xE2\x80\xA8",
                               "\x01",
                               "\x7F",
                               std::string(1, '\0'),
                               taste == Taste::kWild ? "\xFF" : "b"});
  }
  return out;
}

/// Without NUL, which keys and patterns cannot hold.
inline std::string AnyKey(Taste taste) {
  std::vector<std::string> keys{"", "a", "b", "c.d", "$odd", "_id", "0", "1", "ключ", "k e\ty"};
  if (taste == Taste::kWild) {
    keys.insert(keys.end(), {"$oid", "$numberLong", "$date", "\xC3"});
  }
  return OneOf(std::move(keys));
}

inline std::string LittleEndian(std::uint64_t number, std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) {
    out.push_back(static_cast<char>((number >> (8 * i)) & 0xFFU));
  }
  return out;
}

inline std::string TextPayload(const std::string& text) {
  return LittleEndian(text.size() + 1, 4) + text + '\0';
}

inline std::int64_t AnyInt64() {
  return OneOf<std::int64_t>({*rc::gen::arbitrary<std::int64_t>(), 0, 1, -1, 5, INT64_MAX,
                              INT64_MIN, (1LL << 53) + 1, 1'356'351'330'501});
}

inline double AnyDouble() {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  return OneOf<double>({*rc::gen::arbitrary<double>(), 0.0, -0.0, 0.1, 5.0, 1e16, 1e17, 1e-5, 9e-6,
                        1e300, 5e-324, kInfinity, -kInfinity,
                        std::numeric_limits<double>::quiet_NaN()});
}

/// High word, low word of a decimal128.
inline std::string AnyDecimal(Taste taste) {
  const auto decimal = [](std::uint64_t high, std::uint64_t low) {
    return LittleEndian(low, 8) + LittleEndian(high, 8);
  };
  return OneOf<std::string>({
      decimal(0x3040000000000000U, 5),    // 5
      decimal(0x303C000000000000U, 490),  // 4.90
      decimal(0xB040000000000000U, 0),    // -0
      decimal(0x7800000000000000U, 0),    // Infinity
      decimal(0x7C00000000000000U, 0),    // NaN
      decimal(0x0001ED09BEAD87C0U, 0x378D8E63FFFFFFFFU),
      taste == Taste::kWild ? AnyBytes(16) : decimal(0x3066000000000000U, 1),
  });
}

Document AnyDocument(Taste taste, int depth);

inline Value AnyScalar(Taste taste) {
  const auto make = [](BsonType type, std::string_view payload) {
    return Value(ValueView(type, payload));
  };
  const auto text = [&] { return TextPayload(AnyText(taste)); };
  const std::string zero(1, '\0');
  switch (*rc::gen::inRange(0, 18)) {
    case 0:
      return Value::Double(AnyDouble());
    case 1:
      return make(BsonType::kString, text());
    case 2: {
      const std::string bytes = AnyBytes(OneOf<std::size_t>({0, 1, 16, 40}));
      return make(BsonType::kBinary,
                  LittleEndian(bytes.size(), 4) + OneOf<char>({0, 4, 5, '\x80'}) + bytes);
    }
    case 3:
      return make(BsonType::kUndefined, "");
    case 4:
      return make(BsonType::kObjectId, AnyBytes(12));
    case 5:
      return Value::Bool(*rc::gen::arbitrary<bool>());
    case 6:
      return make(BsonType::kDate, LittleEndian(static_cast<std::uint64_t>(AnyInt64()), 8));
    case 7:
      return make(BsonType::kNull, "");
    case 8:
      return make(BsonType::kRegex,
                  AnyKey(Taste::kTame) + zero +
                      OneOf<std::string>({"", "i", "imx", taste == Taste::kWild ? "xi" : "s"}) +
                      zero);
    case 9:
      return make(BsonType::kDbPointer, TextPayload(AnyKey(taste)) + AnyBytes(12));
    case 10:
      return make(BsonType::kCode, text());
    case 11:
      return make(BsonType::kSymbol, text());
    case 12: {
      const std::string body = text() + AnyDocument(taste, 0).bytes();
      return make(BsonType::kCodeWithScope, LittleEndian(body.size() + 4, 4) + body);
    }
    case 13:
      return Value::Int32(static_cast<std::int32_t>(AnyInt64()));
    case 14:
      return make(BsonType::kTimestamp, LittleEndian(static_cast<std::uint64_t>(AnyInt64()), 8));
    case 15:
      return Value::Int64(AnyInt64());
    case 16:
      return make(BsonType::kDecimal128, AnyDecimal(taste));
    default:
      return make(OneOf<BsonType>({BsonType::kMinKey, BsonType::kMaxKey}), "");
  }
}

inline Value AnyValue(Taste taste, int depth) {
  const int kind = depth > 0 ? *rc::gen::inRange(0, 4) : 0;
  if (kind < 2) {
    return AnyScalar(taste);
  }
  const bool is_array = kind == 3;
  if (!is_array || taste == Taste::kWild) {
    const Document document = AnyDocument(taste, depth - 1);
    return Value(ValueView(is_array ? BsonType::kArray : BsonType::kDocument, document.bytes()));
  }
  ArrayBuilder elements;
  for (int count = *rc::gen::inRange(0, 4); count > 0; --count) {
    elements.Append(AnyValue(taste, depth - 1).view());
  }
  return Value(ValueView(BsonType::kArray, elements.Finish().bytes()));
}

/// Fields of any keys; tame ones have each once.
inline Document AnyDocument(Taste taste, int depth) {
  DocumentBuilder builder;
  std::vector<std::string> used;
  for (int count = *rc::gen::inRange(0, 5); count > 0; --count) {
    const std::string key = AnyKey(taste);
    if (taste == Taste::kWild || std::ranges::find(used, key) == used.end()) {
      builder.Append(key, AnyValue(taste, depth));
      used.push_back(key);
    }
  }
  return builder.Finish();
}

}  // namespace rehome::testing_support
