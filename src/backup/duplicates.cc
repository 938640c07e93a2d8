#include "backup/duplicates.h"

#include <algorithm>
#include <cerrno>
#include <queue>
#include <type_traits>
#include <utility>

#include "base/atomic_file.h"

namespace rehome {
namespace {

constexpr std::size_t kReadEntries = 4096;

std::unexpected<Error> SpillError(int reason) {
  return std::unexpected(
      FileError(reason, "cannot use a temporary file in", "the directory for temporary files"));
}

}  // namespace

/// Gives the entries of one sorted run in order.
class Duplicates::RunReader {
 public:
  RunReader(std::FILE* file, Run run) : file_(file), run_(run) {}
  Result<std::optional<Entry>> Next() {
    if (position_ == buffer_.size()) {
      REHOME_TRY(Refill());
    }
    return position_ < buffer_.size() ? std::optional(buffer_[position_++]) : std::nullopt;
  }

 private:
  Status Refill() {
    const std::size_t count = std::min(kReadEntries, run_.count);
    buffer_.resize(count);
    position_ = 0;
    if (count > 0 && (std::fseek(file_, run_.offset, SEEK_SET) != 0 ||
                      std::fread(buffer_.data(), sizeof(Entry), count, file_) != count)) {
      return SpillError(errno);
    }
    run_.count -= count;
    run_.offset += static_cast<long>(count * sizeof(Entry));
    return {};
  }
  std::FILE* file_;
  Run run_;
  std::vector<Entry> buffer_;
  std::size_t position_ = 0;
};

Status Duplicates::Add(std::string_view key, std::uint64_t line) {
  entries_.push_back({Md5(key), line});
  return entries_.size() >= keys_max_ ? Spill() : Status{};
}

Status Duplicates::Spill() {
  static_assert(std::is_trivially_copyable_v<Entry>);
  if (!file_) {
    file_ = File(std::tmpfile());
    if (!file_) {
      return SpillError(errno);
    }
  }
  std::ranges::sort(entries_);
  const Run run{.offset = std::ftell(file_.get()), .count = entries_.size()};
  if (std::fwrite(entries_.data(), sizeof(Entry), entries_.size(), file_.get()) !=
      entries_.size()) {
    return SpillError(errno);
  }
  runs_.push_back(run);
  entries_.clear();
  return {};
}

Result<std::optional<Duplicates::Pair>> Duplicates::Find() {
  std::optional<Pair> found;
  std::optional<Entry> last;
  const auto see = [&](const Entry& entry) {
    if (last && last->key == entry.key && (!found || entry.line < found->second_line)) {
      found = {.first_line = last->line, .second_line = entry.line};
    }
    last = entry;
  };
  if (runs_.empty()) {
    std::ranges::sort(entries_);
    std::ranges::for_each(entries_, see);
    return found;
  }
  REHOME_TRY(Spill());
  if (std::fflush(file_.get()) != 0) {
    return SpillError(errno);
  }
  using Head = std::pair<Entry, std::size_t>;
  std::priority_queue<Head, std::vector<Head>, std::greater<>> heads;
  std::vector<RunReader> readers;
  const auto advance = [&](std::size_t reader) -> Status {
    REHOME_TRY_ASSIGN(const std::optional<Entry> entry, readers[reader].Next());
    if (entry) {
      heads.emplace(*entry, reader);
    }
    return {};
  };
  for (const Run& run : runs_) {
    readers.emplace_back(file_.get(), run);
    REHOME_TRY(advance(readers.size() - 1));
  }
  while (!heads.empty()) {
    const auto [entry, reader] = heads.top();
    heads.pop();
    see(entry);
    REHOME_TRY(advance(reader));
  }
  return found;
}

}  // namespace rehome
