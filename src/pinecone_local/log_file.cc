#include "pinecone_local/log_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "base/atomic_file.h"

namespace rehome::pinecone_local {
namespace {

constexpr std::string_view kFileMagic =
    "rehome-vectors1\n";  // 16 bytes, the last digit is the version
constexpr std::uint64_t kFrameMagic = 0x31454d4152464852U;  // "RHFRAME1"
constexpr std::uint64_t kMapAheadBytes = std::uint64_t{256} << 20U;

struct FrameHeader {
  std::uint64_t magic = kFrameMagic;
  std::uint64_t payload_bytes = 0;
  std::uint64_t checksum = 0;
  std::uint64_t reserved = 0;
};
static_assert(sizeof(FrameHeader) == kFrameHeaderBytes);

/// Every step is a bijection of the lane, so a change of one word is always seen. Seeded with the
/// frame's place, so that a frame at the wrong offset is a bad one. `bytes` is a multiple of 8
/// long.
std::uint64_t Checksum(std::string_view bytes, std::uint64_t seed) {
  constexpr std::uint64_t kOdd = 0x9E3779B97F4A7C15U;
  std::array<std::uint64_t, 4> lanes{seed, seed ^ kOdd, ~seed, bytes.size()};
  for (std::size_t at = 0; at < bytes.size(); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + at, sizeof word);
    auto& lane = lanes[(at / 8) % lanes.size()];
    lane = std::rotl((lane ^ word) * kOdd, 29);
  }
  std::uint64_t sum = 0;
  for (const std::uint64_t lane : lanes) {
    sum = std::rotl((sum ^ lane) * kOdd, 31);
  }
  return sum;
}

/// The payload of the good frame at `offset`, if there is one.
std::optional<std::string_view> GoodFrameAt(std::string_view file, std::uint64_t offset) {
  if (file.size() < offset + kFrameHeaderBytes) {
    return std::nullopt;
  }
  FrameHeader header;
  std::memcpy(&header, file.data() + offset, sizeof header);
  const std::uint64_t room = file.size() - offset - kFrameHeaderBytes;
  if (header.magic != kFrameMagic || header.payload_bytes > room || header.payload_bytes % 8 != 0) {
    return std::nullopt;
  }
  const auto payload = file.substr(offset + kFrameHeaderBytes, header.payload_bytes);
  if (Checksum(payload, offset) != header.checksum) {
    return std::nullopt;
  }
  return payload;
}

int WriteAll(int fd, std::string_view bytes, std::uint64_t offset) {
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0) {
      if (errno == EINTR) {
        continue;
      }
      return errno;
    }
    bytes.remove_prefix(static_cast<std::size_t>(written));
    offset += static_cast<std::uint64_t>(written);
  }
  return 0;
}

}  // namespace

FileDescriptor::FileDescriptor(FileDescriptor&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)) {}

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

FileDescriptor::~FileDescriptor() {
  if (fd_ >= 0) {
    static_cast<void>(::close(fd_));
  }
}

Result<LogFile> LogFile::Open(const std::filesystem::path& path, Mode mode,
                              const FrameSink& replay) {
  LogFile log;
  log.path_ = path;
  log.mode_ = mode;
  const bool writable = mode == Mode::kReadWrite;
  log.fd_ = FileDescriptor(
      ::open(path.c_str(), (writable ? O_RDWR | O_CREAT : O_RDONLY) | O_CLOEXEC, 0600));
  if (!log.fd_.valid()) {
    if (errno == ENOENT && !writable) {
      return log;
    }
    return std::unexpected(FileError(errno, "cannot open", path));
  }
  struct stat status{};
  if (::fstat(log.fd_.get(), &status) != 0) {
    return std::unexpected(FileError(errno, "cannot read", path));
  }
  log.end_ = static_cast<std::uint64_t>(status.st_size);
  if (log.end_ <
      kFileMagic.size()) {  // new, or killed while it was made: nothing was acknowledged yet
    log.end_ = 0;
    if (writable) {
      REHOME_TRY(log.Create());
    }
    return log;
  }
  REHOME_TRY(log.MakeRoom(0));
  REHOME_TRY(log.Replay(replay));
  return log;
}

LogFile::LogFile(LogFile&& other) noexcept {
  *this = std::move(other);
}

LogFile& LogFile::operator=(LogFile&& other) noexcept {
  path_.swap(other.path_);
  std::swap(mode_, other.mode_);
  std::swap(fd_, other.fd_);
  end_ = other.end_.exchange(end_);
  std::swap(mapped_, other.mapped_);
  std::swap(mapped_bytes_, other.mapped_bytes_);
  std::swap(broken_, other.broken_);
  return *this;
}

LogFile::~LogFile() {
  Unmap();
}

Status LogFile::Create() {
  if (const int error = WriteAll(fd_.get(), kFileMagic, 0); error != 0) {
    return std::unexpected(FileError(error, "cannot write", path_));
  }
  if (::fsync(fd_.get()) != 0) {
    return std::unexpected(FileError(errno, "cannot sync", path_));
  }
  end_ = kFileMagic.size();
  REHOME_TRY(SyncDirectory(path_.parent_path()));
  return MakeRoom(0);
}

Status LogFile::Replay(const FrameSink& replay) {
  const std::string_view file = From(0);
  if (!file.starts_with(kFileMagic)) {
    return Fail(ErrorCode::kDataLoss,
                fmt::format("{} is not a vector file of this version", path_.string()),
                "name another directory, or the one that this program made");
  }
  std::uint64_t offset = kFileMagic.size();
  while (offset < file.size()) {
    const auto payload = GoodFrameAt(file, offset);
    if (!payload) {
      return CutTail(offset);
    }
    REHOME_TRY(replay(offset + kFrameHeaderBytes, *payload));
    offset += kFrameHeaderBytes + payload->size();
  }
  return {};
}

Status LogFile::CutTail(std::uint64_t offset) {
  if (GoodFrameFollows(offset)) {
    return Fail(ErrorCode::kDataLoss,
                fmt::format("{} is damaged at byte {}: good records follow a bad one",
                            path_.string(), offset),
                "restore this directory from a backup; the file is left as it is");
  }
  end_ = offset;
  if (mode_ == Mode::kReadOnly) {
    return {};
  }
  if (::ftruncate(fd_.get(), static_cast<off_t>(offset)) != 0 || ::fsync(fd_.get()) != 0) {
    return std::unexpected(FileError(errno, "cannot cut the torn end of", path_));
  }
  return {};
}

bool LogFile::GoodFrameFollows(std::uint64_t offset) const {
  const std::string_view file = From(0);
  for (std::uint64_t at = offset + 8; at + kFrameHeaderBytes <= file.size(); at += 8) {
    if (GoodFrameAt(file, at)) {
      return true;
    }
  }
  return false;
}

Result<std::uint64_t> LogFile::Append(std::string& frame) {
  CHECK(frame.size() >= kFrameHeaderBytes && frame.size() % 8 == 0);
  if (mode_ == Mode::kReadOnly || broken_) {
    return Fail(ErrorCode::kFailedPrecondition,
                mode_ == Mode::kReadOnly
                    ? "this index is open for reading only"
                    : fmt::format("an earlier write to {} failed half way", path_.string()),
                mode_ == Mode::kReadOnly ? "" : "mend the disk and start the server again");
  }
  CHECK(!NeedsRoom(frame.size()));
  const auto payload = std::string_view(frame).substr(kFrameHeaderBytes);
  const std::uint64_t end = end_;
  const FrameHeader header{.payload_bytes = payload.size(), .checksum = Checksum(payload, end)};
  std::memcpy(frame.data(), &header, sizeof header);
  int error = WriteAll(fd_.get(), frame, end);
  if (error == 0 && ::fdatasync(fd_.get()) != 0) {
    error = errno;
  }
  if (error != 0) {
    broken_ = ::ftruncate(fd_.get(), static_cast<off_t>(end)) != 0 || ::fsync(fd_.get()) != 0;
    return std::unexpected(FileError(error, "cannot write", path_));
  }
  end_ = end + frame.size();
  return end + kFrameHeaderBytes;
}

Status LogFile::MakeRoom(std::uint64_t bytes) {
  // Mapping beyond the end of the file is allowed; those pages become readable as the file grows.
  const std::uint64_t end = end_;
  const std::uint64_t wanted =
      mode_ == Mode::kReadOnly ? end : end + bytes + std::max(end / 2, kMapAheadBytes);
  void* mapped = ::mmap(nullptr, wanted, PROT_READ, MAP_SHARED, fd_.get(), 0);
  if (mapped == MAP_FAILED) {
    return std::unexpected(FileError(errno, "cannot map", path_));
  }
  Unmap();
  mapped_ = static_cast<const char*>(mapped);
  mapped_bytes_ = wanted;
  return {};
}

Status LogFile::MoveTo(const std::filesystem::path& path) {
  if (::rename(path_.c_str(), path.c_str()) != 0) {
    return std::unexpected(FileError(errno, "cannot rename", path_));
  }
  path_ = path;
  broken_ = !SyncDirectory(path.parent_path());
  return {};
}

std::string_view LogFile::From(std::uint64_t offset) const {
  const std::uint64_t end = end_;
  CHECK(offset <= end && end <= mapped_bytes_);
  return {mapped_ + offset, end - offset};
}

void LogFile::Unmap() noexcept {
  if (mapped_ != nullptr) {
    static_cast<void>(::munmap(const_cast<char*>(mapped_), mapped_bytes_));
    mapped_ = nullptr;
    mapped_bytes_ = 0;
  }
}

}  // namespace rehome::pinecone_local
