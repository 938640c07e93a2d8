#include "base/digest.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <charconv>

#include "base/c_handle.h"

namespace rehome {
namespace {

using EvpContext = CHandle<EVP_MD_CTX, EVP_MD_CTX_free>;

}  // namespace

struct Hasher::Context {
  EvpContext evp{EVP_MD_CTX_new()};
};

Hasher::Hasher(Kind kind) : context_(std::make_unique<Context>()) {
  const EVP_MD* digest = kind == Kind::kMd5 ? EVP_md5() : EVP_sha256();
  CHECK(EVP_DigestInit_ex(context_->evp.get(), digest, nullptr) == 1);
}
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;
Hasher::~Hasher() = default;

void Hasher::Update(std::string_view bytes) {
  CHECK(EVP_DigestUpdate(context_->evp.get(), bytes.data(), bytes.size()) == 1);
}

std::string Hasher::Finish() {
  std::string out(EVP_MAX_MD_SIZE, '\0');
  unsigned size = 0;
  CHECK(EVP_DigestFinal_ex(context_->evp.get(), reinterpret_cast<unsigned char*>(out.data()),
                           &size) == 1);
  // Without a kind the context keeps its own; naming it again would look it up again.
  CHECK(EVP_DigestInit_ex(context_->evp.get(), nullptr, nullptr) == 1);
  out.resize(size);
  return out;
}

std::string Hex(std::string_view bytes) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    const auto byte = static_cast<std::uint8_t>(c);
    out.push_back(kDigits[byte >> 4U]);
    out.push_back(kDigits[byte & 15U]);
  }
  return out;
}

std::string Hex(std::span<const std::uint8_t> bytes) {
  return Hex(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

std::string Md5Digest::Hex() const {
  return rehome::Hex(std::span<const std::uint8_t>(bytes));
}

Md5Digest Md5(std::string_view bytes) {
  // One context per thread: creating one costs as much as hashing a small document.
  thread_local Hasher hasher(Hasher::Kind::kMd5);
  hasher.Update(bytes);
  const std::string raw = hasher.Finish();
  Md5Digest out;
  std::copy(raw.begin(), raw.end(), out.bytes.begin());
  return out;
}

std::string Sha256Hex(std::string_view bytes) {
  thread_local Hasher hasher(Hasher::Kind::kSha256);
  hasher.Update(bytes);
  return Hex(hasher.Finish());
}

namespace {

__extension__ using Uint128 = unsigned __int128;

Uint128 AsNumber(const Md5Digest& digest) {
  Uint128 out = 0;
  for (const std::uint8_t byte : digest.bytes) {
    out = (out << 8U) | byte;
  }
  return out;
}

}  // namespace

void SetDigest::Add(const Md5Digest& digest) {
  ++count_;
  sum_ += AsNumber(digest);
}

void SetDigest::Add(const SetDigest& other) {
  count_ += other.count_;
  sum_ += other.sum_;
}

void SetDigest::Remove(const Md5Digest& digest) {
  CHECK(count_ > 0);
  --count_;
  sum_ -= AsNumber(digest);
}

std::string SetDigest::ToString() const {
  return fmt::format("{}:{:016x}{:016x}", count_, static_cast<std::uint64_t>(sum_ >> 64U),
                     static_cast<std::uint64_t>(sum_));
}

Result<SetDigest> SetDigest::Parse(std::string_view text) {
  const auto colon = text.find(':');
  SetDigest out;
  if (colon != std::string_view::npos && text.size() == colon + 33) {
    std::uint64_t high = 0;
    std::uint64_t low = 0;
    const char* hex = text.data() + colon + 1;
    const auto count = std::from_chars(text.data(), text.data() + colon, out.count_);
    const auto first = std::from_chars(hex, hex + 16, high, 16);
    const auto second = std::from_chars(hex + 16, hex + 32, low, 16);
    if (count.ec == std::errc{} && count.ptr == text.data() + colon && first.ec == std::errc{} &&
        first.ptr == hex + 16 && second.ec == std::errc{} && second.ptr == hex + 32) {
      out.sum_ = (static_cast<Uint128>(high) << 64U) | low;
      return out;
    }
  }
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("\"{}\" is not a digest (COUNT:32 hex digits)", text));
}

}  // namespace rehome
