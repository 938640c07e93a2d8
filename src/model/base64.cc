#include "model/base64.h"

#include <array>
#include <cstdint>

namespace rehome {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint32_t kNotInAlphabet = 64;

constexpr std::array<std::uint8_t, 256> kSixBits = [] {
  std::array<std::uint8_t, 256> out{};
  out.fill(kNotInAlphabet);
  for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
    out[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return out;
}();

}  // namespace

void AppendBase64(std::string& out, std::string_view bytes) {
  for (; !bytes.empty(); bytes.remove_prefix(bytes.size() < 3 ? bytes.size() : 3)) {
    const auto byte = [&](std::size_t i) {
      return i < bytes.size() ? static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i]))
                              : 0U;
    };
    const std::uint32_t group = byte(0) << 16U | byte(1) << 8U | byte(2);
    out.push_back(kAlphabet[group >> 18U]);
    out.push_back(kAlphabet[(group >> 12U) & 63U]);
    out.push_back(bytes.size() > 1 ? kAlphabet[(group >> 6U) & 63U] : '=');
    out.push_back(bytes.size() > 2 ? kAlphabet[group & 63U] : '=');
  }
}

bool DecodeBase64(std::string_view text, std::string& out) {
  if (text.size() % 4 != 0) {
    return false;
  }
  for (; !text.empty(); text.remove_prefix(4)) {
    const bool last = text.size() == 4;
    const std::size_t padding = last && text[3] == '=' ? (text[2] == '=' ? 2 : 1) : 0;
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      const std::uint32_t bits =
          i < 4 - padding ? kSixBits[static_cast<unsigned char>(text[i])] : 0;
      if (bits == kNotInAlphabet) {
        return false;
      }
      group = group << 6U | bits;
    }
    for (std::size_t i = 0; i < 3 - padding; ++i) {
      out.push_back(static_cast<char>((group >> (16 - 8 * i)) & 0xFFU));
    }
  }
  return true;
}

}  // namespace rehome
