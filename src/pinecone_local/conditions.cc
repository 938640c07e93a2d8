#include "pinecone_local/conditions.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace rehome::pinecone_local {
namespace {

std::unexpected<Error> NotUnderstood(std::string_view word, std::string_view text) {
  return Fail(ErrorCode::kInvalidArgument,
              word == text ? fmt::format("'{}' is not understood", word)
                           : fmt::format("'{}' in '{}' is not understood", word, text),
              "docs/pinecone-local.md lists the kinds and keys");
}

/// "HEAD,KEY=VALUE,…".
struct Words {
  std::string_view head;
  std::vector<std::pair<std::string_view, std::string_view>> settings;
};

Result<Words> Split(std::string_view text) {
  Words words;
  words.head = text.substr(0, text.find(','));
  for (std::string_view rest = text.substr(words.head.size()); !rest.empty();) {
    rest.remove_prefix(1);
    const std::string_view setting = rest.substr(0, rest.find(','));
    const std::size_t equals = setting.find('=');
    if (equals == std::string_view::npos) {
      return NotUnderstood(setting, text);
    }
    words.settings.emplace_back(setting.substr(0, equals), setting.substr(equals + 1));
    rest.remove_prefix(setting.size());
  }
  return words;
}

Result<std::uint64_t> Number(std::string_view word, std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size()) {
    return NotUnderstood(word, text);
  }
  return value;
}

Status Set(Fault& fault, std::string_view key, std::string_view value, std::string_view text) {
  if (key == "path") {
    fault.path = value;
    return {};
  }
  if (key == "retry_after") {  // as it is sent: a date, too
    fault.retry_after = value;
    return {};
  }
  REHOME_TRY_ASSIGN(const std::uint64_t number, Number(value, text));
  if (key == "every" && number != 0) {
    fault.every = number;
  } else if (key == "times") {
    fault.times = number;
  } else if (key == "delay") {
    fault.delay = Millis{static_cast<std::int64_t>(number)};
  } else if (key == "effect") {
    fault.effect = number != 0;
  } else {
    return NotUnderstood(key, text);
  }
  return {};
}

}  // namespace

Result<Fault> ParseFault(std::string_view text) {
  REHOME_TRY_ASSIGN(const Words words, Split(text));
  Fault fault;
  if (words.head == "slow") {
    fault.kind = FaultKind::kSlow;
  } else if (words.head == "reset") {
    fault.kind = FaultKind::kReset;
  } else if (words.head == "drop") {
    fault.kind = FaultKind::kDrop;
  } else {
    constexpr std::uint64_t kErrorMin = 400;
    constexpr std::uint64_t kErrorMax = 599;
    REHOME_TRY_ASSIGN(const std::uint64_t status, Number(words.head, text));
    if (status < kErrorMin || status > kErrorMax) {
      return NotUnderstood(words.head, text);
    }
    fault.status = static_cast<int>(status);
  }
  for (const auto& [key, value] : words.settings) {
    REHOME_TRY(Set(fault, key, value, text));
  }
  return fault;
}

Result<Quota> ParseQuota(std::string_view text) {
  constexpr std::uint64_t kMillion = 1'000'000;
  constexpr std::array<std::pair<std::string_view, Quota>, 6> kTiers{{
      {"", {}},
      {"none", {}},
      {"starter", {5, 100, 2 * kMillion, kMillion}},
      {"builder", {10, 1'000, 5 * kMillion, 2 * kMillion}},
      {"standard", {20, 100'000, 0, 0}},
      {"enterprise", {200, 100'000, 0, 0}},
  }};
  REHOME_TRY_ASSIGN(const Words words, Split(text));
  const auto* tier =
      std::ranges::find(kTiers, words.head, &std::pair<std::string_view, Quota>::first);
  if (tier == kTiers.end()) {
    return NotUnderstood(words.head, text);
  }
  Quota quota = tier->second;
  for (const auto& [key, value] : words.settings) {
    REHOME_TRY_ASSIGN(const std::uint64_t number, Number(value, text));
    if (key == "indexes") {
      quota.indexes = number;
    } else if (key == "namespaces") {
      quota.namespaces = number;
    } else if (key == "write_units") {
      quota.write_units = number;
    } else if (key == "read_units") {
      quota.read_units = number;
    } else {
      return NotUnderstood(key, text);
    }
  }
  return quota;
}

}  // namespace rehome::pinecone_local
