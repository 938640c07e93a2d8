#pragma once
// json_file.h — the records of a file as exports write them: one a line, one JSON array over any
// number of lines (--jsonArray), or indented (--pretty: from a line `{` to where it closes). Only the frame is told apart here, by quotes and brackets; what stands
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
  [[nodiscard]] Result<std::optional<std::string_view>> NextIndented();
  /// The next character that is not white space, taken; nothing at the end.
  [[nodiscard]] Result<std::optional<char>> Take();
  [[nodiscard]] Result<bool> NextLine();
  [[nodiscard]] Status Collect();

  FileReader file_;
  bool array_;
  bool opened_ = false;  // the array's bracket was seen
  bool closed_ = false;
  std::string line_;    // the line in hand, and how far it was read
  bool again_ = false;  // it belongs to the next record
  std::size_t position_ = 0;
  std::uint64_t start_line_ = 0;
  std::string document_;
};

}  // namespace rehome
