#pragma once
// key_table.h — numbers for a set of names that is known beforehand, so that one pass over a
// document's fields replaces a search for each name.
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace rehome {

class KeyTable {
 public:
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);

  /// The number of `name`: 0, 1, … in the order of their first Add().
  std::size_t Add(std::string_view name);
  /// Its number, or kNone.
  [[nodiscard]] std::size_t Find(std::string_view name) const {
    if (buckets_.empty()) {
      return kNone;
    }
    for (const std::size_t number : buckets_[Bucket(name)]) {
      if (names_[number] == name) {
        return number;
      }
    }
    return kNone;
  }
  [[nodiscard]] const std::string& name(std::size_t number) const { return names_[number]; }
  [[nodiscard]] std::size_t size() const { return names_.size(); }

 private:
  static constexpr std::size_t kBuckets = 64;

  /// Names of fields differ in length or at their ends, nearly always.
  static std::size_t Bucket(std::string_view name) {
    if (name.empty()) {
      return 0;
    }
    const auto byte = [](char c) {
      return static_cast<std::size_t>(static_cast<unsigned char>(c));
    };
    return (name.size() + byte(name.front()) * 5 + byte(name.back()) * 11) % kBuckets;
  }

  std::vector<std::string> names_;
  std::vector<std::vector<std::size_t>> buckets_;  // kBuckets, none before the first name
};

inline std::size_t KeyTable::Add(std::string_view name) {
  if (const std::size_t known = Find(name); known != kNone) {
    return known;
  }
  buckets_.resize(kBuckets);
  buckets_[Bucket(name)].push_back(names_.size());
  names_.emplace_back(name);
  return names_.size() - 1;
}

}  // namespace rehome
