#include "mapping/jq_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <string>

namespace rehome {
namespace {

enum class Kind : std::uint8_t {
  kField,
  kWord,
  kVariable,
  kNumber,
  kString,
  kOpen,
  kClose,
  kOther
};

struct Token {
  Kind kind = Kind::kOther;
  std::string_view text;  // kField: without the dot; kVariable: without the dollar sign
};

constexpr std::array<std::string_view, 16> kImpure{"env",
                                                   "now",
                                                   "input",
                                                   "inputs",
                                                   "input_filename",
                                                   "input_line_number",
                                                   "debug",
                                                   "stderr",
                                                   "halt",
                                                   "halt_error",
                                                   "localtime",
                                                   "strflocaltime",
                                                   "get_search_list",
                                                   "modulemeta",
                                                   "import",
                                                   "include"};

bool IsWordStart(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}
bool IsWord(char c) {
  return IsWordStart(c) || IsDigit(c);
}
bool IsSpace(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/// Splits a program into tokens. The parts of an interpolation `"…\(f)…"` stand between an open and
/// a close token.
class Tokenizer {
 public:
  explicit Tokenizer(std::string_view program) : rest_(program) {}

  std::vector<Token> Run() {
    while (!rest_.empty()) {
      Next();
    }
    return std::move(tokens_);
  }

 private:
  std::string_view Take(std::size_t bytes) {
    bytes = std::min(bytes, rest_.size());
    const std::string_view taken = rest_.substr(0, bytes);
    rest_.remove_prefix(bytes);
    return taken;
  }
  std::string_view TakeWord() {
    std::size_t bytes = 0;
    while (bytes < rest_.size() &&
           (IsWord(rest_[bytes]) || rest_.substr(bytes).starts_with("::"))) {
      bytes += IsWord(rest_[bytes]) ? 1U : 2U;
    }
    return Take(bytes);
  }
  void SkipSpace() {
    while (!rest_.empty() && IsSpace(rest_.front())) {
      Take(1);
    }
  }
  void Add(Kind kind, std::string_view text) { tokens_.push_back({kind, text}); }

  void Next() {
    const char c = rest_.front();
    if (IsSpace(c)) {
      Take(1);
    } else if (c == '#') {
      Take(std::min(rest_.find('\n'), rest_.size()));
    } else if (c == '"') {
      Take(1);
      InString();
    } else if (c == '@') {
      Take(1);
      Add(Kind::kOther, TakeWord());
    } else if (c == '$') {
      Take(1);
      SkipSpace();
      Add(Kind::kVariable, TakeWord());
    } else if (c == '.' && rest_.size() > 1 && IsWordStart(rest_[1])) {
      Take(1);
      Add(Kind::kField, TakeWord());
    } else if (IsWordStart(c)) {
      Add(Kind::kWord, TakeWord());
    } else if (IsDigit(c)) {
      Number();
    } else {
      Bracket(c);
    }
  }

  void Number() {
    std::size_t bytes = 0;
    while (bytes < rest_.size() && (IsDigit(rest_[bytes]) || rest_[bytes] == '.')) {
      ++bytes;
    }
    const bool exponent = bytes + 1 < rest_.size() && (rest_[bytes] == 'e' || rest_[bytes] == 'E');
    if (exponent &&
        (IsDigit(rest_[bytes + 1]) || rest_[bytes + 1] == '-' || rest_[bytes + 1] == '+')) {
      bytes += 2;
      while (bytes < rest_.size() && IsDigit(rest_[bytes])) {
        ++bytes;
      }
    }
    Add(Kind::kNumber, Take(bytes));
  }

  void Bracket(char c) {
    if (c == '(' || c == '[' || c == '{') {
      closers_.push_back(false);
      Add(Kind::kOpen, Take(1));
      return;
    }
    if (c == ')' || c == ']' || c == '}') {
      Add(Kind::kClose, Take(1));
      const bool of_interpolation = !closers_.empty() && closers_.back();
      if (!closers_.empty()) {
        closers_.pop_back();
      }
      if (of_interpolation) {
        InString();
      }
      return;
    }
    Add(Kind::kOther, Take(1));
  }

  /// Inside a string: to its end, or to the next interpolation.
  void InString() {
    std::size_t at = 0;
    while (at < rest_.size() && rest_[at] != '"') {
      if (rest_[at] == '\\' && at + 1 < rest_.size() && rest_[at + 1] == '(') {
        Add(Kind::kString, Take(at));
        Take(1);
        closers_.push_back(true);
        Add(Kind::kOpen, Take(1));
        return;
      }
      at += rest_[at] == '\\' ? 2U : 1U;
    }
    Add(Kind::kString, Take(at));
    Take(1);
  }

  std::string_view rest_;
  std::vector<bool> closers_;  // one per open bracket: whether it is an interpolation's
  std::vector<Token> tokens_;
};

bool Is(const Token& token, std::string_view text) {
  return token.text == text && token.kind != Kind::kString && token.kind != Kind::kField;
}

/// For each token whether it is a key of an object construction: `{now: 1}`, `{a: 1, now}`,
/// `{now}`.
std::vector<bool> ObjectKeys(const std::vector<Token>& tokens) {
  std::vector<bool> keys(tokens.size(), false);
  std::vector<char> open;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const bool in_object = !open.empty() && open.back() == '{';
    keys[i] = in_object && tokens[i].kind == Kind::kWord &&
              (Is(tokens[i - 1], "{") || Is(tokens[i - 1], ","));
    if (tokens[i].kind == Kind::kOpen) {
      open.push_back(tokens[i].text.front());
    } else if (tokens[i].kind == Kind::kClose && !open.empty()) {
      open.pop_back();
    }
  }
  return keys;
}

/// Walks the tokens and keeps, per bracket, whether `.` is still the document.
class PathReader {
 public:
  explicit PathReader(std::string_view program) : tokens_(Tokenizer(program).Run()) {}

  std::vector<FieldPath> Run() {
    std::vector<FieldPath> paths;
    for (at_ = 0; at_ < tokens_.size();) {
      const Token& token = tokens_[at_];
      if (token.kind == Kind::kWord &&
          (token.text == "def" || token.text == "reduce" || token.text == "foreach")) {
        return paths;  // what `.` is inside of these is not followed
      }
      if (token.kind == Kind::kField && scopes_.back().rooted && !FollowsTerm()) {
        ReadPath(paths);
      } else {
        Step(token);
        ++at_;
      }
    }
    return paths;
  }

 private:
  struct Scope {
    bool rooted = true;
    bool binding = false;  // `as $x` was seen: the next pipe keeps `.`
  };

  [[nodiscard]] bool FollowsTerm() const {
    if (at_ == 0) {
      return false;
    }
    const Token& before = tokens_[at_ - 1];
    return before.kind == Kind::kClose || before.kind == Kind::kField ||
           before.kind == Kind::kVariable || before.kind == Kind::kString || Is(before, "?") ||
           Is(before, ".") || (before.kind == Kind::kWord && !IsKeyword(before.text));
  }

  static bool IsKeyword(std::string_view word) {
    static constexpr std::array<std::string_view, 7> kKeywords{"if",  "then", "else", "elif",
                                                               "and", "or",   "try"};
    return std::ranges::find(kKeywords, word) != kKeywords.end();
  }

  void Step(const Token& token) {
    Scope& scope = scopes_.back();
    if (token.kind == Kind::kOpen) {
      const bool call = token.text == "(" && at_ > 0 && tokens_[at_ - 1].kind == Kind::kWord &&
                        !IsKeyword(tokens_[at_ - 1].text);
      scopes_.push_back({scope.rooted && !call && !FollowsClosedTerm(), false});
    } else if (token.kind == Kind::kClose) {
      if (scopes_.size() > 1) {
        scopes_.pop_back();
      }
    } else if (Is(token, "as") && token.kind == Kind::kWord) {
      scope.binding = true;
    } else if (Is(token, "|")) {
      scope.rooted = scope.rooted && scope.binding;
      scope.binding = false;
    } else if (Is(token, "catch")) {
      scope.rooted = false;  // `.` is the error there
    }
  }

  /// `f[…]`, `(…)[…]`: an index is evaluated against `.` too, yet not worth following.
  [[nodiscard]] bool FollowsClosedTerm() const { return tokens_[at_].text == "[" && FollowsTerm(); }

  [[nodiscard]] bool At(std::size_t index, std::string_view text) const {
    return index < tokens_.size() && Is(tokens_[index], text);
  }

  /// `.a.b[0].c`: steps until something else comes; an index that is not a plain number makes the
  /// path uncertain.
  void ReadPath(std::vector<FieldPath>& paths) {
    std::string text;
    while (at_ < tokens_.size()) {
      if (tokens_[at_].kind == Kind::kField) {
        text += (text.empty() ? "" : ".") + std::string(tokens_[at_].text);
        ++at_;
      } else if (At(at_, "[") && At(at_ + 2, "]") && IsIndex(tokens_[at_ + 1])) {
        text += fmt::format("[{}]", tokens_[at_ + 1].text);
        at_ += 3;
      } else if (At(at_, "?")) {
        ++at_;
      } else {
        break;
      }
    }
    if (At(at_, "[") && !At(at_ + 1, "]")) {
      return;  // a computed index or a slice
    }
    if (auto path = ParseFieldPath(text)) {
      paths.push_back(*std::move(path));
    }
  }

  static bool IsIndex(const Token& token) {
    return token.kind == Kind::kNumber && std::ranges::all_of(token.text, IsDigit);
  }

  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  std::vector<Scope> scopes_{Scope{}};
};

}  // namespace

Status CheckJqIsPure(std::string_view program) {
  const std::vector<Token> tokens = Tokenizer(program).Run();
  const std::vector<bool> keys = ObjectKeys(tokens);
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const Token& token = tokens[i];
    const bool variable =
        token.kind == Kind::kVariable && (token.text == "ENV" || token.text == "__prog_args");
    const bool word = token.kind == Kind::kWord && !keys[i] &&
                      std::ranges::find(kImpure, token.text) != kImpure.end();
    if (variable || word) {
      return Fail(
          ErrorCode::kInvalidArgument,
          fmt::format("the jq program uses {}{}, whose answer depends on more than the document",
                      variable ? "$" : "", token.text),
          "a mapping has to give the same item every time: compute it from the document's fields "
          "alone");
    }
  }
  return {};
}

std::vector<FieldPath> PathsReadByJq(std::string_view program) {
  return PathReader(program).Run();
}

}  // namespace rehome
