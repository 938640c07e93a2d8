#include "pinecone_local/http_message.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace rehome::pinecone_local {
namespace {

/// Calls `sink` for each part of `text` between `separator`s.
template <class Sink>
Status Split(std::string_view text, char separator, Sink sink) {
  while (true) {
    const std::size_t at = text.find(separator);
    REHOME_TRY(sink(text.substr(0, at)));
    if (at == std::string_view::npos) {
      return {};
    }
    text.remove_prefix(at + 1);
  }
}

}  // namespace

Result<std::string> PercentDecode(std::string_view text, bool plus_is_space) {
  constexpr std::size_t kEscapeBytes = 3;
  constexpr int kHexBase = 16;
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      decoded += plus_is_space && text[at] == '+' ? ' ' : text[at];
      continue;
    }
    unsigned byte = 0;
    const std::string_view digits = text.substr(at + 1, kEscapeBytes - 1);
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), byte, kHexBase);
    if (digits.size() != kEscapeBytes - 1 || error != std::errc() ||
        end != digits.data() + digits.size()) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("Invalid percent-encoding in '{}'", text.substr(at, kEscapeBytes)));
    }
    decoded += static_cast<char>(byte);
    at += kEscapeBytes - 1;
  }
  return decoded;
}

Result<Target> Target::Parse(std::string_view target) {
  Target parsed;
  const std::size_t question = target.find('?');
  REHOME_TRY(Split(target.substr(0, question), '/', [&](std::string_view segment) -> Status {
    if (!segment.empty()) {
      REHOME_TRY_ASSIGN(auto decoded, PercentDecode(segment, false));
      parsed.segments.push_back(std::move(decoded));
    }
    return {};
  }));
  if (question == std::string_view::npos) {
    return parsed;
  }
  REHOME_TRY(Split(target.substr(question + 1), '&', [&](std::string_view pair) -> Status {
    if (!pair.empty()) {
      const std::size_t equals = pair.find('=');
      REHOME_TRY_ASSIGN(auto key, PercentDecode(pair.substr(0, equals), true));
      REHOME_TRY_ASSIGN(
          auto value,
          PercentDecode(equals == std::string_view::npos ? "" : pair.substr(equals + 1), true));
      parsed.query.emplace_back(std::move(key), std::move(value));
    }
    return {};
  }));
  return parsed;
}

std::string Target::Get(std::string_view key, std::string_view fallback) const {
  const auto found = std::ranges::find(query, key, &std::pair<std::string, std::string>::first);
  return found == query.end() ? std::string(fallback) : found->second;
}

std::vector<std::string> Target::All(std::string_view key) const {
  std::vector<std::string> values;
  for (const auto& [name, value] : query) {
    if (name == key) {
      values.push_back(value);
    }
  }
  return values;
}

Result<std::int64_t> Target::Integer(std::string_view key, std::int64_t fallback) const {
  const std::string text = Get(key);
  if (text.empty()) {
    return fallback;
  }
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("Invalid value for {}: '{}' is not an integer", key, text));
  }
  return value;
}

}  // namespace rehome::pinecone_local
