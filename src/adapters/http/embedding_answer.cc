#include "adapters/http/embedding_answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "adapters/http/api_client.h"

namespace rehome {
namespace {

bool IsBlank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

bool IsAlphanumeric(unsigned char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

}  // namespace

std::size_t FittingTexts(std::span<const std::string> texts, const EmbeddingLimits& limits) {
  std::size_t count = 0;
  std::uint64_t tokens = 0;
  for (const std::string& text : texts.first(std::min(texts.size(), limits.texts_max))) {
    tokens += EstimateTokens(text);
    if (count > 0 && limits.request_tokens_max > 0 && tokens > limits.request_tokens_max) {
      break;
    }
    ++count;
  }
  return count;
}

Status CheckTexts(std::span<const std::string> texts, std::size_t first,
                  const EmbeddingLimits& limits) {
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (IsBlank(texts[i])) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("text {} is empty and cannot be embedded", first + i));
    }
    const std::uint64_t tokens = EstimateTokens(texts[i]);
    if (limits.text_tokens_max > 0 && tokens > limits.text_tokens_max) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("text {} has about {} tokens, the model takes {}", first + i, tokens,
                              limits.text_tokens_max));
    }
  }
  return {};
}

Status CheckEmbedding(std::span<const float> vector, int dimension, std::string_view what) {
  if (!std::cmp_equal(vector.size(), dimension)) {
    return Fail(ErrorCode::kFailedPrecondition,
                fmt::format("{}: the model gives {} dimensions, the plan says {}", what,
                            vector.size(), dimension),
                "set index.embedder.dimensions to what the model gives");
  }
  const bool finite = std::ranges::all_of(vector, [](float v) { return std::isfinite(v); });
  if (!finite || std::ranges::all_of(vector, [](float v) { return v == 0; })) {
    return Fail(ErrorCode::kDataLoss,
                fmt::format("{}: the model gives a vector that is zero or not finite", what),
                "shorten or mend what the text is made of, or take another model");
  }
  return {};
}

std::uint64_t EstimateTokens(std::string_view text) {
  constexpr std::uint64_t kRunBytesPerToken = 3;
  std::uint64_t tokens = 0;
  std::uint64_t run = 0;
  char before = 'x';
  const auto finish_run = [&] {
    tokens += (run + kRunBytesPerToken - 1) / kRunBytesPerToken;
    run = 0;
  };
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (IsAlphanumeric(byte)) {
      ++run;
    } else {
      finish_run();
      const bool single_blank = c == ' ' && before != ' ';
      // Beyond ASCII: each code point's length less one, counted on the bytes that continue it.
      const bool leads = byte >= 0xC0;
      tokens += single_blank || leads ? 0 : 1;
    }
    before = c;
  }
  finish_run();
  return tokens;
}

}  // namespace rehome
