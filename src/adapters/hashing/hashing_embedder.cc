#include "adapters/hashing/hashing_embedder.h"

#include <fmt/format.h>

#include <cmath>
#include <unordered_map>

#include "adapters/hashing/words.h"

namespace rehome {
namespace {

constexpr int kDimensionMax = 20'000;
constexpr std::int64_t kWordWeight = 4;
constexpr std::int64_t kGramWeight = 1;
constexpr std::size_t kGramMin = 3;
constexpr std::size_t kGramMax = 5;

/// FNV-1a over the code points' bytes, finished so that every bit depends on every other.
std::uint64_t HashOf(std::u32string_view feature, std::uint64_t kind) {
  std::uint64_t hash = 0xCBF29CE484222325U ^ kind;
  for (const char32_t point : feature) {
    for (unsigned shift = 0; shift < 32; shift += 8) {
      hash = (hash ^ ((point >> shift) & 0xFFU)) * 0x100000001B3U;
    }
  }
  hash = (hash ^ (hash >> 30U)) * 0xBF58476D1CE4E5B9U;
  hash = (hash ^ (hash >> 27U)) * 0x94D049BB133111EBU;
  return hash ^ (hash >> 31U);
}

enum Kind : std::uint8_t { kWord = 1, kGram = 2, kNothing = 3 };

struct Feature {
  std::int64_t weight = 0;
  std::int64_t count = 0;
};
using Features = std::unordered_map<std::uint64_t, Feature>;  // by hash

void Count(Features& features, std::uint64_t hash, std::int64_t weight) {
  Feature& feature = features[hash];
  feature.weight = weight;
  ++feature.count;
}

Features FeaturesOf(std::string_view text) {
  Features features;
  for (const std::u32string& word : WordsOf(text)) {
    Count(features, HashOf(word, kWord), kWordWeight);
    const std::u32string bounded = U'<' + word + U'>';
    const std::u32string_view view = bounded;
    for (std::size_t length = kGramMin; length <= kGramMax; ++length) {
      for (std::size_t at = 0; at + length <= view.size(); ++at) {
        Count(features, HashOf(view.substr(at, length), kGram), kGramWeight);
      }
    }
  }
  return features;
}

/// Largest r with r * r <= n.
std::int64_t IntegerRoot(std::int64_t n) {
  auto root = static_cast<std::int64_t>(std::sqrt(static_cast<double>(n)));
  while (root * root > n) {
    --root;
  }
  while ((root + 1) * (root + 1) <= n) {
    ++root;
  }
  return root;
}

void AddFeature(std::vector<std::int64_t>& sums, std::uint64_t hash, std::int64_t amount) {
  const bool negative = (hash >> 63U) != 0;
  sums[(hash & 0x7FFFFFFFFFFFFFFFU) % sums.size()] += negative ? -amount : amount;
}

/// The sum of the squares as a double: exact below 2^53 and the same on every machine above, since
/// the dimensions are added in their order.
double SquaredLength(const std::vector<std::int64_t>& sums) {
  double length = 0;
  for (const std::int64_t sum : sums) {
    length += static_cast<double>(sum) * static_cast<double>(sum);
  }
  return length;
}

std::vector<float> VectorOf(std::string_view text, std::size_t dimension) {
  std::vector<std::int64_t> sums(dimension);
  for (const auto& [hash, feature] : FeaturesOf(text)) {
    AddFeature(sums, hash, feature.weight * IntegerRoot(256 * feature.count));
  }
  double squared = SquaredLength(sums);
  if (squared == 0) {
    AddFeature(sums, HashOf({}, kNothing), 1);
    squared = 1;
  }
  const double length = std::sqrt(squared);
  std::vector<float> values;
  values.reserve(dimension);
  for (const std::int64_t sum : sums) {
    values.push_back(static_cast<float>(static_cast<double>(sum) / length));
  }
  return values;
}

}  // namespace

Result<std::unique_ptr<HashingEmbedder>> HashingEmbedder::Create(int dimension) {
  if (dimension < 1 || dimension > kDimensionMax) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("hashing embedder: dimension {} is not within 1 to {}", dimension,
                            kDimensionMax),
                "set index.embedder.dimensions");
  }
  return std::unique_ptr<HashingEmbedder>(new HashingEmbedder(dimension));
}

Result<Embeddings> HashingEmbedder::Embed(std::span<const std::string> texts, TextRole /*role*/,
                                          const Call& call) {
  Embeddings out;
  out.vectors.reserve(texts.size());
  for (const std::string& text : texts) {
    if (call.stop.stop_requested()) {
      return Fail(ErrorCode::kCancelled, "embedding cancelled");
    }
    out.vectors.push_back(VectorOf(text, static_cast<std::size_t>(dimension_)));
  }
  return out;
}

std::uint64_t HashingEmbedder::CountTokens(std::string_view text) const {
  return WordsOf(text).size();
}

}  // namespace rehome
