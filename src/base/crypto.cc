#include "base/crypto.h"

#include <sodium.h>

#include <algorithm>
#include <span>

#include "base/digest.h"

namespace rehome {
namespace {

static_assert(crypto_sign_SEEDBYTES == 32 && crypto_sign_PUBLICKEYBYTES == 32 &&
              crypto_sign_SECRETKEYBYTES == 64);
static_assert(crypto_secretstream_xchacha20poly1305_KEYBYTES == 32 &&
              crypto_secretstream_xchacha20poly1305_HEADERBYTES == kSealHeaderBytes &&
              crypto_secretstream_xchacha20poly1305_ABYTES == kSealExtraBytes);

constexpr std::size_t kMarkBytes = 16;

/// Once per process, before anything else of the library.
void Initialise() {
  static const int kReady = sodium_init();
  CHECK(kReady >= 0);
}

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

unsigned char* Bytes(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}

/// True if `hex` is exactly as many bytes as `out` holds, in lower case: one text for one key, so that
/// no byte of what is signed can be changed unseen.
bool FromHex(std::string_view hex, std::span<std::uint8_t> out) {
  std::size_t length = 0;
  const char* end = nullptr;
  const bool upper = std::ranges::any_of(hex, [](char c) { return c >= 'A' && c <= 'F'; });
  return !upper && hex.size() == out.size() * 2 &&
         sodium_hex2bin(out.data(), out.size(), hex.data(), hex.size(), nullptr, &length, &end) ==
             0 &&
         length == out.size();
}

std::unexpected<Error> NotAKey(std::string_view what) {
  return Fail(ErrorCode::kInvalidArgument,
              std::string(what) + " is not a key: 64 hexadecimal digits (32 bytes) are",
              "`openssl rand -hex 32` makes one");
}

unsigned char TagOf(SealTag tag) {
  switch (tag) {
    case SealTag::kMore:
      return crypto_secretstream_xchacha20poly1305_TAG_MESSAGE;
    case SealTag::kTurn:
      return crypto_secretstream_xchacha20poly1305_TAG_PUSH;
    case SealTag::kEnd:
      return crypto_secretstream_xchacha20poly1305_TAG_FINAL;
  }
  return crypto_secretstream_xchacha20poly1305_TAG_MESSAGE;
}

}  // namespace

SigningKey SigningKey::Generate() {
  Initialise();
  SigningKey key;
  randombytes_buf(key.seed_.data(), key.seed_.size());
  crypto_sign_seed_keypair(key.public_.data(), key.secret_.data(), key.seed_.data());
  return key;
}

Result<SigningKey> SigningKey::Parse(const Secret& seed_hex) {
  Initialise();
  SigningKey key;
  if (!FromHex(seed_hex.Reveal(), key.seed_)) {
    return NotAKey("the signing key");
  }
  crypto_sign_seed_keypair(key.public_.data(), key.secret_.data(), key.seed_.data());
  return key;
}

Secret SigningKey::SeedHex() const {
  return Secret(Hex(seed_));
}

std::string SigningKey::PublicHex() const {
  return Hex(public_);
}

std::string SigningKey::Sign(std::string_view message) const {
  std::array<std::uint8_t, crypto_sign_BYTES> signature{};
  crypto_sign_detached(signature.data(), nullptr, Bytes(message), message.size(), secret_.data());
  return Hex(signature);
}

bool IsSignedBy(std::string_view public_hex, std::string_view message,
                std::string_view signature_hex) {
  Initialise();
  std::array<std::uint8_t, crypto_sign_PUBLICKEYBYTES> key{};
  std::array<std::uint8_t, crypto_sign_BYTES> signature{};
  return FromHex(public_hex, key) && FromHex(signature_hex, signature) &&
         crypto_sign_verify_detached(signature.data(), Bytes(message), message.size(),
                                     key.data()) == 0;
}

Result<StreamKey> StreamKey::Parse(const Secret& hex) {
  Initialise();
  StreamKey key;
  if (!FromHex(hex.Reveal(), key.bytes_)) {
    return NotAKey("the encryption key");
  }
  return key;
}

std::string StreamKey::Mark() const {
  constexpr std::string_view kPurpose = "rehome: the mark of a stream key";
  std::array<std::uint8_t, kMarkBytes> mark{};
  crypto_generichash(mark.data(), mark.size(), Bytes(kPurpose), kPurpose.size(), bytes_.data(),
                     bytes_.size());
  return Hex(mark);
}

struct Sealer::State {
  crypto_secretstream_xchacha20poly1305_state stream{};
};

Sealer::Sealer(const StreamKey& key)
    : state_(std::make_unique<State>()), header_(kSealHeaderBytes, '\0') {
  crypto_secretstream_xchacha20poly1305_init_push(&state_->stream, Bytes(header_),
                                                  key.bytes_.data());
}
Sealer::Sealer(Sealer&&) noexcept = default;
Sealer& Sealer::operator=(Sealer&&) noexcept = default;
Sealer::~Sealer() = default;

std::string Sealer::Seal(std::string_view message, std::string_view bound, SealTag tag) {
  std::string out(message.size() + kSealExtraBytes, '\0');
  crypto_secretstream_xchacha20poly1305_push(&state_->stream, Bytes(out), nullptr, Bytes(message),
                                             message.size(), Bytes(bound), bound.size(),
                                             TagOf(tag));
  return out;
}

struct Opener::State {
  crypto_secretstream_xchacha20poly1305_state stream{};
};

Opener::Opener() : state_(std::make_unique<State>()) {}
Opener::Opener(Opener&&) noexcept = default;
Opener& Opener::operator=(Opener&&) noexcept = default;
Opener::~Opener() = default;

Result<Opener> Opener::Begin(const StreamKey& key, std::string_view header) {
  Opener out;
  if (header.size() != kSealHeaderBytes ||
      crypto_secretstream_xchacha20poly1305_init_pull(&out.state_->stream, Bytes(header),
                                                      key.bytes_.data()) != 0) {
    return Fail(ErrorCode::kDataLoss, "the header of the encrypted stream is broken");
  }
  return out;
}

Result<Opener::Opened> Opener::Open(std::string_view sealed, std::string_view bound) {
  Opened out;
  unsigned char tag = 0;
  if (sealed.size() < kSealExtraBytes) {
    return Fail(ErrorCode::kDataLoss, "the encrypted stream is cut off");
  }
  out.message.resize(sealed.size() - kSealExtraBytes);
  if (crypto_secretstream_xchacha20poly1305_pull(&state_->stream, Bytes(out.message), nullptr, &tag,
                                                 Bytes(sealed), sealed.size(), Bytes(bound),
                                                 bound.size()) != 0) {
    return Fail(ErrorCode::kDataLoss, "it cannot be decrypted: it was changed or moved");
  }
  for (const SealTag one : {SealTag::kMore, SealTag::kTurn, SealTag::kEnd}) {
    if (tag == TagOf(one)) {
      out.tag = one;
      return out;
    }
  }
  return Fail(ErrorCode::kDataLoss, "the encrypted stream holds a mark that nobody wrote");
}

}  // namespace rehome
