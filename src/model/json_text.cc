#include "model/json_text.h"

#include <simdjson.h>

#include <array>

namespace rehome {
namespace {

/// Per byte: 0 stands for itself, 'u' is \u00XX, else the letter after the backslash.
constexpr std::array<char, 256> kEscapes = [] {
  std::array<char, 256> out{};
  for (std::size_t i = 0; i < 0x20; ++i) {
    out[i] = 'u';
  }
  out['\b'] = 'b';
  out['\f'] = 'f';
  out['\n'] = 'n';
  out['\r'] = 'r';
  out['\t'] = 't';
  out['"'] = '"';
  out['\\'] = '\\';
  return out;
}();

}  // namespace

bool IsUtf8(std::string_view text) {
  return simdjson::validate_utf8(text.data(), text.size());
}

bool NestsDeeperThan(std::string_view json, int levels) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t at = 0; at < json.size() && depth <= levels; ++at) {
    const char c = json[at];
    if (c == '"') {
      in_string = !in_string;
    } else if (in_string) {
      at += c == '\\' ? 1U : 0U;
    } else {
      depth += (c == '{' || c == '[') ? 1 : 0;
      depth -= (c == '}' || c == ']') ? 1 : 0;
    }
  }
  return depth > levels;
}

void AppendJsonString(std::string& out, std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out.push_back('"');
  std::size_t plain = 0;  // begin of the run that is copied as it is
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const char escape = kEscapes[byte];
    if (escape == 0) [[likely]] {
      continue;
    }
    out.append(text.substr(plain, i - plain)).push_back('\\');
    plain = i + 1;
    out.push_back(escape);
    if (escape == 'u') {
      out.append("00").push_back(kHex[byte >> 4U]);
      out.push_back(kHex[byte & 15U]);
    }
  }
  out.append(text.substr(plain)).push_back('"');
}

}  // namespace rehome
