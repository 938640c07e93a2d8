#pragma once
// duplicates.h — finds keys that come twice, in memory that does not grow with their number: hashes
// of 128 bits are sorted in runs, full runs go to an unnamed temporary file and are merged at the
// end.
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string_view>
#include <vector>

#include "base/c_handle.h"
#include "base/digest.h"
#include "base/error.h"

namespace rehome {

class Duplicates {
 public:
  /// `keys_in_memory_max`: keys held before a run is written out.
  explicit Duplicates(std::size_t keys_in_memory_max = std::size_t{1} << 20U)
      : keys_max_(keys_in_memory_max) {}

  struct Pair {
    std::uint64_t first_line = 0;
    std::uint64_t second_line = 0;
  };
  [[nodiscard]] Status Add(std::string_view key, std::uint64_t line);
  /// A key that was added more than once, if there is one: of all, the one whose repetition comes
  /// first.
  [[nodiscard]] Result<std::optional<Pair>> Find();

 private:
  struct Entry {
    Md5Digest key;
    std::uint64_t line = 0;
    auto operator<=>(const Entry&) const = default;
  };
  struct Run {
    long offset = 0;
    std::size_t count = 0;
  };
  class RunReader;
  [[nodiscard]] Status Spill();

  using File = CHandle<std::FILE, std::fclose>;
  std::size_t keys_max_;
  std::vector<Entry> entries_;
  File file_;
  std::vector<Run> runs_;
};

}  // namespace rehome
