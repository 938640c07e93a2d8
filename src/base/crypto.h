#pragma once
// crypto.h — signatures (Ed25519) and encrypted streams (XChaCha20-Poly1305, libsodium's
// secretstream). Keys are 32 random bytes, written as 64 hexadecimal digits.
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/secret.h"

namespace rehome {

class SigningKey {
 public:
  [[nodiscard]] static SigningKey Generate();
  /// What SeedHex() gave. kInvalidArgument: anything else, and nothing of it in the message.
  [[nodiscard]] static Result<SigningKey> Parse(const Secret& seed_hex);
  [[nodiscard]] Secret SeedHex() const;
  /// 64 hexadecimal digits; to be given away.
  [[nodiscard]] std::string PublicHex() const;
  /// 128 hexadecimal digits.
  [[nodiscard]] std::string Sign(std::string_view message) const;

 private:
  SigningKey() = default;
  std::array<std::uint8_t, 32> seed_{};
  std::array<std::uint8_t, 32> public_{};
  std::array<std::uint8_t, 64> secret_{};
};
[[nodiscard]] bool IsSignedBy(std::string_view public_hex, std::string_view message,
                              std::string_view signature_hex);

/// The key of an encrypted stream.
class StreamKey {
 public:
  /// kInvalidArgument: not 64 hexadecimal digits; nothing of it in the message.
  [[nodiscard]] static Result<StreamKey> Parse(const Secret& hex);
  /// 32 hexadecimal digits that tell this key from every other one and nothing about it.
  [[nodiscard]] std::string Mark() const;

 private:
  friend class Sealer;
  friend class Opener;
  std::array<std::uint8_t, 32> bytes_{};
};

/// What a sealed message says of its place.
enum class SealTag : std::uint8_t {
  kMore,  // another message of the same sequence follows
  kTurn,  // a new sequence follows, with a header of its own
  kEnd,   // nothing follows
};
inline constexpr std::size_t kSealHeaderBytes = 24;
inline constexpr std::size_t kSealExtraBytes = 17;  // a message grows by so much

/// Encrypts a sequence of messages; none can be changed, left out, repeated or moved unseen.
class Sealer {
 public:
  explicit Sealer(const StreamKey& key);
  Sealer(Sealer&&) noexcept;
  Sealer& operator=(Sealer&&) noexcept;
  ~Sealer();
  /// kSealHeaderBytes, random; Opener needs it first.
  [[nodiscard]] std::string_view header() const { return header_; }
  /// `bound` is not stored, but must be given to Open() again.
  [[nodiscard]] std::string Seal(std::string_view message, std::string_view bound, SealTag tag);

 private:
  struct State;
  std::unique_ptr<State> state_;
  std::string header_;
};

class Opener {
 public:
  /// kDataLoss: no header.
  [[nodiscard]] static Result<Opener> Begin(const StreamKey& key, std::string_view header);
  Opener(Opener&&) noexcept;
  Opener& operator=(Opener&&) noexcept;
  ~Opener();
  struct Opened {
    std::string message;
    SealTag tag = SealTag::kMore;
  };
  /// kDataLoss: changed, moved, bound to something else, or sealed with another key.
  [[nodiscard]] Result<Opened> Open(std::string_view sealed, std::string_view bound);

 private:
  struct State;
  Opener();
  std::unique_ptr<State> state_;
};

}  // namespace rehome
