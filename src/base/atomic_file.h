#pragma once
// atomic_file.h — files that are either the old one or the whole new one after a crash: written
// beside under a temporary name, synced, renamed, directory synced.
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/error.h"

namespace rehome {

/// More than any file that is read whole should have.
inline constexpr std::size_t kFileBytesMax = std::size_t{256} << 20U;

/// Reads a whole file. kNotFound if it does not exist; kFailedPrecondition if it may not be read, has
/// more than `bytes_max` bytes, or is no file (a directory, a device, a pipe: those may never end).
[[nodiscard]] Result<std::string> ReadFile(const std::filesystem::path& path,
                                           std::size_t bytes_max = kFileBytesMax);

/// Replaces or creates `path` atomically with mode 0600, or the mode of the file that it replaces.
/// Errors: kResourceExhausted on a full disk, kFailedPrecondition where it may not be written; the
/// old file stays.
[[nodiscard]] Status WriteFileAtomically(const std::filesystem::path& path, std::string_view bytes);

/// A file written in pieces that appears under its name only on Commit(); without it the destructor
/// removes it.
class AtomicFile {
 public:
  [[nodiscard]] static Result<AtomicFile> Create(std::filesystem::path path, unsigned mode = 0600);
  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&& other) noexcept;
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile();

  [[nodiscard]] Status Write(std::string_view bytes);
  /// Flushes, syncs, renames, syncs the directory.
  [[nodiscard]] Status Commit();

 private:
  AtomicFile(std::filesystem::path path, std::filesystem::path temporary, int fd)
      : path_(std::move(path)), temporary_(std::move(temporary)), fd_(fd) {}
  [[nodiscard]] Status Flush();
  void Discard() noexcept;

  std::filesystem::path path_;
  std::filesystem::path temporary_;
  int fd_ = -1;
  std::string buffer_;
};

/// Makes a rename or creation in `directory` durable.
[[nodiscard]] Status SyncDirectory(const std::filesystem::path& directory);

/// The error of a failed system call on `path`: full disk, read-only, not permitted, missing.
[[nodiscard]] Error FileError(int error_number, std::string_view what,
                              const std::filesystem::path& path);

}  // namespace rehome
