#include "backup/file_reader.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/atomic_file.h"

namespace rehome {
namespace {

constexpr std::size_t kChunkBytes = std::size_t{1} << 18U;
// A 16 MiB document whose every byte is escaped as \u00XX, and room for its keys.
constexpr std::size_t kRecordBytesMax = std::size_t{128} << 20U;
constexpr std::size_t kBsonBytesMin = 5;

std::string HexDigest(Hasher& hasher) {
  return Hex(std::string_view(hasher.Finish()));
}

}  // namespace

FileReader::FileReader(std::filesystem::path path, int fd, Hash hash)
    : path_(std::move(path)), fd_(fd), hash_(hash == Hash::kYes) {}

FileReader::FileReader(FileReader&& other) noexcept
    : path_(std::move(other.path_)),
      fd_(std::exchange(other.fd_, -1)),
      hash_(other.hash_),
      md5_(std::move(other.md5_)),
      sha256_(std::move(other.sha256_)),
      unpacker_(std::move(other.unpacker_)),
      open_ended_(other.open_ended_),
      raw_(std::move(other.raw_)),
      buffer_(std::move(other.buffer_)),
      position_(other.position_),
      end_(other.end_),
      terminated_(other.terminated_),
      bytes_(other.bytes_),
      records_(other.records_) {}

FileReader::~FileReader() {
  if (fd_ >= 0) {
    static_cast<void>(::close(fd_));
  }
}

Result<FileReader> FileReader::Open(const std::filesystem::path& path, Hash hash,
                                    const Packing& packing, bool open_ended) {
  // Not blocking, so that a FIFO in a file's place does not hang the reader.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) {
    return std::unexpected(FileError(errno, "cannot open", path));
  }
  FileReader reader(path, fd, hash);
  reader.open_ended_ = open_ended;
  if (!packing.plain()) {
    reader.unpacker_.emplace(packing, BoundName(path));
  }
  struct stat status{};
  if (::fstat(fd, &status) != 0) {
    return std::unexpected(FileError(errno, "cannot look at", path));
  }
  if (!S_ISREG(status.st_mode)) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("{} is not a regular file", path.string()));
  }
  return reader;
}

Status FileReader::ReadRaw() {
  ssize_t got = -1;
  int reason = 0;
  raw_.resize_and_overwrite(kChunkBytes, [&](char* bytes, std::size_t /*may be more*/) {
    do {
      got = ::read(fd_, bytes, kChunkBytes);
    } while (got < 0 && errno == EINTR);
    reason = errno;
    return static_cast<std::size_t>(got > 0 ? got : 0);
  });
  if (got < 0) {
    return std::unexpected(FileError(reason, "cannot read", path_));
  }
  bytes_ += raw_.size();
  if (hash_) {
    md5_.Update(raw_);
    sha256_.Update(raw_);
  }
  return {};
}

Status FileReader::Unpack() {
  while (true) {
    REHOME_TRY_ASSIGN(const bool produced, unpacker_->Produce(buffer_));
    if (produced) {
      return {};
    }
    REHOME_TRY(ReadRaw());
    if (raw_.empty()) {
      end_ = true;
      return open_ended_ ? Status{} : unpacker_->End();
    }
    unpacker_->Feed(raw_);
  }
}

Status FileReader::Fill(std::size_t bytes) {
  while (!end_ && buffer_.size() - position_ < bytes) {
    if (position_ > 0) {
      buffer_.erase(0, position_);
      position_ = 0;
    }
    if (unpacker_) {
      REHOME_TRY(Unpack());
      continue;
    }
    REHOME_TRY(ReadRaw());
    end_ = raw_.empty();
    buffer_ += raw_;
  }
  return {};
}

Result<std::optional<std::string_view>> FileReader::Line() {
  std::size_t searched = 0;
  while (true) {
    const std::size_t newline = rest().find('\n', searched);
    if (newline != std::string_view::npos) {
      const std::string_view line = rest().substr(0, newline);
      position_ += newline + 1;
      ++records_;
      return line;
    }
    searched = rest().size();
    if (searched > kRecordBytesMax) {
      return Fail(ErrorCode::kDataLoss,
                  fmt::format("{}:{}: the line is longer than a document can be", path_.string(),
                              records_ + 1));
    }
    REHOME_TRY(Fill(searched + 1));
    if (rest().size() == searched) {
      break;
    }
  }
  if (searched == 0) {
    return std::nullopt;
  }
  const std::string_view line = rest();
  position_ = buffer_.size();
  terminated_ = false;
  ++records_;
  return line;
}

Result<std::optional<std::string_view>> FileReader::Bson() {
  REHOME_TRY(Fill(sizeof(std::int32_t)));
  if (rest().empty()) {
    return std::nullopt;
  }
  ++records_;
  std::int32_t length = 0;
  if (rest().size() >= sizeof(length)) {
    std::memcpy(&length, rest().data(), sizeof(length));
  }
  const auto bytes = static_cast<std::size_t>(length < 0 ? 0 : length);
  if (bytes < kBsonBytesMin || bytes > kRecordBytesMax) {
    return Fail(ErrorCode::kDataLoss, "not the length of a document");
  }
  REHOME_TRY(Fill(bytes));
  if (rest().size() < bytes) {
    return Fail(ErrorCode::kDataLoss, "the document is cut off");
  }
  const std::string_view document = rest().substr(0, bytes);
  position_ += bytes;
  return document;
}

Result<std::optional<char>> FileReader::PeekByte() {
  REHOME_TRY(Fill(1));
  return rest().empty() ? std::nullopt : std::optional(rest().front());
}

Status FileReader::EachPiece(const std::function<void(std::string_view)>& each) {
  while (true) {
    REHOME_TRY(ReadRaw());
    if (raw_.empty()) {
      return {};
    }
    each(raw_);
  }
}

Result<FileSum> FileReader::Finish() {
  do {
    REHOME_TRY(ReadRaw());
  } while (!raw_.empty());
  FileSum sum{.bytes = bytes_, .md5 = {}, .sha256 = {}};
  if (hash_) {
    sum.md5 = HexDigest(md5_);
    sum.sha256 = HexDigest(sha256_);
  }
  return sum;
}

Result<std::string> ReadRegularFile(const std::filesystem::path& path, std::size_t bytes_max) {
  REHOME_TRY_ASSIGN(FileReader reader, FileReader::Open(path, FileReader::Hash::kNo));
  std::string text;
  while (true) {
    REHOME_TRY_ASSIGN(const std::optional<std::string_view> line, reader.Line());
    if (!line) {
      return text;
    }
    text += *line;
    if (reader.terminated()) {
      text += '\n';
    }
    if (text.size() > bytes_max) {
      return Fail(ErrorCode::kDataLoss, fmt::format("{} is larger than it can be", path.string()));
    }
  }
}

}  // namespace rehome
