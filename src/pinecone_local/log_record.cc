#include "pinecone_local/log_record.h"

#include <cmath>
#include <cstring>
#include <utility>

#include "pinecone_local/log_file.h"
#include "pinecone_local/metadata.h"
#include "pinecone_local/score.h"

namespace rehome::pinecone_local {
namespace {

struct OperationHeader {
  OperationKind kind = OperationKind::kPut;
  std::uint32_t text_bytes = 0;
  std::uint32_t values_count = 0;
  std::uint32_t sparse_count = 0;
  std::uint32_t metadata_bytes = 0;
  std::uint32_t reserved = 0;
  double norm = 0;
};
static_assert(sizeof(OperationHeader) == 32);

struct PayloadHeader {
  std::uint64_t lsn = 0;
  std::uint64_t ns_bytes = 0;
};

constexpr std::size_t Padded(std::size_t bytes) {
  return (bytes + 7) / 8 * 8;
}

Error Damaged() {
  return Error{ErrorCode::kDataLoss, "a stored record does not fit its frame",
               "restore this directory from a backup"};
}

template <class T>
void AppendPadded(std::string& out, const T* data, std::size_t count) {
  out.append(reinterpret_cast<const char*>(data), count * sizeof(T));
  out.append(Padded(out.size()) - out.size(), '\0');
}

/// Takes `count` values of T off the front of `bytes`; false if there are not so many.
template <class T>
bool Take(std::string_view& bytes, std::size_t count, const T*& taken) {
  // The count may be any number: what it comes to must not overflow.
  const std::size_t wanted =
      count <= bytes.size() / sizeof(T) ? Padded(count * sizeof(T)) : bytes.size() + 1;
  if (wanted > bytes.size()) {
    return false;
  }
  taken = reinterpret_cast<const T*>(bytes.data());
  bytes.remove_prefix(wanted);
  return true;
}

void AppendOperation(std::string& out, const OperationHeader& header, std::string_view text) {
  AppendPadded(out, &header, 1);
  AppendPadded(out, text.data(), text.size());
}

}  // namespace

Result<OperationView> DecodeOperation(std::string_view bytes) {
  std::string_view rest = bytes;
  const OperationHeader* header = nullptr;
  const char* text = nullptr;
  const float* values = nullptr;
  const std::uint32_t* indices = nullptr;
  const float* sparse = nullptr;
  const char* metadata = nullptr;
  if (!Take(rest, 1, header) || !Take(rest, header->text_bytes, text) ||
      !Take(rest, header->values_count, values) || !Take(rest, header->sparse_count, indices) ||
      !Take(rest, header->sparse_count, sparse) || !Take(rest, header->metadata_bytes, metadata)) {
    return std::unexpected(Damaged());
  }
  return OperationView{.kind = header->kind,
                       .text = {text, header->text_bytes},
                       .values = {values, header->values_count},
                       .norm = header->norm,
                       .sparse_indices = {indices, header->sparse_count},
                       .sparse_values = {sparse, header->sparse_count},
                       .metadata = {metadata, header->metadata_bytes},
                       .bytes = bytes.substr(0, bytes.size() - rest.size())};
}

DenseView DenseOf(std::string_view bytes) {
  const OperationHeader* header = nullptr;
  const char* text = nullptr;
  const float* values = nullptr;
  CHECK(Take(bytes, 1, header) && Take(bytes, header->text_bytes, text) &&
        Take(bytes, header->values_count, values));
  return {.values = {values, header->values_count}, .norm = header->norm};
}

Result<VectorRecord> ToRecord(const OperationView& stored) {
  VectorRecord record;
  record.id = stored.text;
  record.values.assign(stored.values.begin(), stored.values.end());
  record.sparse.indices.assign(stored.sparse_indices.begin(), stored.sparse_indices.end());
  record.sparse.values.assign(stored.sparse_values.begin(), stored.sparse_values.end());
  REHOME_TRY_ASSIGN(record.metadata, ReadStoredMetadata(stored.metadata));
  return record;
}

FrameBuilder::FrameBuilder(std::string_view ns, std::uint64_t lsn)
    : bytes_(kFrameHeaderBytes, '\0') {
  const PayloadHeader header{.lsn = lsn, .ns_bytes = ns.size()};
  AppendPadded(bytes_, &header, 1);
  AppendPadded(bytes_, ns.data(), ns.size());
}

void FrameBuilder::Put(const VectorRecord& record) {
  const std::string metadata = record.metadata.empty() ? "" : MetadataJson(record.metadata);
  AppendOperation(bytes_,
                  {.kind = OperationKind::kPut,
                   .text_bytes = static_cast<std::uint32_t>(record.id.size()),
                   .values_count = static_cast<std::uint32_t>(record.values.size()),
                   .sparse_count = static_cast<std::uint32_t>(record.sparse.indices.size()),
                   .metadata_bytes = static_cast<std::uint32_t>(metadata.size()),
                   .norm = std::sqrt(Dot(record.values, record.values))},
                  record.id);
  AppendPadded(bytes_, record.values.data(), record.values.size());
  AppendPadded(bytes_, record.sparse.indices.data(), record.sparse.indices.size());
  AppendPadded(bytes_, record.sparse.values.data(), record.sparse.values.size());
  AppendPadded(bytes_, metadata.data(), metadata.size());
}

void FrameBuilder::Add(OperationKind kind, std::string_view text) {
  AppendOperation(bytes_, {.kind = kind, .text_bytes = static_cast<std::uint32_t>(text.size())},
                  text);
}

Status ForEachOperation(std::uint64_t offset, std::string_view payload, const OperationSink& sink) {
  std::string_view rest = payload;
  const PayloadHeader* header = nullptr;
  const char* ns = nullptr;
  if (!Take(rest, 1, header) || !Take(rest, header->ns_bytes, ns)) {
    return std::unexpected(Damaged());
  }
  const FrameView frame{.ns = {ns, header->ns_bytes}, .lsn = header->lsn};
  while (!rest.empty()) {
    REHOME_TRY_ASSIGN(const OperationView operation, DecodeOperation(rest));
    REHOME_TRY(sink(frame, offset + (payload.size() - rest.size()), operation));
    rest.remove_prefix(operation.bytes.size());
  }
  return {};
}

}  // namespace rehome::pinecone_local
