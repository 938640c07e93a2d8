#pragma once
// json_file.h — the documents of a file as mongoexport writes it: one a line, or one JSON array
// over any number of lines. Only the frame is told apart here, by quotes and brackets; what stands
// in it is parsed elsewhere.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "backup/file_reader.h"

namespace rehome {

class JsonFile {
 public:
  [[nodiscard]] static Result<JsonFile> Open(const std::filesystem::path& path);
  /// The text of the next document, valid until the next call; nothing at the end.
  /// kInvalidArgument: the array is broken here, and nothing behind can be told apart.
  [[nodiscard]] Result<std::optional<std::string_view>> Next();
  /// Where the document in hand begins.
  [[nodiscard]] std::uint64_t line() const { return start_line_; }

 private:
  JsonFile(FileReader file, bool array) : file_(std::move(file)), array_(array) {}
  [[nodiscard]] Result<std::optional<std::string_view>> NextOfArray();
  /// The next character that is not white space, taken; nothing at the end.
  [[nodiscard]] Result<std::optional<char>> Take();
  [[nodiscard]] Result<bool> NextLine();
  [[nodiscard]] Status Collect();

  FileReader file_;
  bool array_;
  bool opened_ = false;  // the array's bracket was seen
  bool closed_ = false;
  std::string line_;  // the line in hand, and how far it was read
  std::size_t position_ = 0;
  std::uint64_t start_line_ = 0;
  std::string document_;
};

}  // namespace rehome
