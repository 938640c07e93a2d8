#pragma once
// codec.h — how a backup's files are packed on their way to the disk: compressed (zstd), encrypted
// (crypto.h), both in this order, or neither. In a packed file everything up to a turn is whole: a
// backup that was interrupted goes on behind one.
//   encrypted  sequences of: header, then messages as length (4 bytes, little-endian) and sealed
//              bytes; each is bound to the file's name and the number of its sequence
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/crypto.h"
#include "base/error.h"

namespace rehome {

struct Packing {
  bool zstd = false;
  std::optional<StreamKey> key;  // absent: not encrypted
  [[nodiscard]] bool plain() const { return !zstd && !key; }
  /// What a file's name ends in: "", ".zst", ".enc", ".zst.enc".
  [[nodiscard]] std::string Suffix() const;
};
/// `key`: 64 hexadecimal digits, or empty for none. kInvalidArgument.
[[nodiscard]] Result<Packing> MakePacking(bool zstd, const Secret& key);

/// kDataLoss: not lower-case hexadecimal digits in pairs.
[[nodiscard]] Result<std::string> BytesOfHex(std::string_view hex);
/// The name that a packed file is bound to: its last two path components.
[[nodiscard]] std::string BoundName(const std::filesystem::path& path);
/// Whether records in this file are BSON; else they are lines.
[[nodiscard]] bool HoldsBson(const std::filesystem::path& path);

class Packer {
 public:
  /// `turns`: of the part of the file that stands already.
  Packer(const Packing& packing, std::string name, std::uint64_t turns = 0);
  Packer(Packer&&) noexcept;
  Packer& operator=(Packer&&) noexcept;
  ~Packer();
  /// Appends to `out` what `plain` becomes, now or with a later call.
  [[nodiscard]] Status Append(std::string_view plain, std::string& out);
  /// Everything appended so far is in `out` now, and the file may go on from here.
  [[nodiscard]] Status Turn(std::string& out);
  [[nodiscard]] Status Finish(std::string& out);
  [[nodiscard]] std::uint64_t turns() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

class Unpacker {
 public:
  Unpacker(const Packing& packing, std::string name);
  Unpacker(Unpacker&&) noexcept;
  Unpacker& operator=(Unpacker&&) noexcept;
  ~Unpacker();
  void Feed(std::string_view packed);
  /// Appends a piece of bounded size to `plain`; false: feed more. kDataLoss: broken.
  [[nodiscard]] Result<bool> Produce(std::string& plain);
  /// Nothing follows. kDataLoss: the file is cut off.
  [[nodiscard]] Status End() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace rehome
