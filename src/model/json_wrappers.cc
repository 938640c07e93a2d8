#include "model/json_wrappers.h"

#include <bson/bson.h>

#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <span>

#include "model/base64.h"
#include "model/bytes.h"
#include "model/iso_time.h"
#include "model/regex_options.h"

namespace rehome {
namespace {

constexpr std::uint8_t kUuid = 4;

/// The members of `object` under exactly `keys`, in any order; nothing if it has others, fewer or
/// more.
template <std::size_t N>
std::optional<std::array<ValueView, N>> Members(DocumentView object,
                                                const std::array<std::string_view, N>& keys) {
  std::size_t count = 0;
  for (auto element = object.begin(); element != object.end(); ++element) {
    ++count;
  }
  std::array<ValueView, N> out = [&]<std::size_t... I>(std::index_sequence<I...>) {
    return std::array<ValueView, N>{((void)I, ValueView(BsonType::kNull, {}))...};
  }(std::make_index_sequence<N>());
  for (std::size_t i = 0; i < N; ++i) {
    const auto value = object.Find(keys[i]);
    if (!value) {
      return std::nullopt;
    }
    out[i] = *value;
  }
  return count == N ? std::optional(out) : std::nullopt;
}

/// The only member, if it is of `type`.
std::optional<ValueView> Only(DocumentView object, BsonType type) {
  const auto first = object.begin();
  auto second = first;
  ++second;
  return second == object.end() && first->value.type() == type ? std::optional(first->value)
                                                               : std::nullopt;
}

std::optional<std::string_view> OnlyText(DocumentView object) {
  const auto value = Only(object, BsonType::kString);
  return value ? std::optional(value->AsString()) : std::nullopt;
}

bool AreTexts(std::span<const ValueView> values) {
  return std::ranges::all_of(values, [](const ValueView& value) { return value.IsString(); });
}

/// The whole text as a number of type T: no sign but minus, no spaces.
template <class T>
std::optional<T> NumberOf(std::string_view text, auto... format) {
  T out{};
  const auto end = std::from_chars(text.data(), text.data() + text.size(), out, format...);
  return end.ec == std::errc{} && end.ptr == text.data() + text.size() && !text.empty()
             ? std::optional(out)
             : std::nullopt;
}

bool AppendHex(std::string_view text, std::string& out) {
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    const auto is_hex = [](char c) {
      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    };
    const auto byte = NumberOf<unsigned>(text.substr(i, 2), 16);
    if (!byte || !is_hex(text[i])) {
      return false;
    }
    out.push_back(static_cast<char>(*byte));
  }
  return text.size() % 2 == 0;
}

void AppendText(std::string& out, std::string_view text) {
  AppendNumber(out, static_cast<std::int32_t>(text.size() + 1));
  out.append(text).push_back('\0');
}

// Each reader below gets the object and fills the payload; nothing means malformed.
using Read = std::optional<BsonType> (*)(DocumentView object, std::string& payload);

std::optional<BsonType> ReadOid(DocumentView object, std::string& payload) {
  const auto text = OnlyText(object);
  return text && text->size() == 24 && AppendHex(*text, payload)
             ? std::optional(BsonType::kObjectId)
             : std::nullopt;
}

template <class T, BsonType kType>
std::optional<BsonType> ReadInteger(DocumentView object, std::string& payload) {
  const auto text = OnlyText(object);
  const auto number = text ? NumberOf<T>(*text) : std::nullopt;
  if (!number) {
    return std::nullopt;
  }
  AppendNumber(payload, *number);
  return kType;
}

std::optional<BsonType> ReadDouble(DocumentView object, std::string& payload) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const auto text = OnlyText(object);
  if (!text) {
    return std::nullopt;
  }
  std::optional<double> number;
  if (*text == "NaN") {
    number = std::numeric_limits<double>::quiet_NaN();
  } else if (*text == "Infinity" || *text == "-Infinity") {
    number = text->front() == '-' ? -kInfinity : kInfinity;
  } else if (text->find_first_not_of("0123456789+-.eE") == std::string_view::npos) {
    number = NumberOf<double>(*text);
  }
  if (!number) {
    return std::nullopt;
  }
  AppendNumber(payload, *number);
  return BsonType::kDouble;
}

std::optional<BsonType> ReadDecimal(DocumentView object, std::string& payload) {
  const auto text = OnlyText(object);
  bson_decimal128_t decimal;
  constexpr std::size_t kLengthMax = 10'000;
  if (!text || text->size() > kLengthMax || text->find('\0') != std::string_view::npos ||
      !bson_decimal128_from_string_w_len(text->data(), static_cast<int>(text->size()), &decimal)) {
    return std::nullopt;
  }
  AppendNumber(payload, decimal.low);
  AppendNumber(payload, decimal.high);
  return BsonType::kDecimal128;
}

template <BsonType kType>
std::optional<BsonType> ReadString(DocumentView object, std::string& payload) {
  const auto text = OnlyText(object);
  if (!text) {
    return std::nullopt;
  }
  AppendText(payload, *text);
  return kType;
}

std::optional<BsonType> AppendBinary(std::string& payload, std::string_view base64,
                                     std::string_view subtype) {
  std::string padded(subtype.size() == 1 ? "0" : "");
  padded.append(subtype);
  std::string kind;
  if (padded.size() != 2 || !AppendHex(padded, kind)) {
    return std::nullopt;
  }
  const bool old = static_cast<std::uint8_t>(kind.front()) == kOldBinary;
  payload.assign(old ? 9 : 5, '\0');
  payload[4] = kind.front();
  const std::size_t header_bytes = payload.size();
  if (!DecodeBase64(base64, payload)) {
    return std::nullopt;
  }
  StoreAt(payload, 0, static_cast<std::int32_t>(payload.size() - 5));
  if (old) {
    StoreAt(payload, 5, static_cast<std::int32_t>(payload.size() - header_bytes));
  }
  return BsonType::kBinary;
}

/// {"$binary": {"base64", "subType"}}, or as versions before 4.2 wrote it {"$binary": BASE64,
/// "$type": HEX}.
std::optional<BsonType> ReadBinary(DocumentView object, std::string& payload) {
  std::optional<std::array<ValueView, 2>> parts;
  if (const auto nested = Only(object, BsonType::kDocument)) {
    parts = Members<2>(nested->AsDocument(), {"base64", "subType"});
  } else {
    parts = Members<2>(object, {"$binary", "$type"});
  }
  return parts && AreTexts(*parts)
             ? AppendBinary(payload, (*parts)[0].AsString(), (*parts)[1].AsString())
             : std::nullopt;
}

std::optional<BsonType> ReadUuid(DocumentView object, std::string& payload) {
  const auto text = OnlyText(object);
  if (!text || text->size() != 36) {
    return std::nullopt;
  }
  std::string digits;
  for (std::size_t i = 0; i < text->size(); ++i) {
    const bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
    if (hyphen != ((*text)[i] == '-')) {
      return std::nullopt;
    }
    digits.append(hyphen ? 0 : 1, (*text)[i]);
  }
  AppendNumber(payload, std::int32_t{16});
  payload.push_back(static_cast<char>(kUuid));
  return AppendHex(digits, payload) ? std::optional(BsonType::kBinary) : std::nullopt;
}

std::optional<BsonType> ReadCode(DocumentView object, std::string& payload) {
  if (OnlyText(object)) {
    return ReadString<BsonType::kCode>(object, payload);
  }
  const auto parts = Members<2>(object, {"$code", "$scope"});
  if (!parts || !(*parts)[0].IsString() || (*parts)[1].type() != BsonType::kDocument) {
    return std::nullopt;
  }
  payload.assign(4, '\0');
  AppendText(payload, (*parts)[0].AsString());
  payload.append((*parts)[1].payload());
  StoreAt(payload, 0, static_cast<std::int32_t>(payload.size()));
  return BsonType::kCodeWithScope;
}

/// An unsigned 32-bit number, which the plain reader made an int32 or an int64.
std::optional<std::uint32_t> Uint32Of(ValueView value) {
  if (value.type() != BsonType::kInt32 && value.type() != BsonType::kInt64) {
    return std::nullopt;
  }
  const std::int64_t number = value.type() == BsonType::kInt32 ? value.AsInt32() : value.AsInt64();
  const bool fits = number >= 0 && number <= std::numeric_limits<std::uint32_t>::max();
  return fits ? std::optional(static_cast<std::uint32_t>(number)) : std::nullopt;
}

std::optional<BsonType> ReadTimestamp(DocumentView object, std::string& payload) {
  const auto nested = Only(object, BsonType::kDocument);
  const auto parts = nested ? Members<2>(nested->AsDocument(), {"t", "i"}) : std::nullopt;
  const auto seconds = parts ? Uint32Of((*parts)[0]) : std::nullopt;
  const auto increment = parts ? Uint32Of((*parts)[1]) : std::nullopt;
  if (!seconds || !increment) {
    return std::nullopt;
  }
  AppendNumber(payload, *increment);
  AppendNumber(payload, *seconds);
  return BsonType::kTimestamp;
}

std::optional<BsonType> AppendRegex(std::string& payload, std::span<const ValueView, 2> parts) {
  const auto has_nul = [](const ValueView& text) {
    return text.AsString().find('\0') != std::string_view::npos;
  };
  if (!AreTexts(parts) || std::ranges::any_of(parts, has_nul)) {
    return std::nullopt;
  }
  payload.append(parts[0].AsString()).push_back('\0');
  payload.append(SortedOptions(parts[1].AsString())).push_back('\0');
  return BsonType::kRegex;
}

std::optional<BsonType> ReadRegularExpression(DocumentView object, std::string& payload) {
  const auto nested = Only(object, BsonType::kDocument);
  const auto parts =
      nested ? Members<2>(nested->AsDocument(), {"pattern", "options"}) : std::nullopt;
  return parts ? AppendRegex(payload, *parts) : std::nullopt;
}

/// As versions before 4.2 wrote it; with other types or alone `$regex` is a query operator.
std::optional<BsonType> ReadLegacyRegex(DocumentView object, std::string& payload) {
  const auto parts = Members<2>(object, {"$regex", "$options"});
  return parts ? AppendRegex(payload, *parts) : std::nullopt;
}

std::optional<BsonType> ReadDbPointer(DocumentView object, std::string& payload) {
  const auto nested = Only(object, BsonType::kDocument);
  const auto parts = nested ? Members<2>(nested->AsDocument(), {"$ref", "$id"}) : std::nullopt;
  if (!parts || !(*parts)[0].IsString() || (*parts)[1].type() != BsonType::kObjectId) {
    return std::nullopt;
  }
  AppendText(payload, (*parts)[0].AsString());
  payload.append((*parts)[1].payload());
  return BsonType::kDbPointer;
}

/// {"$numberLong"} and ISO text. A bare number of milliseconds (mongoexport before 2.6) is read
/// where it does not fit 32 bits; a smaller one is refused, as the specification demands of every
/// bare number.
std::optional<BsonType> ReadDate(DocumentView object, std::string& payload) {
  const auto number = Only(object, BsonType::kInt64);
  const auto text = OnlyText(object);
  const auto since_epoch = number ? std::optional(number->AsInt64())
                           : text ? ParseIsoTime(*text)
                                  : std::nullopt;
  if (!since_epoch) {
    return std::nullopt;
  }
  AppendNumber(payload, *since_epoch);
  return BsonType::kDate;
}

template <BsonType kType>
std::optional<BsonType> ReadKeyLimit(DocumentView object, std::string& /*payload*/) {
  const auto one = Only(object, BsonType::kInt32);
  return one && one->AsInt32() == 1 ? std::optional(kType) : std::nullopt;
}

std::optional<BsonType> ReadUndefined(DocumentView object, std::string& /*payload*/) {
  const auto truth = Only(object, BsonType::kBool);
  return truth && truth->AsBool() ? std::optional(BsonType::kUndefined) : std::nullopt;
}

struct Wrapper {
  std::string_view key;  // the object's first
  Read read;
  Unwrapped otherwise;  // what the object is if `read` refuses it
};

constexpr std::array kWrappers{
    Wrapper{"$oid", ReadOid, Unwrapped::kMalformed},
    Wrapper{"$date", ReadDate, Unwrapped::kMalformed},
    Wrapper{"$numberInt", ReadInteger<std::int32_t, BsonType::kInt32>, Unwrapped::kMalformed},
    Wrapper{"$numberLong", ReadInteger<std::int64_t, BsonType::kInt64>, Unwrapped::kMalformed},
    Wrapper{"$numberDouble", ReadDouble, Unwrapped::kMalformed},
    Wrapper{"$numberDecimal", ReadDecimal, Unwrapped::kMalformed},
    Wrapper{"$binary", ReadBinary, Unwrapped::kMalformed},
    Wrapper{"$uuid", ReadUuid, Unwrapped::kMalformed},
    Wrapper{"$timestamp", ReadTimestamp, Unwrapped::kMalformed},
    Wrapper{"$regularExpression", ReadRegularExpression, Unwrapped::kMalformed},
    Wrapper{"$symbol", ReadString<BsonType::kSymbol>, Unwrapped::kMalformed},
    Wrapper{"$code", ReadCode, Unwrapped::kMalformed},
    Wrapper{"$dbPointer", ReadDbPointer, Unwrapped::kMalformed},
    Wrapper{"$minKey", ReadKeyLimit<BsonType::kMinKey>, Unwrapped::kMalformed},
    Wrapper{"$maxKey", ReadKeyLimit<BsonType::kMaxKey>, Unwrapped::kMalformed},
    Wrapper{"$undefined", ReadUndefined, Unwrapped::kMalformed},
    // These are query operators or a wrapper's second key, too.
    Wrapper{"$scope", ReadCode, Unwrapped::kPlain},
    Wrapper{"$type", ReadBinary, Unwrapped::kPlain},
    Wrapper{"$regex", ReadLegacyRegex, Unwrapped::kPlain},
    Wrapper{"$options", ReadLegacyRegex, Unwrapped::kPlain},
};

}  // namespace

Unwrapped Unwrap(DocumentView object, BsonType& type, std::string& payload) {
  const auto first = object.begin();
  if (first == object.end() || !first->key.starts_with('$')) {
    return Unwrapped::kPlain;
  }
  const auto* const wrapper = std::ranges::find(kWrappers, first->key, &Wrapper::key);
  if (wrapper == kWrappers.end()) {
    return Unwrapped::kPlain;
  }
  payload.clear();
  const auto read = wrapper->read(object, payload);
  type = read.value_or(BsonType::kDocument);
  return read ? Unwrapped::kWrapper : wrapper->otherwise;
}

}  // namespace rehome
