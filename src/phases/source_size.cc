#include "phases/source_size.h"

namespace rehome {
namespace {

constexpr std::size_t kSampleCount = 200;
constexpr std::size_t kSampleBytes = std::size_t{1} << 20U;
// A float32 in shortest decimal form with its comma; and what metadata and the braces take.
constexpr std::uint64_t kJsonBytesPerFloat = 12;
constexpr std::uint64_t kJsonBytesPerVector = 600;
// Canonical Extended JSON against BSON: numbers and ids are written out with their types.
constexpr std::uint64_t kJsonPerBson = 2;

Result<std::uint64_t> BytesOf(DocumentStore& store, const std::string& collection,
                              std::uint64_t count, const Call& call) {
  if (count == 0) {
    return 0;
  }
  REHOME_TRY_ASSIGN(const auto cursor, store.Scan(collection, {}, call));
  REHOME_TRY_ASSIGN(const auto sample, cursor->Next(kSampleCount, kSampleBytes));
  std::uint64_t bytes = 0;
  for (const Document& document : sample) {
    bytes += document.bytes().size();
  }
  return sample.empty() ? 0 : bytes * count / sample.size();
}

}  // namespace

std::uint64_t SourceSize::BackupBytes() const {
  // The copy that proves the backup holds the documents as BSON and the vectors as floats.
  return document_bytes * (kJsonPerBson + 1) + vector_bytes + vector_bytes / 2;
}

Result<SourceSize> EstimateSource(const Plan& plan, const Stores& stores, const Call& call) {
  SourceSize out;
  for (const std::string& collection : plan.backup.collections) {
    REHOME_TRY_ASSIGN(const std::uint64_t count, stores.source_documents->Count(collection, call));
    REHOME_TRY_ASSIGN(const std::uint64_t bytes,
                      BytesOf(*stores.source_documents, collection, count, call));
    out.documents += count;
    out.document_bytes += bytes;
  }
  REHOME_TRY_ASSIGN(const IndexInfo index, stores.source_vectors->Describe(call));
  for (const std::string& ns : plan.backup.namespaces) {
    const auto found = index.namespaces.find(ns);
    out.vectors += found == index.namespaces.end() ? 0 : found->second;
  }
  out.vector_bytes =
      out.vectors *
      (kJsonBytesPerVector + kJsonBytesPerFloat * static_cast<std::uint64_t>(index.dimension));
  return out;
}

}  // namespace rehome
