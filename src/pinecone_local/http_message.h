#pragma once
// http_message.h — a request and its answer, without the library that carries them.
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace rehome::pinecone_local {

enum class Method : std::uint8_t { kGet, kPost, kPatch, kDelete, kOther };

struct HttpRequest {
  Method method = Method::kOther;
  std::string target{};  // as sent: path and query, percent-encoded
  std::string host{};    // the Host header
  std::string api_key{};
  std::string api_version{};  // "2026-07"; empty: not said
  std::string body{};
};

/// How much of an answer the client gets before its connection is reset.
enum class Cut : std::uint8_t { kNone, kInBody, kBeforeHeader };

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::string body{};
  std::optional<std::uint64_t> request_lsn{};  // x-pinecone-request-lsn
  std::optional<std::uint64_t> indexed_lsn{};  // x-pinecone-max-indexed-lsn
  std::string retry_after{};                   // seconds; empty: not said
  std::chrono::milliseconds delay{0};          // before the answer is sent
  Cut cut = Cut::kNone;
};

/// Percent-decodes one path segment or query part. In a query `+` is a space. kInvalidArgument: a
/// broken escape.
[[nodiscard]] Result<std::string> PercentDecode(std::string_view text, bool plus_is_space);

/// A target split on raw '/' and '&', then decoded piece by piece: "%2F" in a segment stays within
/// it.
struct Target {
  std::vector<std::string> segments;
  std::vector<std::pair<std::string, std::string>> query;

  [[nodiscard]] static Result<Target> Parse(std::string_view target);
  /// The first value of `key`, or `fallback`.
  [[nodiscard]] std::string Get(std::string_view key, std::string_view fallback = {}) const;
  [[nodiscard]] std::vector<std::string> All(std::string_view key) const;
  /// kInvalidArgument if it is there and no integer.
  [[nodiscard]] Result<std::int64_t> Integer(std::string_view key, std::int64_t fallback) const;
};

}  // namespace rehome::pinecone_local
