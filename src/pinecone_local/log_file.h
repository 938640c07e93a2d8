#pragma once
// log_file.h — an append-only file of checksummed frames, mapped for reading.
// A frame is written by one call and synced before Append returns, so what was acknowledged is on
// disk, whole, and only the last frame can be torn. On open every frame is verified and replayed; a
// bad frame that no good one follows is the torn tail and is cut off (ignored when read-only), any
// other bad frame is kDataLoss. Not safe for concurrent calls; the mapped bytes may be read from
// several threads until the next MakeRoom().
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace rehome::pinecone_local {

/// Owns a file descriptor.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept;
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  ~FileDescriptor();
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool valid() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

/// Room that a frame's builder leaves before its payload.
inline constexpr std::size_t kFrameHeaderBytes = 32;

class LogFile {
 public:
  enum class Mode : std::uint8_t { kReadOnly, kReadWrite };
  /// `offset` is where the payload begins in the file.
  using FrameSink = std::function<Status(std::uint64_t offset, std::string_view payload)>;

  /// Opens or (kReadWrite) creates `path` and replays it. A missing file is empty when read-only.
  [[nodiscard]] static Result<LogFile> Open(const std::filesystem::path& path, Mode mode,
                                            const FrameSink& replay);
  LogFile() = default;
  LogFile(LogFile&& other) noexcept;
  LogFile& operator=(LogFile&& other) noexcept;
  LogFile(const LogFile&) = delete;
  LogFile& operator=(const LogFile&) = delete;
  ~LogFile();

  /// Writes and syncs one frame: kFrameHeaderBytes of room, then a payload of a multiple of 8
  /// bytes. MakeRoom() was asked before. Returns the payload's offset. On failure the file is as
  /// before (kResourceExhausted: disk full) or, where that could not be had, refuses every later
  /// append. kFailedPrecondition when read-only.
  [[nodiscard]] Result<std::uint64_t> Append(std::string& frame);
  /// True if an append of `bytes` needs a larger mapping first.
  [[nodiscard]] bool NeedsRoom(std::uint64_t bytes) const { return end_ + bytes > mapped_bytes_; }
  /// Maps room for an append of `bytes`; earlier pointers into the file become invalid.
  [[nodiscard]] Status MakeRoom(std::uint64_t bytes);
  /// Renames the file over `path`, durably. If only the durability fails, later appends are
  /// refused.
  [[nodiscard]] Status MoveTo(const std::filesystem::path& path);

  /// The mapped bytes from `offset` to the end of what was appended.
  [[nodiscard]] std::string_view From(std::uint64_t offset) const;
  [[nodiscard]] std::uint64_t bytes() const { return end_; }

 private:
  [[nodiscard]] Status Create();
  [[nodiscard]] Status Replay(const FrameSink& replay);
  [[nodiscard]] Status CutTail(std::uint64_t offset);
  [[nodiscard]] bool GoodFrameFollows(std::uint64_t offset) const;
  void Unmap() noexcept;

  std::filesystem::path path_;
  Mode mode_ = Mode::kReadOnly;
  FileDescriptor fd_;
  std::atomic<std::uint64_t> end_ = 0;  // where the next frame goes; read beside an append
  const char* mapped_ = nullptr;
  std::uint64_t mapped_bytes_ = 0;
  bool broken_ = false;  // a failed append could not be taken back
};

}  // namespace rehome::pinecone_local
