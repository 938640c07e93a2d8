#include "adapters/http/http_embedder.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace rehome {
namespace {

constexpr Millis kPatience{120'000};

EmbeddingModel UnderTerms(EmbeddingModel model, const EmbeddingTerms& terms) {
  model.dollars_per_million_tokens =
      terms.dollars_per_million_tokens.value_or(model.dollars_per_million_tokens);
  if (terms.text_tokens_max > 0) {
    model.limits.text_tokens_max = terms.text_tokens_max;
  }
  return model;
}

}  // namespace

HttpEmbedder::HttpEmbedder(EmbeddingModel model, const EmbeddingTerms& terms, ApiClient api)
    : model_(UnderTerms(std::move(model), terms)), api_(std::move(api)) {}

std::size_t HttpEmbedder::OneRequest(std::span<const std::string> texts) const {
  return FittingTexts(texts, model_.limits);
}

Result<Embeddings> HttpEmbedder::Embed(std::span<const std::string> texts, TextRole role,
                                       const Call& call) {
  Embeddings out;
  out.vectors.reserve(texts.size());
  while (out.vectors.size() < texts.size()) {
    const auto rest = texts.subspan(out.vectors.size());
    const auto batch = rest.first(FittingTexts(rest, model_.limits));
    REHOME_TRY(CheckTexts(batch, out.vectors.size(), model_.limits));
    REHOME_TRY(EmbedRequest(batch, role, out, call));
  }
  return out;
}

Status HttpEmbedder::EmbedRequest(std::span<const std::string> texts, TextRole role,
                                  Embeddings& out, const Call& call) {
  const std::string what = fmt::format("embedding of {} texts by {}", texts.size(), model_.name);
  // It writes to no store, so it may outlive a lease; asked again, it would be paid again.
  Call patient = call;
  patient.timeout = std::max(call.timeout, kPatience);
  REHOME_TRY_ASSIGN(const HttpResponse response, Ask(texts, role, what, patient));
  Answer answer;
  answer.vectors.resize(texts.size());
  REHOME_TRY(ReadAnswer(response.body, what, answer));
  std::ranges::move(answer.vectors, std::back_inserter(out.vectors));
  out.tokens += answer.tokens;
  return {};
}

/// An answer that cannot be used may have been billed, so whether the request did anything is not
/// known.
Status HttpEmbedder::ReadAnswer(std::string_view body, std::string_view what,
                                Answer& answer) const {
  const auto billed = [](Error error) {
    if (error.code == ErrorCode::kUnavailable) {
      error.code = ErrorCode::kOutcomeUnknown;
    }
    return std::unexpected(std::move(error));
  };
  try {
    if (Status read = Read(body, what, answer); !read) {
      return billed(std::move(read).error());
    }
  } catch (const nlohmann::json::exception& e) {
    return billed(BadAnswer(what, e.what()).error());
  }
  for (const std::vector<float>& vector : answer.vectors) {
    if (Status fits = CheckEmbedding(vector, model_.dimension, what); !fits) {
      return billed(std::move(fits).error());
    }
  }
  return {};
}

}  // namespace rehome
