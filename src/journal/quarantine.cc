#include "journal/quarantine.h"

#include <fmt/format.h>

#include <algorithm>

#include "journal/names.h"
#include "model/fields.h"

namespace rehome {
namespace {

// A record stays far below 16 MiB; the document beside it is cut into parts so that the largest one
// fits too.
constexpr std::size_t kPartBytes = std::size_t{8} << 20U;
constexpr std::size_t kNoLimit = SIZE_MAX;

QuarantineRecord ToRecord(DocumentView document) {
  QuarantineRecord out{.source_id = Value(*document.Find("source_id")),
                       .reason = QuarantineReasonOf(StringField(document, "reason"))
                                     .value_or(QuarantineReason::kMappingFailed),
                       .detail = StringField(document, "detail"),
                       .digest = {}};
  std::ranges::copy(BinaryField(document, "digest"), out.digest.bytes.begin());
  return out;
}

Value DocumentValue(const Document& document) {
  return Value(ValueView(BsonType::kDocument, document.bytes()));
}

Value PartKey(const Value& key, std::int32_t part) {
  return DocumentValue(DocumentBuilder().Append("of", key).Int32("part", part).Finish());
}

}  // namespace

Value Quarantine::Key(const Value& source_id) const {
  return DocumentValue(DocumentBuilder().String("run", run_id_).Append("id", source_id).Finish());
}

Status Quarantine::Prepare(DocumentStore& store, const Call& call) {
  return store.EnsureIndex(journal::kQuarantine, {.name = "run", .paths = {"run"}}, call);
}

Status Quarantine::Add(const QuarantineRecord& record, const Document& source, const Call& call) {
  const Value key = Key(record.source_id);
  REHOME_TRY_ASSIGN(const auto before, store_.FindByIds(journal::kQuarantine, {&key, 1}, call));
  const auto parts_before =
      before.front() ? static_cast<std::int32_t>(IntField(before.front()->view(), "parts")) : 0;
  const std::string& bytes = source.bytes();
  std::int32_t parts = 0;
  for (std::size_t start = 0; start < bytes.size(); start += kPartBytes) {
    const Write part =
        Write::Put(DocumentBuilder()
                       .Append("_id", PartKey(key, parts++))
                       .Binary("bytes", std::string_view(bytes).substr(start, kPartBytes))
                       .Finish());
    REHOME_TRY(store_.Apply(journal::kQuarantineDocuments, {&part, 1}, {}, call));
  }
  const std::string_view digest(reinterpret_cast<const char*>(record.digest.bytes.data()),
                                record.digest.bytes.size());
  const Write write = Write::Put(DocumentBuilder()
                                     .Append("_id", key)
                                     .String("run", run_id_)
                                     .Append("source_id", record.source_id)
                                     .String("reason", Name(record.reason))
                                     .String("detail", record.detail)
                                     .Binary("digest", digest)
                                     .Int32("parts", parts)
                                     .Finish());
  REHOME_TRY(store_.Apply(journal::kQuarantine, {&write, 1}, {}, call));
  return RemoveParts(key, parts, parts_before, call);
}

Status Quarantine::RemoveParts(const Value& key, std::int32_t first, std::int32_t end,
                               const Call& call) {
  for (std::int32_t part = first; part < end; ++part) {
    const Value part_key = PartKey(key, part);
    REHOME_TRY_ASSIGN(const auto found,
                      store_.FindByIds(journal::kQuarantineDocuments, {&part_key, 1}, call));
    if (found.front()) {
      const Write gone = Write::Delete(*found.front());
      REHOME_TRY(store_.Apply(journal::kQuarantineDocuments, {&gone, 1}, {}, call));
    }
  }
  return {};
}

Status Quarantine::Remove(std::span<const Value> source_ids, const Call& call) {
  std::vector<Value> keys;
  for (const Value& id : source_ids) {
    keys.push_back(Key(id));
  }
  REHOME_TRY_ASSIGN(const auto records, store_.FindByIds(journal::kQuarantine, keys, call));
  for (const auto& record : records) {
    if (!record) {
      continue;
    }
    // The record goes first: parts without a record are invisible, a record without parts would be
    // a lie.
    const Write gone = Write::Delete(*record);
    REHOME_TRY(store_.Apply(journal::kQuarantine, {&gone, 1}, {}, call));
    REHOME_TRY(RemoveParts(Value(record->Id()), 0,
                           static_cast<std::int32_t>(IntField(record->view(), "parts")), call));
  }
  return {};
}

Result<std::uint64_t> Quarantine::Count(const Call& call) const {
  REHOME_TRY_ASSIGN(const auto records, List(call));
  return records.size();
}

Result<std::vector<QuarantineRecord>> Quarantine::List(const Call& call) const {
  const Value run = Value::String(run_id_);
  REHOME_TRY_ASSIGN(const auto documents,
                    store_.FindByField(journal::kQuarantine, "run", {&run, 1}, kNoLimit, call));
  std::vector<QuarantineRecord> out;
  out.reserve(documents.size());
  for (const Document& document : documents) {
    out.push_back(ToRecord(document.view()));
  }
  return out;
}

Result<std::optional<QuarantineRecord>> Quarantine::Find(const Value& source_id,
                                                         const Call& call) const {
  const Value key = Key(source_id);
  REHOME_TRY_ASSIGN(const auto found, store_.FindByIds(journal::kQuarantine, {&key, 1}, call));
  return found.front() ? std::optional(ToRecord(found.front()->view())) : std::nullopt;
}

Result<std::optional<Document>> Quarantine::FindDocument(const Value& source_id,
                                                         const Call& call) const {
  const Value key = Key(source_id);
  REHOME_TRY_ASSIGN(const auto record, store_.FindByIds(journal::kQuarantine, {&key, 1}, call));
  if (!record.front()) {
    return std::optional<Document>();
  }
  std::string bytes;
  const auto parts = static_cast<std::int32_t>(IntField(record.front()->view(), "parts"));
  for (std::int32_t part = 0; part < parts; ++part) {
    const Value part_key = PartKey(key, part);
    REHOME_TRY_ASSIGN(const auto found,
                      store_.FindByIds(journal::kQuarantineDocuments, {&part_key, 1}, call));
    if (!found.front()) {
      return Fail(ErrorCode::kDataLoss,
                  fmt::format("part {} of a quarantined document is missing", part));
    }
    bytes += BinaryField(found.front()->view(), "bytes");
  }
  REHOME_TRY_ASSIGN(Document document, Document::Parse(std::move(bytes)));
  return std::optional(std::move(document));
}

Result<std::vector<bool>> Quarantine::Contains(std::span<const Value> source_ids,
                                               const Call& call) const {
  std::vector<Value> keys;
  for (const Value& id : source_ids) {
    keys.push_back(Key(id));
  }
  REHOME_TRY_ASSIGN(const auto records, store_.FindByIds(journal::kQuarantine, keys, call));
  std::vector<bool> out;
  for (const auto& record : records) {
    out.push_back(record.has_value());
  }
  return out;
}

}  // namespace rehome
