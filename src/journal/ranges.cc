#include "journal/ranges.h"

#include <fmt/format.h>

#include <utility>

#include "journal/names.h"
#include "model/fields.h"

namespace rehome {
namespace {

// Far above any number of workers; an id in this form keeps ranges in order.
constexpr std::string_view kIdFormat = "{}:{}:{:05}";

void OptionalValue(DocumentBuilder& builder, std::string_view key,
                   const std::optional<Value>& value) {
  if (value) {
    builder.Append(key, *value);
  }
}

std::optional<Value> ToOptionalValue(DocumentView document, std::string_view key) {
  const auto value = document.Find(key);
  return value ? std::optional(Value(*value)) : std::nullopt;
}

Document ToDocument(const std::string& run_id, Phase phase, const RangeRecord& record) {
  DocumentBuilder counts;
  for (const auto& [key, value] : record.counts) {
    counts.Int64(key, value);
  }
  DocumentBuilder builder;
  builder.String("_id", fmt::format(kIdFormat, run_id, Number(phase), record.number))
      .String("of", fmt::format("{}:{}", run_id, Number(phase)))
      .Int32("number", record.number)
      .Int32("count", record.of);
  OptionalValue(builder, "after", record.range.after);
  OptionalValue(builder, "upto", record.range.upto);
  OptionalValue(builder, "reached", record.reached);
  return builder.Bool("done", record.done)
      .Append("counts", counts.Finish())
      .Int64("read", static_cast<std::int64_t>(record.read))
      .String("written", record.written.ToString())
      .Finish();
}

Result<RangeRecord> FromDocument(DocumentView document) {
  RangeRecord out;
  out.number = static_cast<int>(IntField(document, "number"));
  out.of = static_cast<int>(IntField(document, "count"));
  out.range = {.after = ToOptionalValue(document, "after"),
               .upto = ToOptionalValue(document, "upto")};
  out.reached = ToOptionalValue(document, "reached");
  out.done = BoolField(document, "done");
  for (const auto& [key, value] : DocumentField(document, "counts")) {
    out.counts.emplace(key, value.AsInt64());
  }
  out.read = static_cast<std::uint64_t>(IntField(document, "read"));
  REHOME_TRY_ASSIGN(out.written, SetDigest::Parse(StringField(document, "written")));
  return out;
}

}  // namespace

Result<std::vector<RangeRecord>> Ranges::Load(const Call& call) const {
  const Value of = Value::String(fmt::format("{}:{}", run_id_, Number(phase_)));
  REHOME_TRY_ASSIGN(const auto documents,
                    store_.FindByField(journal::kRanges, "of", {&of, 1}, SIZE_MAX, call));
  std::vector<RangeRecord> out;
  for (const Document& document : documents) {
    REHOME_TRY_ASSIGN(RangeRecord record, FromDocument(document.view()));
    out.push_back(std::move(record));
  }
  // A batch of writes need not be atomic: some of the ranges alone do not cover everything.
  if (!out.empty() && std::cmp_not_equal(out.size(), out.front().of)) {
    out.clear();
  }
  return out;
}

Result<std::vector<RangeRecord>> Ranges::Start(const std::vector<IdRange>& ranges,
                                               const Call& call) {
  REHOME_TRY(Clear(call));
  std::vector<RangeRecord> out;
  std::vector<Write> writes;
  for (const IdRange& range : ranges) {
    out.push_back({.number = static_cast<int>(out.size()),
                   .range = range,
                   .reached = {},
                   .done = false,
                   .of = static_cast<int>(ranges.size()),
                   .counts = {},
                   .read = 0,
                   .written = {}});
    writes.push_back(Write::Put(ToDocument(run_id_, phase_, out.back())));
  }
  REHOME_TRY(store_.Apply(journal::kRanges, writes, {}, call));
  return out;
}

Status Ranges::Save(const RangeRecord& record, const Call& call) {
  const Write write = Write::Put(ToDocument(run_id_, phase_, record));
  REHOME_TRY(store_.Apply(journal::kRanges, {&write, 1}, {}, call));
  return {};
}

Status Ranges::Clear(const Call& call) {
  const Value of = Value::String(fmt::format("{}:{}", run_id_, Number(phase_)));
  REHOME_TRY_ASSIGN(const auto documents,
                    store_.FindByField(journal::kRanges, "of", {&of, 1}, SIZE_MAX, call));
  std::vector<Write> writes;
  for (const Document& document : documents) {
    writes.push_back(Write::Delete(document));
  }
  if (!writes.empty()) {
    REHOME_TRY(store_.Apply(journal::kRanges, writes, {}, call));
  }
  return {};
}

}  // namespace rehome
