#include "backup/json_file.h"

#include <utility>

namespace rehome {
namespace {

constexpr std::string_view kSpace = " \t\r\n";
constexpr std::size_t kDocumentBytesMax = std::size_t{128} << 20U;  // as the longest line
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

std::unexpected<Error> Broken(std::string_view why) {
  return Fail(ErrorCode::kInvalidArgument, std::string(why));
}

/// A line as it is read: without the mark of the byte order, which only a file's first one may bear.
std::string_view TextOf(const FileReader& file, std::string_view line) {
  return file.records() == 1 && line.starts_with(kByteOrderMark)
             ? line.substr(kByteOrderMark.size())
             : line;
}

/// Finds where a JSON object ends: brackets outside strings.
class Frame {
 public:
  /// True at the bracket that closes the object.
  bool Ends(char c) {
    if (in_string_) {
      in_string_ = escaped_ || c != '"';
      escaped_ = !escaped_ && c == '\\';
      return false;
    }
    in_string_ = c == '"';
    depth_ += (c == '{' || c == '[') ? 1 : 0;
    depth_ -= (c == '}' || c == ']') ? 1 : 0;
    return depth_ == 0;
  }

 private:
  int depth_ = 0;
  bool in_string_ = false;
  bool escaped_ = false;
};

}  // namespace

Result<JsonFile> JsonFile::Open(const std::filesystem::path& path) {
  bool array = false;
  {
    REHOME_TRY_ASSIGN(FileReader probe, FileReader::Open(path, FileReader::Hash::kNo));
    while (true) {
      REHOME_TRY_ASSIGN(const std::optional<std::string_view> line, probe.Line());
      const std::string_view text = line ? TextOf(probe, *line) : "";
      const std::size_t first = text.find_first_not_of(kSpace);
      if (!line || first != std::string_view::npos) {
        array = line && text[first] == '[';
        break;
      }
    }
  }
  REHOME_TRY_ASSIGN(FileReader file, FileReader::Open(path, FileReader::Hash::kNo));
  return JsonFile(std::move(file), array);
}

Result<bool> JsonFile::NextLine() {
  if (std::exchange(again_, false)) {
    return true;
  }
  REHOME_TRY_ASSIGN(const std::optional<std::string_view> line, file_.Line());
  if (!line) {
    return false;
  }
  line_ = TextOf(file_, *line);
  position_ = 0;
  return true;
}

Result<std::optional<std::string_view>> JsonFile::Next() {
  if (array_) {
    return NextOfArray();
  }
  while (true) {
    REHOME_TRY_ASSIGN(const bool more, NextLine());
    if (!more) {
      return std::nullopt;
    }
    start_line_ = file_.records();
    const std::size_t first = line_.find_first_not_of(kSpace);
    if (first == std::string::npos) {
      continue;
    }
    const bool opens = line_.find_last_not_of(kSpace) == first && line_[first] == '{';
    return opens ? NextIndented() : line_;
  }
}

/// A record that begins with a line `{`. Where another begins before it is closed, it is cut off
/// there: whoever parses it says so, and the next is whole.
Result<std::optional<std::string_view>> JsonFile::NextIndented() {
  Frame frame;
  document_.clear();
  bool ended = false;
  while (!ended) {
    document_.append(line_) += '\n';
    if (document_.size() > kDocumentBytesMax) {
      return Broken("the document that begins here is longer than a document can be");
    }
    for (const char c : line_) {
      ended = frame.Ends(c) || ended;
    }
    REHOME_TRY_ASSIGN(const bool more, ended ? Result<bool>(true) : NextLine());
    again_ = !ended && more && line_.starts_with('{');
    ended = ended || again_ || !more;
  }
  return document_;
}

Result<std::optional<char>> JsonFile::Take() {
  while (true) {
    position_ = line_.find_first_not_of(kSpace, position_);
    if (position_ != std::string::npos) {
      start_line_ = file_.records();
      return line_[position_++];
    }
    position_ = line_.size();
    REHOME_TRY_ASSIGN(const bool more, NextLine());
    if (!more) {
      return std::nullopt;
    }
  }
}

/// Appends to document_, which holds the opening brace, until the object is closed.
Status JsonFile::Collect() {
  Frame frame;
  static_cast<void>(frame.Ends('{'));
  while (true) {
    for (std::size_t at = position_; at < line_.size(); ++at) {
      if (frame.Ends(line_[at])) {
        document_.append(line_, position_, at + 1 - position_);
        position_ = at + 1;
        return {};
      }
    }
    document_.append(line_, position_);
    document_ += '\n';
    if (document_.size() > kDocumentBytesMax) {
      return Broken("the document that begins here is longer than a document can be");
    }
    REHOME_TRY_ASSIGN(const bool more, NextLine());
    if (!more) {
      return Broken("the document that begins here does not end");
    }
  }
}

Result<std::optional<std::string_view>> JsonFile::NextOfArray() {
  REHOME_TRY_ASSIGN(std::optional<char> c, Take());
  if (closed_) {
    return c ? Result<std::optional<std::string_view>>(Broken("text behind the array"))
             : std::nullopt;
  }
  if (!opened_) {
    CHECK(c == '[');
    opened_ = true;
    REHOME_TRY_ASSIGN(c, Take());
  } else if (c == ',') {
    REHOME_TRY_ASSIGN(c, Take());
    if (c == ']') {
      return Broken("a comma before the end of the array");
    }
  } else if (c && c != ']') {
    return Broken("a comma or the end of the array must stand here");
  }
  if (!c) {
    return Broken("the array does not end");
  }
  if (c == ']') {
    closed_ = true;
    return NextOfArray();
  }
  if (c != '{') {
    return Broken("an element of the array is not a document");
  }
  const std::uint64_t began = start_line_;
  document_ = "{";
  REHOME_TRY(Collect());
  start_line_ = began;
  return document_;
}

}  // namespace rehome
