#include "report/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "base/error.h"
#include "report/escape.h"

namespace rehome {
namespace {

constexpr std::size_t kCellMax = 120;

std::string Pad(const std::string& cell, std::size_t width, TextTable::Align align) {
  const std::string blanks(width - std::min(width, DisplayWidth(cell)), ' ');
  return align == TextTable::Align::kRight ? blanks + cell : cell + blanks;
}

}  // namespace

void TextTable::Add(const std::vector<std::string>& cells) {
  CHECK(cells.size() == columns_.size());
  std::vector<std::string>& row = rows_.emplace_back();
  std::ranges::transform(cells, std::back_inserter(row), Escape);
}

std::string TextTable::Render(std::size_t indent) const {
  std::vector<std::string> titles;
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    titles.push_back(columns_[i].title);
    std::size_t width = DisplayWidth(columns_[i].title);
    for (const auto& row : rows_) {
      // One long cell moves what follows it, not every other row.
      if (const std::size_t cell = DisplayWidth(row[i]); cell <= kCellMax) {
        width = std::max(width, cell);
      }
    }
    widths.push_back(width);
  }
  std::string out;
  const auto render_row = [&](const std::vector<std::string>& row) {
    std::string line(indent, ' ');
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += (i == 0 ? "" : "  ") + Pad(row[i], widths[i], columns_[i].align);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  };
  render_row(titles);
  std::ranges::for_each(rows_, render_row);
  return out;
}

std::string FormatCount(std::uint64_t count) {
  std::string digits = std::to_string(count);
  for (std::size_t i = digits.size(); i > 3; i -= 3) {
    digits.insert(i - 3, 1, ',');
  }
  return digits;
}

std::string FormatBytes(std::uint64_t bytes) {
  static constexpr std::array<std::string_view, 5> kUnits{"B", "KiB", "MiB", "GiB", "TiB"};
  if (bytes < 1024) {
    return fmt::format("{} B", bytes);
  }
  auto amount = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (amount >= 1024 && unit + 1 < kUnits.size()) {
    amount /= 1024;
    ++unit;
  }
  return fmt::format("{:.1f} {}", amount, kUnits[unit]);
}

}  // namespace rehome
