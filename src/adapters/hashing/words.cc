#include "adapters/hashing/words.h"

#include <cstdint>

namespace rehome {
namespace {

constexpr char32_t kBroken = 0;

/// Takes one code point off the front; kBroken (and one byte) where it is not well-formed.
char32_t TakeCodePoint(std::string_view& text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(0);
  const std::size_t length = first < 0x80 ? 1 : first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  char32_t point = length == 1 ? first : first & (0xFFU >> (length + 1));
  bool broken = (first >= 0x80 && first < 0xC2) || first > 0xF4 || text.size() < length;
  for (std::size_t i = 1; i < length && !broken; ++i) {
    broken = (byte(i) & 0xC0U) != 0x80U;
    point = (point << 6U) | (byte(i) & 0x3FU);
  }
  text.remove_prefix(broken ? 1 : length);
  return broken ? kBroken : point;
}

bool Within(char32_t point, char32_t first, char32_t last) {
  return point >= first && point <= last;
}

bool IsWordPoint(char32_t point) {
  if (point < 0x80) {
    return Within(point, 'a', 'z') || Within(point, 'A', 'Z') || Within(point, '0', '9') ||
           point == '+' || point == '#';
  }
  return point >= 0xC0 && point != 0xD7 && point != 0xF7 && !Within(point, 0x2000, 0x206F) &&
         !Within(point, 0x3000, 0x303F) && point != 0xFEFF;
}

char32_t LowerCase(char32_t point) {
  const bool by_32 = Within(point, 'A', 'Z') || (Within(point, 0xC0, 0xDE) && point != 0xD7) ||
                     (Within(point, 0x391, 0x3A9) && point != 0x3A2) || Within(point, 0x410, 0x42F);
  if (by_32) {
    return point + 32;
  }
  return Within(point, 0x400, 0x40F) ? point + 80 : point;
}

}  // namespace

std::vector<std::u32string> WordsOf(std::string_view text) {
  std::vector<std::u32string> words;
  std::u32string word;
  const auto finish = [&] {
    if (!word.empty()) {
      words.push_back(std::move(word));
      word.clear();
    }
  };
  while (!text.empty()) {
    const char32_t point = TakeCodePoint(text);
    if (IsWordPoint(point)) {
      word.push_back(LowerCase(point));
    } else {
      finish();
    }
  }
  finish();
  return words;
}

}  // namespace rehome
