#pragma once
// pattern.h — one regular expression (PCRE2, UTF-8), bounded in time and memory.
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"

namespace rehome {

/// Safe to use from several threads.
class Pattern {
 public:
  /// kInvalidArgument with PCRE's own words and the offset.
  [[nodiscard]] static Result<Pattern> Compile(std::string_view text);
  Pattern(Pattern&&) noexcept;
  Pattern& operator=(Pattern&&) noexcept;
  ~Pattern();

  /// Whether it matches somewhere in `subject`. Past the match limits, and across invalid UTF-8, it
  /// does not.
  [[nodiscard]] bool FoundIn(std::string_view subject) const;
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  struct Code;
  Pattern(std::string text, std::unique_ptr<Code> code);
  std::string text_;
  std::unique_ptr<Code> code_;
};

}  // namespace rehome
