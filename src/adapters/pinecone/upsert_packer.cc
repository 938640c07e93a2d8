#include "adapters/pinecone/upsert_packer.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "base/float_text.h"
#include "model/storable.h"
#include "ports/vector_store.h"

namespace rehome {
namespace {

constexpr std::size_t kNameBytesMax = 512;
constexpr std::string_view kTail = "]}";

bool IsName(std::string_view name) {
  return !name.empty() && name.size() <= kNameBytesMax &&
         std::ranges::all_of(name, [](char c) { return c > 0; });
}

std::unexpected<Error> Refused(std::string_view id, std::string_view why) {
  return Fail(ErrorCode::kInvalidArgument, fmt::format("vector {}: {}", Quoted(id), why));
}

Status AppendRecord(std::string& body, const VectorRecord& record) {
  const std::string metadata = record.metadata.empty() ? "" : MetadataJson(record.metadata);
  if (const std::string why = WhyNotStorable(record, metadata.size()); !why.empty()) {
    return Refused(record.id, why);
  }
  body.append(R"({"id":)").append(Quoted(record.id));
  if (!record.values.empty()) {
    body.append(R"(,"values":)");
    AppendFloats(body, record.values);
  }
  if (!record.sparse.indices.empty()) {
    body += fmt::format(R"(,"sparseValues":{{"indices":[{}],"values":)",
                        fmt::join(record.sparse.indices, ","));
    AppendFloats(body, record.sparse.values);
    body.push_back('}');
  }
  if (!metadata.empty()) {
    body.append(R"(,"metadata":)").append(metadata);
  }
  body.push_back('}');
  return {};
}

/// The records to send: of those with one id the last.
std::vector<const VectorRecord*> LastWins(std::span<const VectorRecord> records) {
  std::unordered_map<std::string_view, const VectorRecord*> last;
  last.reserve(records.size());
  for (const VectorRecord& record : records) {
    last[record.id] = &record;
  }
  std::vector<const VectorRecord*> out;
  out.reserve(last.size());
  for (const VectorRecord& record : records) {
    if (last[record.id] == &record) {
      out.push_back(&record);
    }
  }
  return out;
}

/// Of a whole body, generously: it is allocated once.
std::size_t ExpectedBytes(const std::vector<const VectorRecord*>& records) {
  constexpr std::size_t kRecordBytes = 1024;
  std::size_t bytes = kRecordBytes;
  for (const VectorRecord* record : records) {
    bytes += kRecordBytes +
             (record->values.size() + record->sparse.values.size()) * (kFloatTextBytesMax + 1);
    if (bytes > VectorStore::kRequestBytesMax) {
      break;
    }
  }
  return std::min(bytes, VectorStore::kRequestBytesMax + kRecordBytes);
}

}  // namespace

UpsertPacker::UpsertPacker(std::string_view ns, std::span<const VectorRecord> records)
    : head_(fmt::format(R"({{"namespace":{},"vectors":[)", Quoted(ns))),
      records_(LastWins(records)),
      bytes_expected_(ExpectedBytes(records_)) {}

Result<std::optional<UpsertPacker::Body>> UpsertPacker::Next() {
  if (next_ == records_.size()) {
    return std::nullopt;
  }
  Body body;
  body.text.reserve(bytes_expected_);
  body.text = head_;
  while (next_ < records_.size() && body.count < VectorStore::kUpsertCountMax) {
    const std::size_t before = body.text.size();
    if (body.count > 0) {
      body.text.push_back(',');
    }
    REHOME_TRY(AppendRecord(body.text, *records_[next_]));
    if (body.text.size() + kTail.size() > VectorStore::kRequestBytesMax) {
      if (body.count == 0) {
        return Refused(records_[next_]->id,
                       fmt::format("it alone takes {} bytes, a request may have {}",
                                   body.text.size(), VectorStore::kRequestBytesMax));
      }
      body.text.resize(before);
      break;
    }
    ++next_;
    ++body.count;
  }
  body.text.append(kTail);
  return body;
}

Status ValidateNamespace(std::string_view ns) {
  if (ns.empty() || ns == "__default__") {
    return Fail(ErrorCode::kInvalidArgument,
                "the default namespace belongs to no tenant and is never used",
                "name the tenant's namespace");
  }
  if (!IsName(ns)) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("namespace {}: a name is 1 to {} ASCII characters without NUL",
                            Quoted(ns), kNameBytesMax));
  }
  return {};
}

std::string Quoted(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace rehome
