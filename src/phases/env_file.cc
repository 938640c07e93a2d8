#include "phases/env_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace rehome {
namespace {

constexpr std::string_view kBlanks = " \t\v\f";
constexpr std::string_view kLineEnds = "\r\n";

/// One line (or, with a quoted value, several) that sets a key: offsets into the text.
struct Assignment {
  std::string_view key;
  std::size_t line_begin = 0;
  std::size_t value_begin = 0;
  std::size_t value_end = 0;
  std::size_t line_end = 0;  // behind the line's end
};

std::size_t SkipBlanks(std::string_view text, std::size_t at) {
  return std::min(text.find_first_not_of(kBlanks, at), text.size());
}

std::size_t EndOfLine(std::string_view text, std::size_t at) {
  return std::min(text.find_first_of(kLineEnds, at), text.size());
}

std::size_t NextLine(std::string_view text, std::size_t at) {
  const std::size_t end = EndOfLine(text, at);
  return std::min(end + (text.substr(end).starts_with("\r\n") ? 2U : 1U), text.size());
}

/// Whether nothing but blanks and a comment follows on the line.
bool OnlyCommentFollows(std::string_view text, std::size_t at) {
  const std::size_t next = SkipBlanks(text, at);
  return next == text.size() || text[next] == '#' || kLineEnds.contains(text[next]);
}

/// Behind the quote that closes the one at `begin`. A quote after a backslash closes only if no
/// other does. Nothing if none does: then the value is not a quoted one.
std::optional<std::size_t> EndOfQuoted(std::string_view text, std::size_t begin) {
  const char quote = text[begin];
  for (const bool skip_escaped : {true, false}) {
    std::size_t at = begin + 1;
    while (at < text.size() &&
           (text[at] != quote || (skip_escaped && text[at - 1] == '\\' && at - 1 > begin))) {
      ++at;
    }
    if (at < text.size() && OnlyCommentFollows(text, at + 1)) {
      return at + 1;
    }
  }
  return std::nullopt;
}

/// An unquoted value ends before the blanks and the comment that end its line.
std::size_t EndOfUnquoted(std::string_view text, std::size_t begin) {
  const std::size_t line_end = EndOfLine(text, begin);
  std::size_t end = line_end;
  for (std::size_t at = begin; at < line_end; ++at) {
    if (text[at] == '#' && at > 0 && kBlanks.contains(text[at - 1])) {
      end = at;
      break;
    }
  }
  while (end > begin && kBlanks.contains(text[end - 1])) {
    --end;
  }
  return end;
}

/// Reads the line at `line_begin`; its key is empty if it sets none.
Assignment ReadLine(std::string_view text, std::size_t line_begin) {
  Assignment line{.key = {},
                  .line_begin = line_begin,
                  .value_begin = 0,
                  .value_end = 0,
                  .line_end = NextLine(text, line_begin)};
  std::size_t at = SkipBlanks(text, line_begin);
  constexpr std::string_view kExport = "export";
  if (text.substr(at).starts_with(kExport) &&
      SkipBlanks(text, at + kExport.size()) > at + kExport.size()) {
    at = SkipBlanks(text, at + kExport.size());
  }
  const std::size_t key_end = std::min(text.find_first_of("=# \t\v\f\r\n", at), text.size());
  const std::size_t equals = SkipBlanks(text, key_end);
  if (key_end == at || equals == text.size() || text[equals] != '=') {
    return line;
  }
  line.key = text.substr(at, key_end - at);
  if (line.key.size() > 2 && line.key.front() == '\'' && line.key.back() == '\'') {
    line.key = line.key.substr(1, line.key.size() - 2);
  }
  line.value_begin = SkipBlanks(text, equals + 1);
  const bool blank = line.value_begin == text.size() ||
                     kLineEnds.contains(text[line.value_begin]) ||
                     (text[line.value_begin] == '#' && line.value_begin > equals + 1);
  if (blank) {
    line.value_begin = line.value_end = equals + 1;
    return line;
  }
  const bool quoted = std::string_view("'\"`").contains(text[line.value_begin]);
  const std::optional<std::size_t> quoted_end =
      quoted ? EndOfQuoted(text, line.value_begin) : std::nullopt;
  line.value_end = quoted_end ? *quoted_end : EndOfUnquoted(text, line.value_begin);
  line.line_end = NextLine(text, line.value_end);
  return line;
}

/// The lines that set keys, in order.
std::vector<Assignment> Assignments(std::string_view text) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  std::vector<Assignment> found;
  for (std::size_t at = text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
       at < text.size();) {
    const Assignment line = ReadLine(text, at);
    if (!line.key.empty()) {
      found.push_back(line);
    }
    at = line.line_end;
  }
  return found;
}

/// The last line that sets `key`.
std::optional<Assignment> FindLast(std::string_view text, std::string_view key) {
  const std::vector<Assignment> lines = Assignments(text);
  const auto found = std::ranges::find(lines.rbegin(), lines.rend(), key, &Assignment::key);
  return found == lines.rend() ? std::nullopt : std::optional(*found);
}

std::string_view Written(std::string_view text, const Assignment& line) {
  return text.substr(line.value_begin, line.value_end - line.value_begin);
}

/// The character that stands for `\c` inside quotes; nothing if the two stay as they are.
std::optional<char> Unescape(char quote, char c) {
  constexpr std::string_view kNames = "\\'\"abfnrtv";
  constexpr std::string_view kMeanings = "\\'\"\a\b\f\n\r\t\v";
  const std::size_t at = quote == '"'    ? kNames.find(c)
                         : quote == '\'' ? kNames.substr(0, 2).find(c)
                                         : std::string_view::npos;
  return at == std::string_view::npos ? std::nullopt : std::optional(kMeanings[at]);
}

std::string Decode(std::string_view written) {
  const bool quoted = written.size() >= 2 && written.front() == written.back() &&
                      std::string_view("'\"`").contains(written.front());
  if (!quoted) {
    return std::string(written);
  }
  std::string value;
  const std::string_view inside = written.substr(1, written.size() - 2);
  for (std::size_t at = 0; at < inside.size(); ++at) {
    const std::optional<char> meant = inside[at] == '\\' && at + 1 < inside.size()
                                          ? Unescape(written.front(), inside[at + 1])
                                          : std::nullopt;
    value += meant.value_or(inside[at]);
    at += meant ? 1U : 0U;
  }
  return value;
}

enum class Style : std::uint8_t { kBare, kSingle, kDouble };

Style StyleOf(std::string_view written) {
  return written.starts_with('"')    ? Style::kDouble
         : written.starts_with('\'') ? Style::kSingle
                                     : Style::kBare;
}

/// Whether both readers take `value` written in this style as it is. They disagree on most escapes,
/// so none is used.
bool Holds(Style style, std::string_view value) {
  const auto is_plain_end = [](char c) { return c > ' ' && c < '\x7f'; };
  switch (style) {
    case Style::kBare:
      return !value.empty() && is_plain_end(value.front()) && is_plain_end(value.back()) &&
             !std::string_view("'\"`").contains(value.front()) && !value.contains('#');
    case Style::kSingle:
      return !value.contains('\'') && !value.contains("\\\\") && !value.ends_with('\\');
    case Style::kDouble:
      return !value.contains('"') && !value.contains('\\');
  }
  CHECK(false && "unknown style");
}

std::string Quote(Style style, std::string_view value) {
  switch (style) {
    case Style::kBare:
      return std::string(value);
    case Style::kSingle:
      return fmt::format("'{}'", value);
    case Style::kDouble:
      return fmt::format("\"{}\"", value);
  }
  CHECK(false && "unknown style");
}

std::string Replace(std::string_view text, const Assignment& line, std::string_view written) {
  return std::string(text.substr(0, line.value_begin))
      .append(written)
      .append(text.substr(line.value_end));
}

std::string Append(std::string_view text, std::string_view key, std::string_view written) {
  const std::size_t last_end = text.find_last_of(kLineEnds);
  const bool carriage_return =
      last_end != std::string_view::npos && last_end > 0 && text.substr(last_end - 1, 2) == "\r\n";
  const std::string_view end = carriage_return ? "\r\n" : "\n";
  const bool complete = text.empty() || kLineEnds.contains(text.back());
  return complete ? fmt::format("{}{}={}{}", text, key, written, end)
                  : fmt::format("{}{}{}={}", text, end, key, written);
}

/// What `text` says but for the last line of `key`.
std::vector<std::pair<std::string_view, std::string_view>> Others(std::string_view text,
                                                                  std::string_view key) {
  std::vector<std::pair<std::string_view, std::string_view>> others;
  const std::optional<Assignment> last = FindLast(text, key);
  for (const Assignment& line : Assignments(text)) {
    if (!last || line.line_begin != last->line_begin) {
      others.emplace_back(line.key, Written(text, line));
    }
  }
  return others;
}

/// Whether `edited` differs from `text` by the value of `key` alone: the new value may close a
/// quote that a line above leaves open.
bool ChangesOnly(std::string_view key, std::string_view value, std::string_view text,
                 std::string_view edited) {
  return EnvValue(edited, key) == value && Others(edited, key) == Others(text, key);
}

}  // namespace

std::optional<std::string> EnvValue(std::string_view text, std::string_view key) {
  const std::optional<Assignment> line = FindLast(text, key);
  return line ? std::optional(Decode(Written(text, *line))) : std::nullopt;
}

std::optional<std::string> EnvWrittenValue(std::string_view text, std::string_view key) {
  const std::optional<Assignment> line = FindLast(text, key);
  return line ? std::optional<std::string>(Written(text, *line)) : std::nullopt;
}

Result<std::string> WithEnvValue(std::string_view text, std::string_view key,
                                 std::string_view value) {
  constexpr std::string_view kNeverHeld{"\0\r\n", 3};
  const std::optional<Assignment> line = FindLast(text, key);
  const Style preferred = line ? StyleOf(Written(text, *line)) : Style::kBare;
  const bool can_be_held =
      value.find_first_of(kNeverHeld) == std::string_view::npos && !value.contains("${");
  for (const Style style : {preferred, Style::kBare, Style::kSingle, Style::kDouble}) {
    if (can_be_held && Holds(style, value)) {
      const std::string written = Quote(style, value);
      std::string edited = line ? Replace(text, *line, written) : Append(text, key, written);
      if (ChangesOnly(key, value, text, edited)) {
        return edited;
      }
    }
  }
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("the value of {} cannot be written to this .env file so that every "
                          "reader gives it back and all others too: line ends, ${{ and some "
                          "mixtures of quotes, # and backslashes cannot, and no quote that another "
                          "line leaves open may end in it",
                          key),
              "choose another value under cutover.env_file.set, or close the quote");
}

Result<std::string> WithEnvWrittenValue(std::string_view text, std::string_view key,
                                        std::string_view written) {
  const std::optional<Assignment> line = FindLast(text, key);
  if (!line) {
    return Fail(ErrorCode::kNotFound, fmt::format("no line of the .env file sets {}", key));
  }
  return Replace(text, *line, written);
}

std::string WithoutEnvKey(std::string_view text, std::string_view key) {
  const std::optional<Assignment> line = FindLast(text, key);
  if (!line) {
    return std::string(text);
  }
  std::string_view before = text.substr(0, line->line_begin);
  const bool ended =
      line->line_end > line->value_end && kLineEnds.contains(text[line->line_end - 1]);
  if (!ended) {  // the last line, without an end: the end before it came with it
    before.remove_suffix(before.ends_with("\r\n") ? 2U : before.empty() ? 0U : 1U);
  }
  return std::string(before).append(text.substr(line->line_end));
}

}  // namespace rehome
