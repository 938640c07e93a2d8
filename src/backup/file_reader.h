#pragma once
// file_reader.h — reads a backup's files record by record in flat memory, hashing what it reads on
// the way.
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "backup/codec.h"
#include "base/digest.h"
#include "base/error.h"

namespace rehome {

/// What a file's bytes come to.
struct FileSum {
  std::uint64_t bytes = 0;
  std::string md5;
  std::string sha256;
};

/// One pass over a file. Opens no link and nothing but a regular file.
class FileReader {
 public:
  enum class Hash : bool { kNo, kYes };
  /// `open_ended`: the first part of a packed file, up to a turn.
  [[nodiscard]] static Result<FileReader> Open(const std::filesystem::path& path, Hash hash,
                                               const Packing& packing = {},
                                               bool open_ended = false);
  FileReader(FileReader&& other) noexcept;
  FileReader& operator=(FileReader&&) = delete;
  FileReader(const FileReader&) = delete;
  FileReader& operator=(const FileReader&) = delete;
  ~FileReader();

  /// The next line without its newline, valid until the next call; nothing at the end. kDataLoss if
  /// it is longer than any document can make it.
  [[nodiscard]] Result<std::optional<std::string_view>> Line();
  /// The bytes of the next BSON document, not validated; nothing at the end. kDataLoss if it is cut
  /// off.
  [[nodiscard]] Result<std::optional<std::string_view>> Bson();
  /// Records returned so far: the number, from 1, of the one in hand.
  [[nodiscard]] std::uint64_t records() const { return records_; }
  /// False if the last line had no newline.
  [[nodiscard]] bool terminated() const { return terminated_; }
  /// The next byte that is not yet read, without taking it; nothing at the end.
  [[nodiscard]] Result<std::optional<char>> PeekByte();
  /// Hands out the file as it lies on the disk, piece by piece; nothing else may have been read.
  [[nodiscard]] Status EachPiece(const std::function<void(std::string_view)>& each);
  /// Reads what is left, broken or not, and tells what the whole file came to as it lies on the
  /// disk (digests only if hashing).
  [[nodiscard]] Result<FileSum> Finish();

 private:
  FileReader(std::filesystem::path path, int fd, Hash hash);
  /// Makes at least `bytes` available behind position_, or all that there is.
  [[nodiscard]] Status Fill(std::size_t bytes);
  /// The next piece of the file as it lies there, into raw_; empty at its end.
  [[nodiscard]] Status ReadRaw();
  /// One piece more at the end of buffer_, or end_.
  [[nodiscard]] Status Unpack();
  [[nodiscard]] std::string_view rest() const {
    return std::string_view(buffer_).substr(position_);
  }

  std::filesystem::path path_;
  int fd_ = -1;
  bool hash_ = false;
  Hasher md5_{Hasher::Kind::kMd5};
  Hasher sha256_{Hasher::Kind::kSha256};
  std::optional<Unpacker> unpacker_;  // absent: the file is not packed
  bool open_ended_ = false;
  std::string raw_;
  std::string buffer_;
  std::size_t position_ = 0;
  bool end_ = false;
  bool terminated_ = true;
  std::uint64_t bytes_ = 0;
  std::uint64_t records_ = 0;
};

/// A whole regular file of at most `bytes_max`; links and larger ones are kDataLoss.
[[nodiscard]] Result<std::string> ReadRegularFile(const std::filesystem::path& path,
                                                  std::size_t bytes_max);

}  // namespace rehome
