#include "decorators/embedding_log.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <string>

#include "base/atomic_file.h"

namespace rehome {
namespace {

static_assert(std::endian::native == std::endian::little, "the file is little-endian");

constexpr std::string_view kMagic = "rhmEMB1\n";
constexpr std::size_t kKeyAt = 8;
constexpr std::size_t kDimensionAt = 24;
constexpr std::size_t kHeadCheckAt = 28;
constexpr std::size_t kValuesCheckAt = 32;
constexpr std::size_t kHeadBytes = 40;
constexpr std::uint32_t kDimensionMax = 1U << 20U;

/// Other processes append to the same file: an advisory lock for as long as this stands.
class FileLock {
 public:
  explicit FileLock(int fd) : fd_(fd) {
    while (::flock(fd_, LOCK_EX) != 0 && errno == EINTR) {
    }
  }
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;
  ~FileLock() { ::flock(fd_, LOCK_UN); }

 private:
  const int fd_;
};

/// True if all of `out` was read.
bool ReadAt(int fd, std::uint64_t offset, std::span<char> out) {
  while (!out.empty()) {
    const ssize_t count = ::pread(fd, out.data(), out.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count <= 0) {
      return false;
    }
    out = out.subspan(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
  return true;
}

using Head = std::array<char, kHeadBytes>;

std::string_view ValueBytes(std::span<const float> values) {
  return {reinterpret_cast<const char*>(values.data()), values.size_bytes()};
}

Head MakeHead(const Md5Digest& key, std::span<const float> values) {
  Head head{};
  const auto dimension = static_cast<std::uint32_t>(values.size());
  std::memcpy(head.data(), kMagic.data(), kMagic.size());
  std::memcpy(head.data() + kKeyAt, key.bytes.data(), key.bytes.size());
  std::memcpy(head.data() + kDimensionAt, &dimension, sizeof dimension);
  const Md5Digest head_check = Md5({head.data(), kHeadCheckAt});
  std::memcpy(head.data() + kHeadCheckAt, head_check.bytes.data(), kValuesCheckAt - kHeadCheckAt);
  const Md5Digest values_check = Md5(ValueBytes(values));
  std::memcpy(head.data() + kValuesCheckAt, values_check.bytes.data(), kHeadBytes - kValuesCheckAt);
  return head;
}

std::uint32_t DimensionOf(const Head& head) {
  std::uint32_t dimension = 0;
  std::memcpy(&dimension, head.data() + kDimensionAt, sizeof dimension);
  return dimension;
}

bool IsHead(const Head& head) {
  const Md5Digest check = Md5({head.data(), kHeadCheckAt});
  return std::string_view(head.data(), kMagic.size()) == kMagic &&
         DimensionOf(head) <= kDimensionMax &&
         std::memcmp(check.bytes.data(), head.data() + kHeadCheckAt,
                     kValuesCheckAt - kHeadCheckAt) == 0;
}

}  // namespace

Result<std::unique_ptr<EmbeddingLog>> EmbeddingLog::Open(std::filesystem::path path,
                                                         bool read_only) {
  if (!read_only) {
    std::error_code error;
    std::filesystem::create_directories(path.parent_path(), error);
  }
  const int flags = read_only ? O_RDONLY : O_RDWR | O_CREAT | O_APPEND;
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC, 0600);
  if (fd < 0 && (!read_only || errno != ENOENT)) {
    return std::unexpected(FileError(errno, "open the embedding cache", path));
  }
  std::unique_ptr<EmbeddingLog> log(new EmbeddingLog(std::move(path), fd, read_only));
  if (fd < 0) {
    return log;
  }
  const FileLock lock(fd);
  REHOME_TRY(log->CatchUp());
  return log;
}

EmbeddingLog::~EmbeddingLog() {
  if (fd_ >= 0) {
    ::close(fd_);
  }
}

std::uint64_t EmbeddingLog::NextHead(std::uint64_t from, std::uint64_t end) const {
  constexpr std::size_t kChunkBytes = 1U << 20U;
  std::string chunk;
  for (std::uint64_t at = from; at + kHeadBytes <= end;) {
    chunk.resize(std::min<std::uint64_t>(kChunkBytes, end - at));
    if (!ReadAt(fd_, at, chunk)) {
      return end;
    }
    for (auto found = chunk.find(kMagic); found != std::string::npos;
         found = chunk.find(kMagic, found + 1)) {
      Head head{};
      if (ReadAt(fd_, at + found, head) && IsHead(head)) {
        return at + found;
      }
    }
    at += chunk.size() - (kMagic.size() - 1);  // a magic may lie across two chunks
  }
  return end;
}

Status EmbeddingLog::CatchUp() {
  const off_t size = ::lseek(fd_, 0, SEEK_END);
  if (size < 0) {
    return std::unexpected(FileError(errno, "read the embedding cache", path_));
  }
  const auto end = static_cast<std::uint64_t>(size);
  std::uint64_t whole = std::min(scanned_, end);  // the end of the last whole entry
  for (std::uint64_t at = whole; at < end;) {
    Head head{};
    if (at + kHeadBytes > end || !ReadAt(fd_, at, head) || !IsHead(head)) {
      at = NextHead(at + 1, end);
      continue;
    }
    const std::uint64_t next = at + kHeadBytes + DimensionOf(head) * sizeof(float);
    if (next > end) {
      // Torn, or an append over a torn end: what follows it may still be whole.
      at = NextHead(at + 1, end);
      continue;
    }
    Md5Digest key;
    std::memcpy(key.bytes.data(), head.data() + kKeyAt, key.bytes.size());
    places_.insert_or_assign(key, Place{.offset = at, .dimension = DimensionOf(head)});
    at = next;
    whole = next;
  }
  if (whole < end && !read_only_ && ::ftruncate(fd_, static_cast<off_t>(whole)) != 0) {
    return std::unexpected(FileError(errno, "mend the embedding cache", path_));
  }
  scanned_ = whole;
  return {};
}

std::optional<std::vector<float>> EmbeddingLog::Find(const Md5Digest& key) {
  const auto place = places_.find(key);
  if (place == places_.end()) {
    return std::nullopt;
  }
  Head head{};
  std::vector<float> values(place->second.dimension);
  const std::span<char> bytes(reinterpret_cast<char*>(values.data()),
                              values.size() * sizeof(float));
  const bool intact = ReadAt(fd_, place->second.offset, head) &&
                      ReadAt(fd_, place->second.offset + kHeadBytes, bytes) &&
                      head == MakeHead(key, values);
  if (!intact) {
    places_.erase(place);
    return std::nullopt;
  }
  return values;
}

Status EmbeddingLog::Append(std::span<const Entry> entries) {
  CHECK(!read_only_);
  std::string bytes;
  for (const auto& [key, values] : entries) {
    const Head head = MakeHead(key, values);
    bytes.append(head.data(), head.size()).append(ValueBytes(values));
  }
  const FileLock lock(fd_);
  REHOME_TRY(CatchUp());  // from here on the file ends with a whole entry
  for (std::string_view rest = bytes; !rest.empty();) {
    const ssize_t count = ::write(fd_, rest.data(), rest.size());
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count <= 0) {
      return std::unexpected(FileError(errno, "write the embedding cache", path_));
    }
    rest.remove_prefix(static_cast<std::size_t>(count));
  }
  if (::fdatasync(fd_) != 0) {
    return std::unexpected(FileError(errno, "sync the embedding cache", path_));
  }
  return CatchUp();
}

}  // namespace rehome
