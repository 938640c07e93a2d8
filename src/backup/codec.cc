#include "backup/codec.h"

#include <fmt/format.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "backup/names.h"
#include "base/c_handle.h"

namespace rehome {
namespace {

constexpr std::size_t kMessageBytes = std::size_t{64} << 10U;
constexpr std::size_t kProducedBytes = std::size_t{256} << 10U;
constexpr std::size_t kLengthBytes = 4;
constexpr std::string_view kZstdSuffix = ".zst";
constexpr std::string_view kKeySuffix = ".enc";

using Compressor = CHandle<ZSTD_CCtx, ZSTD_freeCCtx>;
using Decompressor = CHandle<ZSTD_DCtx, ZSTD_freeDCtx>;

std::string BoundTo(std::string_view name, std::uint64_t sequence) {
  return fmt::format("{}#{}", name, sequence);
}

std::string LengthOf(std::size_t bytes) {
  std::string out;
  for (unsigned shift = 0; shift < 32; shift += 8) {
    out += static_cast<char>((bytes >> shift) & 0xFFU);
  }
  return out;
}

std::size_t ReadLength(std::string_view bytes) {
  std::size_t out = 0;
  for (unsigned i = 0; i < kLengthBytes; ++i) {
    out |= std::size_t{static_cast<unsigned char>(bytes[i])} << (8U * i);
  }
  return out;
}

std::string_view WithoutSuffix(std::string_view name, std::string_view suffix) {
  return name.ends_with(suffix) ? name.substr(0, name.size() - suffix.size()) : name;
}

}  // namespace

std::string Packing::Suffix() const {
  return fmt::format("{}{}", zstd ? kZstdSuffix : "", key ? kKeySuffix : "");
}

Result<Packing> MakePacking(bool zstd, const Secret& key) {
  Packing out{.zstd = zstd, .key = {}};
  if (!key.empty()) {
    REHOME_TRY_ASSIGN(out.key, StreamKey::Parse(key));
  }
  return out;
}

Result<std::string> BytesOfHex(std::string_view hex) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    const std::size_t high = kDigits.find(hex[i]);
    const std::size_t low = i + 1 < hex.size() ? kDigits.find(hex[i + 1]) : std::string_view::npos;
    if (high == std::string_view::npos || low == std::string_view::npos) {
      return Fail(ErrorCode::kDataLoss, "not hexadecimal");
    }
    out += static_cast<char>((high << 4U) | low);
  }
  return out;
}

std::string BoundName(const std::filesystem::path& path) {
  const std::string name = path.parent_path().filename() / path.filename();
  return std::string(WithoutSuffix(name, kPartSuffix));
}

bool HoldsBson(const std::filesystem::path& path) {
  const std::string name = path.filename();
  std::string_view rest = WithoutSuffix(name, kPartSuffix);
  rest = WithoutSuffix(WithoutSuffix(rest, kKeySuffix), kZstdSuffix);
  return rest.ends_with(".bson");
}

// --- packing

struct Packer::State {
  Packing packing;
  std::string name;
  std::uint64_t turns = 0;
  Compressor zstd;
  std::optional<Sealer> sealer;
  std::string message;  // waits to be sealed

  /// The compressed bytes go on to Pass().
  Status Compress(std::string_view plain, ZSTD_EndDirective directive, std::string& out) {
    std::array<char, kMessageBytes> piece;  // NOLINT(cppcoreguidelines-pro-type-member-init)
    ZSTD_inBuffer in{plain.data(), plain.size(), 0};
    while (true) {
      ZSTD_outBuffer to{piece.data(), piece.size(), 0};
      const std::size_t left = ZSTD_compressStream2(zstd.get(), &to, &in, directive);
      if (ZSTD_isError(left) != 0U) {
        return Fail(ErrorCode::kInternal,
                    fmt::format("{}: zstd: {}", name, ZSTD_getErrorName(left)));
      }
      Pass({piece.data(), to.pos}, out);
      const bool done = directive == ZSTD_e_end ? left == 0 : in.pos == in.size;
      if (done) {
        return {};
      }
    }
  }

  void Pass(std::string_view bytes, std::string& out) {
    if (!packing.key) {
      out += bytes;
      return;
    }
    message += bytes;
    std::size_t sealed = 0;
    for (; message.size() - sealed > kMessageBytes; sealed += kMessageBytes) {
      Seal(std::string_view(message).substr(sealed, kMessageBytes), SealTag::kMore, out);
    }
    message.erase(0, sealed);
  }

  void Seal(std::string_view plain, SealTag tag, std::string& out) {
    if (!sealer) {
      sealer.emplace(*packing.key);
      out += sealer->header();
    }
    const std::string sealed = sealer->Seal(plain, BoundTo(name, turns), tag);
    out += LengthOf(sealed.size());
    out += sealed;
  }

  Status Close(SealTag tag, std::string& out) {
    if (packing.zstd) {
      REHOME_TRY(Compress({}, ZSTD_e_end, out));
    }
    if (packing.key) {
      Seal(std::exchange(message, {}), tag, out);
      sealer.reset();
    }
    return {};
  }
};

Packer::Packer(const Packing& packing, std::string name, std::uint64_t turns)
    : state_(std::make_unique<State>()) {
  state_->packing = packing;
  state_->name = std::move(name);
  state_->turns = turns;
  if (packing.zstd) {
    state_->zstd.reset(ZSTD_createCCtx());
    CHECK(state_->zstd != nullptr);
    // A checksum in each frame: a changed byte is found before the records are read.
    CHECK(ZSTD_isError(ZSTD_CCtx_setParameter(state_->zstd.get(), ZSTD_c_checksumFlag, 1)) == 0U);
  }
}
Packer::Packer(Packer&&) noexcept = default;
Packer& Packer::operator=(Packer&&) noexcept = default;
Packer::~Packer() = default;

Status Packer::Append(std::string_view plain, std::string& out) {
  if (state_->packing.zstd) {
    return state_->Compress(plain, ZSTD_e_continue, out);
  }
  state_->Pass(plain, out);
  return {};
}

Status Packer::Turn(std::string& out) {
  REHOME_TRY(state_->Close(SealTag::kTurn, out));
  ++state_->turns;
  return {};
}

Status Packer::Finish(std::string& out) {
  return state_->Close(SealTag::kEnd, out);
}

std::uint64_t Packer::turns() const {
  return state_->turns;
}

// --- unpacking

struct Unpacker::State {
  Packing packing;
  std::string name;
  std::string packed;    // not decrypted yet
  std::size_t at = 0;    // in packed
  std::string opened;    // decrypted, not decompressed yet
  std::size_t used = 0;  // of opened
  std::optional<Opener> opener;
  std::uint64_t turns = 0;
  bool ended = false;     // encrypted: the last message was seen
  bool in_frame = false;  // zstd: a frame is not whole yet
  bool withheld = false;  // zstd: the last piece was full, more may wait
  Decompressor zstd;

  [[nodiscard]] std::string_view rest() const { return std::string_view(packed).substr(at); }

  /// Decrypts one message behind `opened`; false: not all of it is there.
  Result<bool> OpenOne() {
    if (!opener) {
      if (ended && !rest().empty()) {
        return Fail(ErrorCode::kDataLoss, "the encrypted stream goes on behind its end");
      }
      if (rest().size() < kSealHeaderBytes) {
        return false;
      }
      REHOME_TRY_ASSIGN(Opener begun,
                        Opener::Begin(*packing.key, rest().substr(0, kSealHeaderBytes)));
      opener.emplace(std::move(begun));
      at += kSealHeaderBytes;
    }
    if (rest().size() < kLengthBytes) {
      return false;
    }
    const std::size_t length = ReadLength(rest());
    if (length < kSealExtraBytes || length > kMessageBytes + kSealExtraBytes) {
      return Fail(ErrorCode::kDataLoss, "not the length of an encrypted message");
    }
    if (rest().size() < kLengthBytes + length) {
      return false;
    }
    REHOME_TRY_ASSIGN(Opener::Opened message,
                      opener->Open(rest().substr(kLengthBytes, length), BoundTo(name, turns)));
    at += kLengthBytes + length;
    opened += message.message;
    if (message.tag != SealTag::kMore) {
      opener.reset();
      ++turns;
      ended = message.tag == SealTag::kEnd;
    }
    return true;
  }

  /// Moves what is not packed in the outer layer on to `opened`.
  Result<bool> FillOpened() {
    opened.erase(0, std::exchange(used, 0));
    if (packing.key) {
      REHOME_TRY_ASSIGN(const bool more, OpenOne());
      if (at > kProducedBytes) {
        packed.erase(0, std::exchange(at, 0));
      }
      return more;
    }
    opened += rest();
    const bool more = !rest().empty();
    packed.clear();
    at = 0;
    return more;
  }

  Result<bool> Decompress(std::string& plain) {
    while (used == opened.size() && !withheld) {
      REHOME_TRY_ASSIGN(const bool more, FillOpened());
      if (!more) {
        return false;
      }
    }
    const std::size_t before = plain.size();
    ZSTD_inBuffer in{opened.data(), opened.size(), used};
    ZSTD_outBuffer to{};
    std::size_t left = 0;
    plain.resize_and_overwrite(before + kProducedBytes,
                               [&](char* bytes, std::size_t /*may be more*/) {
                                 to = {bytes + before, kProducedBytes, 0};
                                 left = ZSTD_decompressStream(zstd.get(), &to, &in);
                                 return before + (ZSTD_isError(left) != 0U ? 0 : to.pos);
                               });
    if (ZSTD_isError(left) != 0U) {
      return Fail(ErrorCode::kDataLoss,
                  fmt::format("it cannot be decompressed: {}", ZSTD_getErrorName(left)));
    }
    used = in.pos;
    in_frame = left != 0;
    withheld = to.pos == to.size;
    return true;
  }
};

Unpacker::Unpacker(const Packing& packing, std::string name) : state_(std::make_unique<State>()) {
  state_->packing = packing;
  state_->name = std::move(name);
  if (packing.zstd) {
    state_->zstd.reset(ZSTD_createDCtx());
    CHECK(state_->zstd != nullptr);
  }
}
Unpacker::Unpacker(Unpacker&&) noexcept = default;
Unpacker& Unpacker::operator=(Unpacker&&) noexcept = default;
Unpacker::~Unpacker() = default;

void Unpacker::Feed(std::string_view packed) {
  state_->packed += packed;
}

Result<bool> Unpacker::Produce(std::string& plain) {
  if (state_->packing.zstd) {
    return state_->Decompress(plain);
  }
  REHOME_TRY_ASSIGN(const bool more, state_->FillOpened());
  plain += state_->opened;
  state_->used = state_->opened.size();
  return more;
}

Status Unpacker::End() const {
  const bool whole = (!state_->packing.key || state_->ended) && !state_->in_frame &&
                     state_->rest().empty() && state_->used == state_->opened.size();
  return whole ? Status{} : Fail(ErrorCode::kDataLoss, "the file is cut off");
}

}  // namespace rehome
