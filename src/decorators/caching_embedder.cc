#include "decorators/caching_embedder.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "decorators/embedding_log.h"

namespace rehome {

/// One call of Embed under way.
struct CachingEmbedder::Request {
  std::map<Md5Digest, std::string> missing;         // text by key, each once
  std::map<Md5Digest, std::vector<float>> vectors;  // what is known by now
  std::vector<Md5Digest> claimed;                   // asked for by this call, next
  std::uint64_t tokens = 0;
};

Result<std::unique_ptr<CachingEmbedder>> CachingEmbedder::Open(std::shared_ptr<Embedder> inner,
                                                               CachingOptions options) {
  REHOME_TRY_ASSIGN(auto log, EmbeddingLog::Open(options.file, options.read_only));
  options.in_flight_max = std::max<std::size_t>(options.in_flight_max, 1);
  return std::unique_ptr<CachingEmbedder>(
      new CachingEmbedder(std::move(inner), std::move(options), std::move(log)));
}

CachingEmbedder::CachingEmbedder(std::shared_ptr<Embedder> inner, CachingOptions options,
                                 std::unique_ptr<EmbeddingLog> log)
    : EmbedderDecorator(std::move(inner)), options_(std::move(options)), log_(std::move(log)) {}
CachingEmbedder::~CachingEmbedder() = default;

Md5Digest CachingEmbedder::KeyOf(std::string_view text, TextRole role) const {
  return Md5(fmt::format("{}\n{}\n{}", options_.contract_hash,
                         role == TextRole::kQuery ? "query" : "passage", Md5(text).Hex()));
}

bool CachingEmbedder::Holds(std::string_view text, TextRole role) {
  const Md5Digest key = KeyOf(text, role);
  const std::scoped_lock lock(mutex_);
  return log_->Find(key).has_value();
}

Result<Embeddings> CachingEmbedder::Embed(std::span<const std::string> texts, TextRole role,
                                          const Call& call) {
  Request request;
  std::vector<Md5Digest> keys;
  keys.reserve(texts.size());
  for (const std::string& text : texts) {
    keys.push_back(KeyOf(text, role));
    request.missing.try_emplace(keys.back(), text);
  }
  while (true) {
    REHOME_TRY(Claim(request, call));
    if (request.claimed.empty()) {
      break;
    }
    REHOME_TRY(Ask(request, role, call));
  }
  Embeddings out;
  out.tokens = request.tokens;
  out.vectors.reserve(keys.size());
  for (const Md5Digest& key : keys) {
    out.vectors.push_back(request.vectors.at(key));
  }
  return out;
}

Status CachingEmbedder::Claim(Request& request, const Call& call) {
  std::unique_lock lock(mutex_);
  while (true) {
    std::erase_if(request.missing, [&](const auto& entry) {
      auto cached = log_->Find(entry.first);
      const bool found = cached && std::cmp_equal(cached->size(), inner().Dimension());
      if (found) {
        request.vectors.emplace(entry.first, *std::move(cached));
      }
      return found;
    });
    for (const auto& [key, text] : request.missing) {
      if (in_flight_.size() < options_.in_flight_max && in_flight_.insert(key).second) {
        request.claimed.push_back(key);
      }
    }
    if (request.missing.empty() || !request.claimed.empty()) {
      return {};
    }
    const std::uint64_t before = finished_;
    if (!changed_.wait(lock, call.stop, [&] { return finished_ != before; })) {
      return Fail(ErrorCode::kCancelled, "embedding cancelled");
    }
  }
}

Status CachingEmbedder::Ask(Request& request, TextRole role, const Call& call) {
  const auto keys = std::exchange(request.claimed, {});
  std::vector<std::string> texts;
  for (const Md5Digest& key : keys) {
    texts.push_back(request.missing.at(key));
  }
  std::size_t done = 0;
  while (done < keys.size()) {
    const std::span<const std::string> rest = std::span(texts).subspan(done);
    const std::size_t count = std::clamp<std::size_t>(inner().OneRequest(rest), 1, rest.size());
    const Status asked =
        AskOnce(request, std::span(keys).subspan(done, count), rest.first(count), role, call);
    if (!asked) {
      Release(std::span(keys).subspan(done));
      return asked;
    }
    done += count;
  }
  return {};
}

Status CachingEmbedder::AskOnce(Request& request, std::span<const Md5Digest> keys,
                                std::span<const std::string> texts, TextRole role,
                                const Call& call) {
  REHOME_TRY_ASSIGN(Embeddings answer, inner().Embed(texts, role, call));
  CHECK(answer.vectors.size() == keys.size());
  request.tokens += answer.tokens;
  std::vector<EmbeddingLog::Entry> entries;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    entries.emplace_back(keys[i], std::move(answer.vectors[i]));
    request.missing.erase(keys[i]);
  }
  if (!options_.read_only) {
    const std::scoped_lock lock(mutex_);
    REHOME_TRY(log_->Append(entries));
  }
  Release(keys);
  for (auto& [key, vector] : entries) {
    request.vectors.emplace(key, std::move(vector));
  }
  return {};
}

void CachingEmbedder::Release(std::span<const Md5Digest> keys) {
  const std::scoped_lock lock(mutex_);
  for (const Md5Digest& key : keys) {
    in_flight_.erase(key);
  }
  ++finished_;
  changed_.notify_all();
}

}  // namespace rehome
