#include "model/storable.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace rehome {
namespace {

constexpr std::size_t kVectorIdBytesMax = 512;
constexpr std::size_t kSparseMax = 2048;
constexpr float kZero = 1e-8F;

std::string WhyNoValues(const VectorRecord& record) {
  const SparseValues& sparse = record.sparse;
  const auto finite = [](float value) { return std::isfinite(value); };
  if (record.values.empty() && sparse.indices.empty()) {
    return "it has neither values nor sparse values";
  }
  if (!std::ranges::all_of(record.values, finite) || !std::ranges::all_of(sparse.values, finite)) {
    return "it holds a value that is not a finite number";
  }
  if (!record.values.empty() &&
      std::ranges::all_of(record.values, [](float value) { return std::abs(value) < kZero; })) {
    return "all its values are zero, which Pinecone refuses";
  }
  if (sparse.indices.size() != sparse.values.size() || sparse.indices.size() > kSparseMax) {
    return fmt::format(
        "{} sparse indices and {} sparse values: they must be as many, and {} at most",
        sparse.indices.size(), sparse.values.size(), kSparseMax);
  }
  return {};
}

std::string WhyNoMetadata(const Metadata& metadata, std::size_t bytes) {
  if (bytes > kMetadataBytesMax) {
    return fmt::format("its metadata takes {} bytes, Pinecone allows {}", bytes, kMetadataBytesMax);
  }
  for (const auto& [key, value] : metadata) {
    if (key.starts_with('$')) {
      return fmt::format("metadata key {} starts with $", key);
    }
    if (const auto* number = std::get_if<double>(&value);
        number != nullptr && !std::isfinite(*number)) {
      return fmt::format("metadata {} is not a finite number", key);
    }
  }
  return {};
}

}  // namespace

std::string WhyNotStorable(DocumentView document) {
  if (document.bytes().size() > kDocumentBytesMax) {
    return "is larger than 16 MiB";
  }
  const BsonType type = document.Id().type();
  const bool refused =
      type == BsonType::kArray || type == BsonType::kUndefined || type == BsonType::kRegex;
  return refused ? fmt::format("has an _id of type {}, which MongoDB refuses", Name(type))
                 : std::string();
}

std::string WhyNotStorable(const VectorRecord& record, std::size_t metadata_bytes) {
  const bool ascii = std::ranges::all_of(record.id, [](char c) { return c > 0; });
  if (record.id.empty() || record.id.size() > kVectorIdBytesMax || !ascii) {
    return fmt::format("an id is 1 to {} ASCII characters without NUL", kVectorIdBytesMax);
  }
  std::string why = WhyNoValues(record);
  return why.empty() ? WhyNoMetadata(record.metadata, metadata_bytes) : why;
}

}  // namespace rehome
