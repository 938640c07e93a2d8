#include "mapping/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <fmt/format.h>
#include <pcre2.h>

#include <array>

#include "base/c_handle.h"

namespace rehome {
namespace {

// About 0.1 s of backtracking and 20 MB of its memory; a pattern that needs more does not belong
// into a schema.
constexpr std::uint32_t kMatchLimit = 1'000'000;
constexpr std::uint32_t kHeapKib = 20'000;

using MatchContext = CHandle<pcre2_match_context, pcre2_match_context_free>;
using MatchData = CHandle<pcre2_match_data, pcre2_match_data_free>;

}  // namespace

struct Pattern::Code {
  CHandle<pcre2_code, pcre2_code_free> code;
  MatchContext limits;
};

Result<Pattern> Pattern::Compile(std::string_view text) {
  int error = 0;
  PCRE2_SIZE offset = 0;
  CHandle<pcre2_code, pcre2_code_free> code(pcre2_compile(
      reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(),
      PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C, &error, &offset, nullptr));
  if (!code) {
    std::array<char, 256> message{};
    pcre2_get_error_message(error, reinterpret_cast<PCRE2_UCHAR*>(message.data()), message.size());
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("the pattern \"{}\" is no regular expression: {} at offset {}", text,
                            message.data(), offset));
  }
  MatchContext limits(pcre2_match_context_create(nullptr));
  CHECK(limits != nullptr);
  pcre2_set_match_limit(limits.get(), kMatchLimit);
  pcre2_set_heap_limit(limits.get(), kHeapKib);
  return Pattern(std::string(text), std::make_unique<Code>(std::move(code), std::move(limits)));
}

Pattern::Pattern(std::string text, std::unique_ptr<Code> code)
    : text_(std::move(text)), code_(std::move(code)) {}
Pattern::Pattern(Pattern&&) noexcept = default;
Pattern& Pattern::operator=(Pattern&&) noexcept = default;
Pattern::~Pattern() = default;

bool Pattern::FoundIn(std::string_view subject) const {
  // One for each thread: it only says where something matched, which nobody asks.
  thread_local const MatchData data(pcre2_match_data_create(1, nullptr));
  CHECK(data != nullptr);
  const int found = pcre2_match(code_->code.get(), reinterpret_cast<PCRE2_SPTR>(subject.data()),
                                subject.size(), 0, 0, data.get(), code_->limits.get());
  return found >= 0;
}

}  // namespace rehome
