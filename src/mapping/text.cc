#include "mapping/text.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <cstdint>

#include "base/digest.h"
#include "model/extended_json.h"

namespace rehome {
namespace {

/// Bytes of the white-space character at the front of `text`; 0 if there is none.
std::size_t SpaceAtFront(std::string_view text) {
  if (text.empty()) {
    return 0;
  }
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  if (byte(0) < 0x80) {
    return byte(0) == ' ' || (byte(0) >= '\t' && byte(0) <= '\r') ? 1 : 0;
  }
  if (byte(0) == 0xC2 && text.size() >= 2) {
    return byte(1) == 0xA0 || byte(1) == 0x85 ? 2 : 0;  // NBSP, NEL
  }
  if (text.size() < 3) {
    return 0;
  }
  static constexpr std::array<std::string_view, 8> kThreeBytes{
      "\xE1\x9A\x80", "\xE2\x80\xA8", "\xE2\x80\xA9", "\xE2\x80\xAF",
      "\xE2\x81\x9F", "\xE3\x80\x80", "\xEF\xBB\xBF", "\xE2\x80\x80"};
  const std::string_view front = text.substr(0, 3);
  if (front.starts_with("\xE2\x80") && byte(2) >= 0x80 && byte(2) <= 0x8A) {
    return 3;  // U+2000 to U+200A
  }
  for (const std::string_view space : kThreeBytes) {
    if (front == space) {
      return 3;
    }
  }
  return 0;
}

/// A character of one byte that is no white space: most of any text, told without a closer look.
bool IsPlain(char c) {
  const auto byte = static_cast<std::uint8_t>(c);
  return byte > ' ' && byte < 0x80;
}

bool IsContinuation(char c) {
  return (static_cast<std::uint8_t>(c) & 0xC0U) == 0x80;
}

/// Start of the last character of a non-empty text.
std::size_t LastCharacter(std::string_view text) {
  std::size_t at = text.size() - 1;
  while (at > 0 && IsContinuation(text[at])) {
    --at;
  }
  return at;
}

/// Lower case of a code point below U+0800 (two bytes of UTF-8); simple foldings that keep the
/// number of bytes.
std::uint32_t FoldTwoBytes(std::uint32_t c) {
  const bool latin1 = c >= 0xC0 && c <= 0xDE && c != 0xD7;
  const bool greek = c >= 0x391 && c <= 0x3AB && c != 0x3A2;
  if (latin1 || greek || (c >= 0x410 && c <= 0x42F)) {
    return c + 0x20;
  }
  if (c >= 0x400 && c <= 0x40F) {
    return c + 0x50;
  }
  const bool even_upper = (c >= 0x100 && c <= 0x12F) || (c >= 0x132 && c <= 0x137) ||
                          (c >= 0x14A && c <= 0x177) || (c >= 0x460 && c <= 0x481) ||
                          (c >= 0x48A && c <= 0x4BF) || (c >= 0x4D0 && c <= 0x52F);
  const bool odd_upper = (c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E);
  if (even_upper) {
    return c | 1U;
  }
  if (odd_upper && c % 2 == 1) {
    return c + 1;
  }
  return c;
}

std::string NumberText(double number) {
  if (std::isnan(number)) {
    return "NaN";
  }
  if (std::isinf(number)) {
    return number < 0 ? "-Infinity" : "Infinity";
  }
  return fmt::format("{}", number);
}

std::string DecimalText(ValueView value) {
  // {"$numberDecimal":"4.90"} → 4.90
  const std::string json = ToExtendedJson(value, JsonMode::kCanonical);
  const std::size_t end = json.rfind('"');
  const std::size_t start = end == std::string::npos ? end : json.rfind('"', end - 1);
  CHECK(start != std::string::npos);
  return json.substr(start + 1, end - start - 1);
}

std::string JoinList(DocumentView list) {
  std::string out;
  for (const auto& element : list) {
    const std::string text = AsText(element.value);
    if (!text.empty()) {
      out += out.empty() ? "" : ", ";
      out += text;
    }
  }
  return out;
}

}  // namespace

std::string_view Trim(std::string_view text) {
  if (text.empty() || (IsPlain(text.front()) && IsPlain(text.back()))) {
    return text;
  }
  for (std::size_t bytes = SpaceAtFront(text); bytes > 0; bytes = SpaceAtFront(text)) {
    text.remove_prefix(bytes);
  }
  while (!text.empty()) {
    const std::size_t last = LastCharacter(text);
    if (SpaceAtFront(text.substr(last)) != text.size() - last) {
      break;
    }
    text = text.substr(0, last);
  }
  return text;
}

std::string CollapseSpace(std::string_view text) {
  text = Trim(text);
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    std::size_t word = 0;  // bytes up to the next white space
    while (word < text.size() && (IsPlain(text[word]) || SpaceAtFront(text.substr(word)) == 0)) {
      ++word;
    }
    out.append(text.substr(0, word));
    text.remove_prefix(word);
    for (std::size_t bytes = SpaceAtFront(text); bytes > 0; bytes = SpaceAtFront(text)) {
      text.remove_prefix(bytes);
    }
    out.append(text.empty() ? "" : " ");
  }
  return out;
}

std::string FoldCase(std::string_view text) {
  std::string out(text);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto lead = static_cast<std::uint8_t>(out[i]);
    if (lead >= 'A' && lead <= 'Z') {
      out[i] = static_cast<char>(lead + 0x20);
    } else if (lead >= 0xC3 && lead <= 0xD4 && i + 1 < out.size() && IsContinuation(out[i + 1])) {
      const std::uint32_t trail = static_cast<std::uint8_t>(out[i + 1]) & 0x3FU;
      const std::uint32_t folded = FoldTwoBytes(((lead & 0x1FU) << 6U) | trail);
      out[i] = static_cast<char>(0xC0U | (folded >> 6U));
      out[i + 1] = static_cast<char>(0x80U | (folded & 0x3FU));
      ++i;
    }
  }
  return out;
}

bool EqualFolded(std::string_view a, std::string_view b) {
  return a.size() == b.size() && FoldCase(a) == FoldCase(b);  // folding keeps the number of bytes
}

bool EqualIgnoringAsciiCase(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 0x20) : c; };
  if (a.size() != b.size()) {
    return false;
  }
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (lower(a[i]) != lower(b[i])) {
      return false;
    }
  }
  return true;
}

std::vector<std::string_view> SplitCommas(std::string_view text) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t comma = text.find(',');
    const std::string_view part = Trim(text.substr(0, comma));
    if (!part.empty()) {
      parts.push_back(part);
    }
    if (comma == std::string_view::npos) {
      return parts;
    }
    text.remove_prefix(comma + 1);
  }
}

bool StartsInWord(std::string_view text) {
  if (text.empty()) {
    return false;
  }
  const auto c = static_cast<std::uint8_t>(text.front());
  const bool ascii_word =
      (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
  return ascii_word || (c >= 0x80 && SpaceAtFront(text) == 0);
}

bool EndsInWord(std::string_view text) {
  return !text.empty() && StartsInWord(text.substr(LastCharacter(text)));
}

std::string_view CutText(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) {
    return text;
  }
  while (bytes_max > 0 && IsContinuation(text[bytes_max])) {
    --bytes_max;
  }
  return text.substr(0, bytes_max);
}

bool IsEmpty(const std::optional<ValueView>& value) {
  if (!value || value->IsNull()) {
    return true;
  }
  if (value->IsString()) {
    return Trim(value->AsString()).empty();
  }
  return value->type() == BsonType::kArray && value->AsDocument().empty();
}

// The types without a case of their own all stand as Extended JSON.
// NOLINTNEXTLINE(readability-function-cognitive-complexity): one flat switch
std::string AsText(ValueView value) {
  switch (value.type()) {
    case BsonType::kString:
    case BsonType::kSymbol:
      return std::string(Trim(value.AsString()));
    case BsonType::kNull:
    case BsonType::kUndefined:
      return {};
    case BsonType::kBool:
      return value.AsBool() ? "true" : "false";
    case BsonType::kInt32:
      return std::to_string(value.AsInt32());
    case BsonType::kInt64:
      return std::to_string(value.AsInt64());
    case BsonType::kDouble:
      return NumberText(value.AsDouble());
    case BsonType::kDecimal128:
      return DecimalText(value);
    case BsonType::kObjectId:
      return Hex(value.AsObjectId());
    case BsonType::kArray:
      return JoinList(value.AsDocument());
    case BsonType::kDocument:
    case BsonType::kBinary:
    case BsonType::kDate:
    case BsonType::kRegex:
    case BsonType::kDbPointer:
    case BsonType::kCode:
    case BsonType::kCodeWithScope:
    case BsonType::kTimestamp:
    case BsonType::kMaxKey:
    case BsonType::kMinKey:
      return ToExtendedJson(value, JsonMode::kRelaxed);
  }
  return {};
}

}  // namespace rehome
