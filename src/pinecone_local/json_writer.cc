#include "pinecone_local/json_writer.h"

#include <fmt/format.h>

#include <array>
#include <charconv>

#include "model/json_text.h"

namespace rehome::pinecone_local {
namespace {

constexpr std::size_t kNumberBytesMax = 32;

template <class T>
void AppendNumber(std::string& out, T value) {
  std::array<char, kNumberBytesMax> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  out.append(text.data(), end);
}

template <class T>
void AppendNumbers(std::string& out, std::span<const T> values) {
  constexpr std::size_t kUsualBytes = 14;
  out.reserve(out.size() + values.size() * kUsualBytes);
  char separator = '[';
  for (const T value : values) {
    out += separator;
    AppendNumber(out, value);
    separator = ',';
  }
  out += values.empty() ? "[]" : "]";
}

}  // namespace

JsonWriter& JsonWriter::Open(char bracket) {
  Separate();
  out_ += bracket;
  comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::Close(char bracket) {
  out_ += bracket;
  comma_ = true;
  return *this;
}

void JsonWriter::Separate() {
  if (comma_) {
    out_ += ',';
  }
  comma_ = true;
}

JsonWriter& JsonWriter::Key(std::string_view key) {
  Separate();
  AppendQuoted(key);
  out_ += ':';
  comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::String(std::string_view value) {
  Separate();
  AppendQuoted(value);
  return *this;
}

JsonWriter& JsonWriter::Number(double value) {
  Separate();
  AppendNumber(out_, value);
  return *this;
}

JsonWriter& JsonWriter::Floats(std::span<const float> values) {
  Separate();
  AppendNumbers(out_, values);
  return *this;
}

JsonWriter& JsonWriter::Integers(std::span<const std::uint32_t> values) {
  Separate();
  AppendNumbers(out_, values);
  return *this;
}

JsonWriter& JsonWriter::Raw(std::string_view json) {
  Separate();
  out_ += json;
  return *this;
}

void JsonWriter::AppendQuoted(std::string_view text) {
  constexpr unsigned char kFirstPrintable = 0x20;
  constexpr unsigned char kAsciiMax = 0x7F;
  const bool is_utf8 = IsUtf8(text);  // a request may name anything
  out_ += '"';
  for (const char c : text) {
    if (!is_utf8 && static_cast<unsigned char>(c) > kAsciiMax) {
      out_ += "\\ufffd";
    } else if (c == '"' || c == '\\') {
      out_ += '\\';
      out_ += c;
    } else if (static_cast<unsigned char>(c) < kFirstPrintable) {
      out_ += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out_ += c;
    }
  }
  out_ += '"';
}

}  // namespace rehome::pinecone_local
