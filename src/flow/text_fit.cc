#include "flow/text_fit.h"

#include <fmt/format.h>

#include <algorithm>

namespace rehome {
namespace {

bool IsBlank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/// Not in the middle of a character, and without the white space before it.
std::size_t CleanEnd(std::string_view text, std::size_t end) {
  while (end > 0 && end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) {
    --end;
  }
  while (end > 0 && IsBlank(text[end - 1])) {
    --end;
  }
  return end;
}

/// The longest beginning of at most `tokens_max`, whole words where there is a blank to cut at.
std::string Cut(const Embedder& embedder, std::string_view text, std::uint64_t tokens_max) {
  std::size_t fits = 0;
  std::size_t too_long = text.size();
  while (fits + 1 < too_long) {
    const std::size_t middle = fits + (too_long - fits) / 2;
    (embedder.CountTokens(text.substr(0, middle)) <= tokens_max ? fits : too_long) = middle;
  }
  if (const auto blank = text.find_last_of(" \t\r\n", fits); blank != std::string_view::npos) {
    const std::size_t words = CleanEnd(text, blank);
    fits = words > fits / 2 ? words : fits;
  }
  return std::string(text.substr(0, CleanEnd(text, fits)));
}

}  // namespace

FittedText FitText(const Embedder& embedder, EmbedderPlan::TooLong too_long, std::string text) {
  if (std::ranges::all_of(text, IsBlank)) {
    return {.text = std::move(text), .refusal = "its text is empty: there is nothing to embed"};
  }
  const std::uint64_t tokens_max = embedder.InputTokensMax();
  const std::uint64_t tokens = tokens_max == 0 ? 0 : embedder.CountTokens(text);
  if (tokens <= tokens_max) {
    return {.text = std::move(text), .refusal = {}};
  }
  if (too_long == EmbedderPlan::TooLong::kCut) {
    return {.text = Cut(embedder, text, tokens_max), .cut = true, .refusal = {}};
  }
  return {.text = std::move(text),
          .refusal =
              fmt::format("its text has about {} tokens, the model takes {}", tokens, tokens_max)};
}

}  // namespace rehome
