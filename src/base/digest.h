#pragma once
// digest.h — MD5 and SHA-256 (OpenSSL), and the sum of MD5s that stands for a set of documents.
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"

namespace rehome {

/// 16 bytes in the order MD5 prints them; compared and added as one big-endian number.
struct Md5Digest {
  std::array<std::uint8_t, 16> bytes{};
  auto operator<=>(const Md5Digest&) const = default;
  /// 32 lower-case hex digits.
  [[nodiscard]] std::string Hex() const;
};

[[nodiscard]] Md5Digest Md5(std::string_view bytes);
/// 64 lower-case hex digits.
[[nodiscard]] std::string Sha256Hex(std::string_view bytes);
[[nodiscard]] std::string Hex(std::span<const std::uint8_t> bytes);
[[nodiscard]] std::string Hex(std::string_view bytes);

/// Digest of bytes that arrive in pieces; one context, reused after Finish().
class Hasher {
 public:
  enum class Kind : std::uint8_t { kMd5, kSha256 };
  explicit Hasher(Kind kind);
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;
  ~Hasher();
  void Update(std::string_view bytes);
  /// The raw digest (16 or 32 bytes); the hasher starts anew.
  std::string Finish();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

/// What stands for a set of documents: how many, and the sum of their MD5s mod 2^128. Order-free,
/// so ranges can be added up in any order and a document can be taken out again.
class SetDigest {
 public:
  void Add(const Md5Digest& digest);
  void Add(const SetDigest& other);
  void Remove(const Md5Digest& digest);
  [[nodiscard]] std::uint64_t count() const { return count_; }
  /// "COUNT:32 lower-case hex", the form of a digest in every JSON output.
  [[nodiscard]] std::string ToString() const;
  [[nodiscard]] static Result<SetDigest> Parse(std::string_view text);
  bool operator==(const SetDigest&) const = default;

 private:
  __extension__ using Uint128 = unsigned __int128;
  std::uint64_t count_ = 0;
  Uint128 sum_ = 0;
};

}  // namespace rehome
