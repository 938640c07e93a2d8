#include "base/atomic_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

namespace rehome {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{1} << 20U;

/// Closes on scope exit.
class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() {
    if (fd_ >= 0) {
      static_cast<void>(::close(fd_));
    }
  }
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

}  // namespace

Error FileError(int error_number, std::string_view what, const std::filesystem::path& path) {
  const std::string message =
      fmt::format("{} {}: {}", what, path.string(), std::generic_category().message(error_number));
  switch (error_number) {
    case ENOENT:
      return Error{ErrorCode::kNotFound, message,
                   "check the path; relative paths start at the working directory"};
    case ENOSPC:
    case EDQUOT:
      return Error{
          ErrorCode::kResourceExhausted, message,
          "free space on this disk, then run the same command again: it goes on where it stopped"};
    case EACCES:
    case EPERM:
    case EROFS:
      return Error{ErrorCode::kFailedPrecondition, message,
                   "give this user permission to write there, or name another path"};
    default:
      return Error{ErrorCode::kFailedPrecondition, message, {}};
  }
}

Result<std::string> ReadFile(const std::filesystem::path& path, std::size_t bytes_max) {
  // Not blocking: to open a pipe that nobody writes to would wait for its writer.
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status{};
  if (fd.get() < 0 || ::fstat(fd.get(), &status) != 0) {
    return std::unexpected(FileError(errno, "cannot open", path));
  }
  if (!S_ISREG(status.st_mode)) {
    return Fail(ErrorCode::kFailedPrecondition,
                fmt::format("{} is {}, not a file", path.string(),
                            S_ISDIR(status.st_mode) ? "a directory" : "a device or a pipe"),
                "name a regular file; what a pipe or a device gives can be written to one first");
  }
  const auto too_large = [&] {
    return Fail(ErrorCode::kFailedPrecondition,
                fmt::format("{} has more than the {} bytes that are read of such a file",
                            path.string(), bytes_max),
                "check that the path names the file that was meant");
  };
  const auto expected = static_cast<std::size_t>(status.st_size);
  if (expected > bytes_max) {
    return too_large();
  }
  // One byte more than there should be: the read after the last one finds the end without growing.
  // Files of /proc say that they have none.
  constexpr std::size_t kBytesMin = 4096;
  std::string out(std::max(expected + 1, kBytesMin), '\0');
  std::size_t filled = 0;
  while (true) {
    if (filled == out.size()) {
      out.resize(out.size() * 2);
    }
    const ssize_t got = ::read(fd.get(), out.data() + filled, out.size() - filled);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      return std::unexpected(FileError(errno, "cannot read", path));
    }
    if (got == 0) {
      out.resize(filled);
      return out;
    }
    filled += static_cast<std::size_t>(got);
    if (filled > bytes_max) {  // it grows while it is read
      return too_large();
    }
  }
}

Status SyncDirectory(const std::filesystem::path& directory) {
  const std::filesystem::path named = directory.empty() ? "." : directory;
  const Fd fd(::open(named.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0 || ::fsync(fd.get()) != 0) {
    return std::unexpected(FileError(errno, "cannot sync directory", named));
  }
  return {};
}

namespace {

/// The new file belongs to whom the old one did: a program that could read it still can.
Status KeepOwner(int fd, const std::filesystem::path& path) {
  struct stat old{};
  struct stat fresh{};
  if (::stat(path.c_str(), &old) != 0 || ::fstat(fd, &fresh) != 0 ||
      (old.st_uid == fresh.st_uid && old.st_gid == fresh.st_gid)) {
    return {};
  }
  if (::fchown(fd, old.st_uid, old.st_gid) != 0 &&
      ::fchown(fd, static_cast<uid_t>(-1), old.st_gid) != 0) {
    return std::unexpected(FileError(errno, "cannot keep the owner of", path));
  }
  return {};
}

}  // namespace

Status WriteFileAtomically(const std::filesystem::path& path, std::string_view bytes) {
  struct stat old{};
  const unsigned mode = ::stat(path.c_str(), &old) == 0 ? old.st_mode & 07777U : 0600U;
  REHOME_TRY_ASSIGN(auto file, AtomicFile::Create(path, mode));
  REHOME_TRY(file.Write(bytes));
  return file.Commit();
}

Result<AtomicFile> AtomicFile::Create(std::filesystem::path path, unsigned mode) {
  std::filesystem::path temporary = path;
  temporary += ".rehome-tmp";
  const int fd =
      ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
  if (fd < 0) {
    return std::unexpected(FileError(errno, "cannot create", temporary));
  }
  AtomicFile file(std::move(path), std::move(temporary), fd);
  REHOME_TRY(KeepOwner(fd, file.path_));
  if (::fchmod(fd, mode) != 0) {
    return std::unexpected(FileError(errno, "cannot set the mode of", file.temporary_));
  }
  return file;
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::move(other.temporary_)),
      fd_(std::exchange(other.fd_, -1)),
      buffer_(std::move(other.buffer_)) {}

AtomicFile& AtomicFile::operator=(AtomicFile&& other) noexcept {
  if (this != &other) {
    Discard();
    path_ = std::move(other.path_);
    temporary_ = std::move(other.temporary_);
    fd_ = std::exchange(other.fd_, -1);
    buffer_ = std::move(other.buffer_);
  }
  return *this;
}

AtomicFile::~AtomicFile() {
  Discard();
}

void AtomicFile::Discard() noexcept {
  if (fd_ >= 0) {
    static_cast<void>(::close(fd_));
    static_cast<void>(::unlink(temporary_.c_str()));
    fd_ = -1;
  }
}

Status AtomicFile::Write(std::string_view bytes) {
  buffer_.append(bytes);
  return buffer_.size() < kBufferBytes ? Status{} : Flush();
}

Status AtomicFile::Flush() {
  std::string_view rest = buffer_;
  while (!rest.empty()) {
    const ssize_t wrote = ::write(fd_, rest.data(), rest.size());
    if (wrote < 0 && errno == EINTR) {
      continue;
    }
    if (wrote < 0) {
      return std::unexpected(FileError(errno, "cannot write", temporary_));
    }
    rest.remove_prefix(static_cast<std::size_t>(wrote));
  }
  buffer_.clear();
  return {};
}

Status AtomicFile::Commit() {
  REHOME_TRY(Flush());
  if (::fsync(fd_) != 0) {
    return std::unexpected(FileError(errno, "cannot sync", temporary_));
  }
  static_cast<void>(::close(std::exchange(fd_, -1)));
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) {
    const int reason = errno;
    static_cast<void>(::unlink(temporary_.c_str()));
    return std::unexpected(FileError(reason, "cannot rename into place", path_));
  }
  return SyncDirectory(path_.parent_path());
}

}  // namespace rehome
