#include "journal/saved.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/digest.h"
#include "journal/names.h"
#include "journal/parts.h"
#include "model/extended_json.h"
#include "model/fields.h"

namespace rehome {

Value Saved::Key(const SavedDatum& datum) const {
  // The datum's own digest: saving again is the same record, another version of it another one.
  const std::string digest =
      Md5(datum.why + '\0' + datum.place + '\0' + datum.id + '\0' + datum.json).Hex();
  return Value::String(fmt::format("{}:{}", run_id_, digest));
}

DocumentBuilder Saved::Record(const SavedDatum& datum) const {
  DocumentBuilder builder;
  builder.Append("_id", Key(datum))
      .String("run", run_id_)
      .String("why", datum.why)
      .String("place", datum.place)
      .String("datum_id", datum.id);
  return builder;
}

Result<std::size_t> Saved::Add(std::string_view why, std::string_view collection,
                               std::span<const Document> documents, const Call& call) {
  std::vector<Write> records;
  for (const Document& document : documents) {
    const SavedDatum datum{.why = std::string(why),
                           .place = std::string(collection),
                           .id = ToExtendedJson(document.Id(), JsonMode::kCanonical),
                           .json = ToExtendedJson(document.view(), JsonMode::kCanonical)};
    DocumentBuilder record = Record(datum);
    // As they are: Extended JSON does not carry every BSON byte.
    if (document.bytes().size() <= kPartBytes) {
      records.push_back(Write::Insert(record.Binary("bson", document.bytes()).Finish()));
      continue;
    }
    std::vector<Write> parts;
    record.Int32("parts", AppendParts(Key(datum), document, parts));
    REHOME_TRY(store_.Apply(journal::kSavedDocuments, parts, {}, call));
    records.push_back(Write::Insert(record.Finish()));
  }
  return Put(records, call);
}

Result<std::size_t> Saved::Add(std::string_view why, std::string_view ns,
                               std::span<const VectorRecord> records, const Call& call) {
  std::vector<Write> writes;
  for (const VectorRecord& record : records) {
    const SavedDatum datum{.why = std::string(why),
                           .place = std::string(ns),
                           .id = record.id,
                           .json = VectorJson(record)};
    writes.push_back(Write::Insert(Record(datum).String("json", datum.json).Finish()));
  }
  return Put(writes, call);
}

Result<std::size_t> Saved::Put(std::span<const Write> records, const Call& call) {
  if (records.empty()) {
    return std::size_t{0};
  }
  REHOME_TRY_ASSIGN(const auto results, store_.Apply(journal::kSaved, records, {}, call));
  return static_cast<std::size_t>(std::ranges::count_if(results, &WriteResult::applied));
}

Result<std::vector<SavedDatum>> Saved::List(const Call& call) const {
  const Value run = Value::String(run_id_);
  REHOME_TRY_ASSIGN(const auto documents,
                    store_.FindByField(journal::kSaved, "run", {&run, 1}, SIZE_MAX, call));
  std::vector<SavedDatum> out;
  for (const Document& document : documents) {
    SavedDatum datum{.why = StringField(document.view(), "why"),
                     .place = StringField(document.view(), "place"),
                     .id = StringField(document.view(), "datum_id"),
                     .json = StringField(document.view(), "json")};
    if (document.Find("parts")) {
      REHOME_TRY_ASSIGN(
          const Document saved,
          ReadParts(store_, journal::kSavedDocuments, Value(document.Id()),
                    static_cast<std::int32_t>(IntField(document.view(), "parts")), call));
      datum.json = ToExtendedJson(saved.view(), JsonMode::kCanonical);
    } else if (document.Find("bson")) {
      const Document saved = Document::Trusted(std::string(BinaryField(document.view(), "bson")));
      datum.json = ToExtendedJson(saved.view(), JsonMode::kCanonical);
    }
    out.push_back(std::move(datum));
  }
  return out;
}

}  // namespace rehome
