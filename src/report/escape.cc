#include "report/escape.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

namespace rehome {
namespace {

struct CodePoint {
  std::uint32_t value = 0;
  std::size_t bytes = 0;  // 0: the first byte starts no well-formed UTF-8
};

struct LeadByte {
  std::uint32_t payload = 0;
  std::size_t continuation = 0;
  std::uint32_t smallest = 0;  // below it the encoding is overlong
};

LeadByte ReadLead(unsigned char byte) {
  if (byte < 0x80U) {
    return {byte, 0, 0};
  }
  if ((byte & 0xE0U) == 0xC0U) {
    return {byte & 0x1FU, 1, 0x80};
  }
  if ((byte & 0xF0U) == 0xE0U) {
    return {byte & 0x0FU, 2, 0x800};
  }
  if ((byte & 0xF8U) == 0xF0U) {
    return {byte & 0x07U, 3, 0x10000};
  }
  return {0, 0, UINT32_MAX};
}

CodePoint ReadCodePoint(std::string_view text) {
  const LeadByte lead = ReadLead(static_cast<unsigned char>(text.front()));
  if (lead.smallest == UINT32_MAX || text.size() <= lead.continuation) {
    return {};
  }
  std::uint32_t value = lead.payload;
  for (const char c : text.substr(1, lead.continuation)) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xC0U) != 0x80U) {
      return {};
    }
    value = (value << 6U) | (byte & 0x3FU);
  }
  const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
  if (value < lead.smallest || value > 0x10FFFF || surrogate) {
    return {};
  }
  return {value, lead.continuation + 1};
}

struct Range {
  std::uint32_t first;
  std::uint32_t last;
};

bool IsIn(std::span<const Range> ranges, std::uint32_t value) {
  return std::ranges::any_of(
      ranges, [&](const Range& range) { return value >= range.first && value <= range.last; });
}

// General category Cc, and of Cf, Zl, Zp and the fillers those that reorder, break or hide text.
constexpr std::array kHarmful{
    Range{0x0000, 0x001F}, Range{0x007F, 0x009F},   Range{0x00AD, 0x00AD},   Range{0x061C, 0x061C},
    Range{0x115F, 0x1160}, Range{0x180E, 0x180E},   Range{0x200B, 0x200F},   Range{0x2028, 0x202E},
    Range{0x2060, 0x206F}, Range{0x3164, 0x3164},   Range{0xFEFF, 0xFEFF},   Range{0xFFA0, 0xFFA0},
    Range{0xFFF9, 0xFFFB}, Range{0x1D173, 0x1D17A}, Range{0xE0000, 0xE007F},
};
constexpr std::array kWide{
    Range{0x1100, 0x115F},   Range{0x2E80, 0x303E},   Range{0x3041, 0x33FF},
    Range{0x3400, 0x4DBF},   Range{0x4E00, 0x9FFF},   Range{0xA000, 0xA4CF},
    Range{0xAC00, 0xD7A3},   Range{0xF900, 0xFAFF},   Range{0xFE30, 0xFE6F},
    Range{0xFF00, 0xFF60},   Range{0xFFE0, 0xFFE6},   Range{0x1F300, 0x1F64F},
    Range{0x1F680, 0x1F6FF}, Range{0x1F900, 0x1FAFF}, Range{0x20000, 0x3FFFD},
};
constexpr std::array kCombining{
    Range{0x0300, 0x036F}, Range{0x0483, 0x0489},   Range{0x0591, 0x05BD}, Range{0x064B, 0x065F},
    Range{0x1AB0, 0x1AFF}, Range{0x1DC0, 0x1DFF},   Range{0x20D0, 0x20FF}, Range{0xFE00, 0xFE0F},
    Range{0xFE20, 0xFE2F}, Range{0xE0100, 0xE01EF},
};

std::string WriteOut(std::uint32_t value) {
  switch (value) {
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    default:
      return value < 0x80 ? fmt::format("\\x{:02x}", value) : fmt::format("\\u{{{:x}}}", value);
  }
}

std::size_t WidthOf(std::uint32_t value) {
  if (IsIn(kCombining, value)) {
    return 0;
  }
  return IsIn(kWide, value) ? 2 : 1;
}

/// Calls `visit(bytes, columns)` for each character until it returns false.
template <class Visit>
void ForEachCharacter(std::string_view text, Visit visit) {
  while (!text.empty()) {
    const CodePoint point = ReadCodePoint(text);
    const std::size_t bytes = std::max<std::size_t>(point.bytes, 1);
    if (!visit(text.substr(0, bytes), point.bytes == 0 ? 1 : WidthOf(point.value))) {
      return;
    }
    text.remove_prefix(bytes);
  }
}

}  // namespace

std::string Escape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const CodePoint point = ReadCodePoint(text);
    if (point.bytes == 0) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text.front()));
      text.remove_prefix(1);
      continue;
    }
    if (IsIn(kHarmful, point.value)) {
      out += WriteOut(point.value);
    } else {
      out += text.substr(0, point.bytes);
    }
    text.remove_prefix(point.bytes);
  }
  return out;
}

std::string EscapeLines(std::string_view text) {
  constexpr std::string_view kBreak = "\n  ";
  std::string out;
  while (true) {
    const std::size_t end = text.find(kBreak);
    out += Escape(text.substr(0, end));
    if (end == std::string_view::npos) {
      return out;
    }
    out += kBreak;
    text.remove_prefix(end + kBreak.size());
  }
}

std::size_t DisplayWidth(std::string_view text) {
  std::size_t width = 0;
  ForEachCharacter(text, [&](std::string_view, std::size_t columns) {
    width += columns;
    return true;
  });
  return width;
}

std::string CutToWidth(std::string_view text, std::size_t columns) {
  if (DisplayWidth(text) <= columns) {
    return std::string(text);
  }
  std::string out;
  std::size_t width = 0;
  ForEachCharacter(text, [&](std::string_view bytes, std::size_t character_columns) {
    if (width + character_columns + 1 > columns) {
      return false;
    }
    out += bytes;
    width += character_columns;
    return true;
  });
  return columns == 0 ? out : out + "…";
}

}  // namespace rehome
