#include "pinecone_local/plain_upsert.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "base/float_text.h"
#include "pinecone_local/json_reader.h"
#include "pinecone_local/metadata.h"

namespace rehome::pinecone_local {
namespace {

bool IsBlank(char c) {
  return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/// Walks over the body. Every method says false, or nothing, where the body is not what it takes;
/// then the whole body is given up.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}

  /// Takes `c` and the blanks before it.
  bool Take(char c) {
    SkipBlanks();
    if (at_ == end_ || *at_ != c) {
      return false;
    }
    ++at_;
    return true;
  }

  bool AtEnd() {
    SkipBlanks();
    return at_ == end_;
  }

  /// A string of printable ASCII without escapes.
  std::optional<std::string_view> String() {
    if (!Take('"')) {
      return std::nullopt;
    }
    const char* const begin = at_;
    at_ =
        std::find_if(at_, end_, [](char c) { return c < ' ' || c > '~' || c == '"' || c == '\\'; });
    if (at_ == end_ || *at_ != '"') {
      return std::nullopt;
    }
    return std::string_view(begin, at_++);
  }

  bool Floats(std::vector<float>& values) {
    if (!Take('[')) {
      return false;
    }
    if (Take(']')) {
      return true;
    }
    do {
      SkipBlanks();
      float value = 0;
      at_ = ReadFloat(at_, end_, value);
      if (at_ == nullptr) {
        return false;
      }
      values.push_back(value);
    } while (Take(','));
    return Take(']');
  }

  /// An object as it stands, with its braces matched and nothing else judged.
  std::optional<std::string_view> Object() {
    SkipBlanks();
    const char* const begin = at_;
    std::size_t depth = 0;
    bool in_string = false;
    for (; at_ != end_; ++at_) {
      const char c = *at_;
      if (in_string) {
        at_ += c == '\\' && at_ + 1 != end_ ? 1 : 0;
        in_string = c != '"';
      } else if (c == '"') {
        in_string = true;
      } else if (c == '{') {
        ++depth;
      } else if (c == '}' && --depth == 0) {
        ++at_;
        return std::string_view(begin, at_);
      }
      if (depth == 0) {
        return std::nullopt;
      }
    }
    return std::nullopt;
  }

 private:
  void SkipBlanks() {
    while (at_ != end_ && IsBlank(*at_)) {
      ++at_;
    }
  }

  const char* at_;
  const char* end_;
};

/// Calls `read(key)` for each member; it takes the value. A member that comes twice is not plain.
template <std::size_t kNames, class Read>
bool ReadMembers(Scanner& scanner, const std::array<std::string_view, kNames>& names,
                 const Read& read) {
  std::array<bool, kNames> seen{};
  if (!scanner.Take('{')) {
    return false;
  }
  do {
    const auto key = scanner.String();
    const auto found = key ? std::ranges::find(names, *key) : names.end();
    if (found == names.end() || !scanner.Take(':')) {
      return false;
    }
    const auto number = static_cast<std::size_t>(found - names.begin());
    if (std::exchange(seen[number], true) || !read(number)) {
      return false;
    }
  } while (scanner.Take(','));
  return scanner.Take('}');
}

bool ReadRecord(Scanner& scanner, std::size_t dimension, VectorRecord& record) {
  static constexpr std::array<std::string_view, 3> kNames{"id", "values", "metadata"};
  const bool read = ReadMembers(scanner, kNames, [&](std::size_t name) {
    if (name == 0) {
      const auto id = scanner.String();
      record.id = id.value_or("");
      return id.has_value();
    }
    if (name == 1) {
      record.values.reserve(dimension);
      return scanner.Floats(record.values);
    }
    const auto text = scanner.Object();
    auto metadata = text ? ReadStoredMetadata(*text) : Result<Metadata>(Metadata{});
    if (!text || !metadata || !CheckMetadataSize(*metadata)) {
      return false;
    }
    record.metadata = *std::move(metadata);
    return true;
  });
  return read && CheckId(record.id, "Vector ID");
}

bool ReadRecords(Scanner& scanner, std::vector<VectorRecord>& records) {
  if (!scanner.Take('[')) {
    return false;
  }
  do {
    const std::size_t dimension = records.empty() ? 0 : records.back().values.size();
    if (!ReadRecord(scanner, dimension, records.emplace_back())) {
      return false;
    }
  } while (scanner.Take(','));
  return scanner.Take(']');
}

}  // namespace

std::optional<UpsertRequest> ReadPlainUpsert(std::string_view body) {
  static constexpr std::array<std::string_view, 2> kNames{"vectors", "namespace"};
  UpsertRequest upsert;
  Scanner scanner(body);
  const bool read = ReadMembers(scanner, kNames, [&](std::size_t name) {
    if (name == 0) {
      return ReadRecords(scanner, upsert.records);
    }
    const auto ns = scanner.String();
    upsert.ns = ns.value_or("");
    return ns.has_value();
  });
  if (!read || !scanner.AtEnd() || upsert.records.empty()) {
    return std::nullopt;
  }
  return upsert;
}

}  // namespace rehome::pinecone_local
