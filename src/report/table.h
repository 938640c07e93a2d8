#pragma once
// table.h — rows of text in aligned columns.
#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

namespace rehome {

class TextTable {
 public:
  enum class Align : std::uint8_t { kLeft, kRight };
  struct Column {
    std::string title;
    Align align = Align::kLeft;
  };
  explicit TextTable(std::vector<Column> columns) : columns_(std::move(columns)) {}

  /// One cell per column (CHECKed). Cells are escaped here: pass data as it is.
  void Add(const std::vector<std::string>& cells);
  [[nodiscard]] bool empty() const { return rows_.empty(); }
  /// The titles, then the rows; every line begins with `indent` spaces; no trailing blanks.
  [[nodiscard]] std::string Render(std::size_t indent = 2) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

/// 1234567 → "1,234,567".
[[nodiscard]] std::string FormatCount(std::uint64_t count);
/// 1536 → "1.5 KiB".
[[nodiscard]] std::string FormatBytes(std::uint64_t bytes);

}  // namespace rehome
