#include "journal/quarantine.h"

#include <fmt/format.h>

#include <algorithm>

#include "journal/names.h"
#include "journal/parts.h"
#include "model/fields.h"

namespace rehome {
namespace {

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

std::int32_t PartsOf(const Document& record) {
  return static_cast<std::int32_t>(IntField(record.view(), "parts"));
}

}  // namespace

Value Quarantine::Key(const Value& source_id) const {
  return DocumentValue(DocumentBuilder().String("run", run_id_).Append("id", source_id).Finish());
}

Status Quarantine::Prepare(DocumentStore& store, const Call& call) {
  return store.EnsureIndex(journal::kQuarantine, {.name = "run", .paths = {"run"}}, call);
}

Status Quarantine::Add(std::span<const Quarantined> all, const Call& call) {
  if (all.empty()) {
    return {};
  }
  known_ = Known::kNotEmpty;
  std::vector<Value> keys;
  for (const Quarantined& one : all) {
    keys.push_back(Key(one.record.source_id));
  }
  REHOME_TRY_ASSIGN(const auto before, store_.FindByIds(journal::kQuarantine, keys, call));
  std::vector<Write> parts;
  std::vector<Write> records;
  std::vector<Value> needless;  // parts of what stood there and was longer
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const QuarantineRecord& record = all[i].record;
    const std::int32_t count = AppendParts(keys[i], *all[i].source, parts);
    AppendPartKeys(keys[i], count, before[i] ? PartsOf(*before[i]) : 0, needless);
    bytes += all[i].source->bytes().size();
    if (bytes >= kPartBytes || i + 1 == all.size()) {
      REHOME_TRY(store_.Apply(journal::kQuarantineDocuments, parts, {}, call));
      parts.clear();
      bytes = 0;
    }
    const std::string_view digest(reinterpret_cast<const char*>(record.digest.bytes.data()),
                                  record.digest.bytes.size());
    records.push_back(Write::Put(DocumentBuilder()
                                     .Append("_id", keys[i])
                                     .String("run", run_id_)
                                     .Append("source_id", record.source_id)
                                     .String("reason", Name(record.reason))
                                     .String("detail", record.detail)
                                     .Binary("digest", digest)
                                     .Int32("parts", count)
                                     .Finish()));
  }
  REHOME_TRY(store_.Apply(journal::kQuarantine, records, {}, call));
  return RemoveParts(store_, journal::kQuarantineDocuments, needless, call);
}

Result<bool> Quarantine::IsEmpty(const Call& call) {
  if (known_ == Known::kNothing) {
    const Value run = Value::String(run_id_);
    REHOME_TRY_ASSIGN(const auto first,
                      store_.FindByField(journal::kQuarantine, "run", {&run, 1}, 1, call));
    Known nothing = Known::kNothing;  // unless another thread has put something there meanwhile
    known_.compare_exchange_strong(nothing, first.empty() ? Known::kEmpty : Known::kNotEmpty);
  }
  return known_ == Known::kEmpty;
}

Status Quarantine::Remove(std::span<const Value> source_ids, const Call& call) {
  REHOME_TRY_ASSIGN(const bool empty, IsEmpty(call));
  if (empty) {
    return {};
  }
  std::vector<Value> keys;
  for (const Value& id : source_ids) {
    keys.push_back(Key(id));
  }
  REHOME_TRY_ASSIGN(auto found, store_.FindByIds(journal::kQuarantine, keys, call));
  std::vector<Write> gone;
  std::vector<Value> parts;
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (found[i]) {
      AppendPartKeys(keys[i], 0, PartsOf(*found[i]), parts);
      gone.push_back(Write::Delete(*std::move(found[i])));
    }
  }
  if (gone.empty()) {
    return {};
  }
  // The records go first: parts without a record are invisible, a record without parts would be a
  // lie.
  REHOME_TRY(store_.Apply(journal::kQuarantine, gone, {}, call));
  return RemoveParts(store_, journal::kQuarantineDocuments, parts, call);
}

Result<std::uint64_t> Quarantine::Count(const Call& call) const {
  REHOME_TRY_ASSIGN(const auto records, List(call));
  return records.size();
}

Result<std::vector<QuarantineRecord>> Quarantine::List(const Call& call) const {
  const Value run = Value::String(run_id_);
  REHOME_TRY_ASSIGN(const auto documents, store_.FindByField(journal::kQuarantine, "run", {&run, 1},
                                                             journal::kNoLimit, call));
  std::vector<QuarantineRecord> out;
  out.reserve(documents.size());
  for (const Document& document : documents) {
    out.push_back(ToRecord(document.view()));
  }
  return out;
}

Result<std::vector<Value>> Quarantine::ListIds(const Call& call) const {
  REHOME_TRY_ASSIGN(auto records, List(call));
  std::vector<Value> out;
  out.reserve(records.size());
  for (QuarantineRecord& record : records) {
    out.push_back(std::move(record.source_id));
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
  REHOME_TRY_ASSIGN(Document document, ReadParts(store_, journal::kQuarantineDocuments, key,
                                                 PartsOf(*record.front()), call));
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
