#include "adapters/http/api_error.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

namespace rehome {
namespace {

constexpr std::size_t kMessageBytesMax = 600;

/// A string at `key`, or the message inside an object there.
std::string TextAt(const nlohmann::json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end()) {
    return {};
  }
  if (found->is_string()) {
    return found->get<std::string>();
  }
  return found->is_object() ? TextAt(*found, "message") : std::string{};
}

std::string Blotted(std::string text, const Secret& secret) {
  if (secret.empty()) {
    return text;
  }
  for (auto at = text.find(secret.Reveal()); at != std::string::npos;
       at = text.find(secret.Reveal(), at)) {
    text.replace(at, secret.Reveal().size(), "***");
  }
  return text;
}

bool Contains(std::string_view text, std::string_view part) {
  const auto equal = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b; };
  return !std::ranges::search(text, part, equal).empty();
}

/// A limit that a person must raise, as opposed to a rate that passes by itself.
bool IsSpentQuota(int status, std::string_view body) {
  if (status == 402) {
    return true;
  }
  if (status == 403) {
    return Contains(body, "quota") || Contains(body, "limit");
  }
  return status == 429 && (Contains(body, "insufficient_quota") || Contains(body, "current month"));
}

ErrorCode CodeOf(int status, std::string_view body) {
  if (IsSpentQuota(status, body)) {
    return ErrorCode::kFailedPrecondition;
  }
  switch (status) {
    case 400:
    case 413:
    case 422:
      return ErrorCode::kInvalidArgument;
    case 401:
    case 407:
      return ErrorCode::kUnauthenticated;
    case 403:
      return Contains(body, "protection") ? ErrorCode::kFailedPrecondition
                                          : ErrorCode::kUnauthenticated;
    case 404:
      return ErrorCode::kNotFound;
    case 408:
      return ErrorCode::kUnavailable;
    case 409:
      return ErrorCode::kAlreadyExists;
    case 429:
      return ErrorCode::kResourceExhausted;
    default:
      return status >= 500 && status != 501 ? ErrorCode::kUnavailable
                                            : ErrorCode::kFailedPrecondition;
  }
}

std::string HintOf(const ApiService& service, int status, ErrorCode code) {
  if (code == ErrorCode::kUnauthenticated) {
    return service.hint_key;
  }
  if (code == ErrorCode::kResourceExhausted || status == 402 || status == 403 || status == 429) {
    return service.hint_quota;
  }
  if (code == ErrorCode::kUnavailable) {
    return service.hint_down;
  }
  if (code == ErrorCode::kNotFound) {
    return fmt::format("check the address: is it {}'s, and does the name exist there?",
                       service.name);
  }
  return status >= 300 && status < 400
             ? "the address redirects: give the final one, redirects are not followed"
             : std::string{};
}

const ApiRefusal* FindRefusal(const ApiService& service, int status, std::string_view body) {
  const auto found = std::ranges::find_if(service.refusals, [&](const ApiRefusal& row) {
    return (row.status == 0 || row.status == status) &&
           (row.says.empty() || Contains(body, row.says));
  });
  return found == service.refusals.end() ? nullptr : &*found;
}

}  // namespace

std::string ApiMessage(std::string_view body) {
  std::string text;
  const auto json = nlohmann::json::parse(body, nullptr, false);
  if (json.is_object()) {
    for (const char* key : std::array{"error", "message", "detail", "description"}) {
      text = TextAt(json, key);
      if (!text.empty()) {
        break;
      }
    }
  }
  if (text.empty()) {
    text = body;
  }
  std::ranges::replace_if(text, [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
  if (text.size() > kMessageBytesMax) {
    text.resize(kMessageBytesMax);
    while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xC0U) == 0x80U) {
      text.pop_back();  // not in the middle of a character
    }
    if (!text.empty() && static_cast<unsigned char>(text.back()) >= 0xC0U) {
      text.pop_back();
    }
    text.append(" …");
  }
  return text;
}

Error ApiError(const ApiService& service, std::string_view what, const HttpResponse& response,
               const Secret& secret) {
  const std::string said = Blotted(ApiMessage(response.body), secret);
  const ApiRefusal* known = FindRefusal(service, response.status, response.body);
  const ErrorCode code = known != nullptr ? known->code : CodeOf(response.status, response.body);
  return {
      .code = code,
      .message = fmt::format("{}: {} answered {}{}{}", what, service.name, response.status,
                             said.empty() ? "" : ": ", said),
      .hint = known != nullptr ? std::string(known->hint) : HintOf(service, response.status, code),
      .retry_after_ms = response.retry_after.count()};
}

}  // namespace rehome
