#include "journal/saved.h"

#include <fmt/format.h>

#include "base/digest.h"
#include "journal/names.h"
#include "model/extended_json.h"
#include "model/fields.h"

namespace rehome {

Document Saved::Record(const SavedDatum& datum, const Document* document) const {
  // The id is the datum's own digest: saving again is the same record, another version of it
  // another one.
  const std::string digest =
      Md5(datum.why + '\0' + datum.place + '\0' + datum.id + '\0' + datum.json).Hex();
  DocumentBuilder builder;
  builder.String("_id", fmt::format("{}:{}", run_id_, digest))
      .String("run", run_id_)
      .String("why", datum.why)
      .String("place", datum.place)
      .String("datum_id", datum.id);
  // Documents also as they are: Extended JSON does not carry every BSON byte.
  if (document != nullptr) {
    builder.Binary("bson", document->bytes());
  } else {
    builder.String("json", datum.json);
  }
  return builder.Finish();
}

Status Saved::Add(std::string_view why, std::string_view collection,
                  std::span<const Document> documents, const Call& call) {
  std::vector<Write> writes;
  for (const Document& document : documents) {
    writes.push_back(
        Write::Put(Record({.why = std::string(why),
                           .place = std::string(collection),
                           .id = ToExtendedJson(document.Id(), JsonMode::kCanonical),
                           .json = ToExtendedJson(document.view(), JsonMode::kCanonical)},
                          &document)));
  }
  return Put(writes, call);
}

Status Saved::Add(std::string_view why, std::string_view ns, std::span<const VectorRecord> records,
                  const Call& call) {
  std::vector<Write> writes;
  for (const VectorRecord& record : records) {
    writes.push_back(Write::Put(Record({.why = std::string(why),
                                        .place = std::string(ns),
                                        .id = record.id,
                                        .json = VectorJson(record)},
                                       nullptr)));
  }
  return Put(writes, call);
}

Status Saved::Put(std::span<const Write> writes, const Call& call) {
  if (writes.empty()) {
    return {};
  }
  REHOME_TRY(store_.Apply(journal::kSaved, writes, {}, call));
  return {};
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
    if (document.Find("bson")) {
      const Document saved = Document::Trusted(std::string(BinaryField(document.view(), "bson")));
      datum.json = ToExtendedJson(saved.view(), JsonMode::kCanonical);
    }
    out.push_back(std::move(datum));
  }
  return out;
}

}  // namespace rehome
