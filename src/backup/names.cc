#include "backup/names.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/digest.h"

namespace rehome {
namespace {

constexpr std::size_t kStemBytesMax = 180;
constexpr std::size_t kPrefixBytes = 100;
constexpr std::string_view kHashMark = "%-";
constexpr std::string_view kUnfinishedSuffix = ".rehome-tmp";
constexpr std::string_view kHexDigits = "0123456789ABCDEF";

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

bool IsPlain(char c) {
  return IsDigit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
}

std::string Escape(std::string_view name) {
  std::string out;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    if (IsPlain(c) || (c == '.' && i > 0)) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += kHexDigits[byte >> 4U];
    out += kHexDigits[byte & 15U];
  }
  return out;
}

/// `digits` holds `D` where a decimal digit must stand; everything else stands for itself.
bool Matches(std::string_view text, std::string_view digits) {
  return std::ranges::equal(text, digits, [](char c, char pattern) {
    return pattern == 'D' ? IsDigit(c) : c == pattern;
  });
}

}  // namespace

std::string EncodeName(std::string_view name) {
  std::string stem = Escape(name);
  if (stem.size() <= kStemBytesMax) {
    return stem;
  }
  std::size_t cut = kPrefixBytes;  // not inside an escape
  const std::size_t escape = stem.rfind('%', cut - 1);
  if (escape != std::string::npos && escape + 3 > cut) {
    cut = escape;
  }
  return fmt::format("{}{}{}", std::string_view(stem).substr(0, cut), kHashMark, Sha256Hex(name));
}

std::optional<std::string> DecodeName(std::string_view stem) {
  std::string name;
  for (std::size_t i = 0; i < stem.size(); ++i) {
    if (stem[i] != '%') {
      name += stem[i];
      continue;
    }
    if (i + 2 >= stem.size()) {
      return std::nullopt;
    }
    const std::size_t high = kHexDigits.find(stem[i + 1]);
    const std::size_t low = kHexDigits.find(stem[i + 2]);
    if (high == std::string_view::npos || low == std::string_view::npos) {
      return std::nullopt;
    }
    name += static_cast<char>((high << 4U) | low);
    i += 2;
  }
  return EncodeName(name) == stem ? std::optional(name) : std::nullopt;
}

std::string JsonPath(std::string_view collection) {
  return fmt::format("{}/{}.json", kDocumentsDir, EncodeName(collection));
}

std::string BsonPath(std::string_view collection) {
  return fmt::format("{}/{}.bson", kDocumentsDir, EncodeName(collection));
}

std::string VectorsPath(std::string_view ns) {
  return fmt::format("{}/vectors_{}.jsonl", kVectorsDir, EncodeName(ns));
}

std::string BackupName(WallTime time, unsigned number) {
  std::string name;
  for (const char c : FormatTime(time).substr(0, 19)) {
    if (c != '-' && c != ':') {
      name += c;
    }
  }
  name += 'Z';
  return number <= 1 ? name : fmt::format("{}-{:03}", name, number);
}

bool IsBackupName(std::string_view name) {
  return Matches(name, "DDDDDDDDTDDDDDDZ") || Matches(name, "DDDDDDDDTDDDDDDZ-DDD");
}

std::string UnfinishedName(std::string_view backup_name) {
  return fmt::format(".{}{}", backup_name, kUnfinishedSuffix);
}

bool IsUnfinishedName(std::string_view name) {
  return name.starts_with('.') && name.ends_with(kUnfinishedSuffix);
}

}  // namespace rehome
