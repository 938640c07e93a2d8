#include "journal/ledger.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <ranges>

#include "journal/names.h"
#include "model/fields.h"
#include "model/sort_key.h"

namespace rehome {
namespace {

constexpr std::string_view kOpen = "open";
constexpr std::string_view kDone = "done";
constexpr std::size_t kDigestBytes = 16;
constexpr std::size_t kRunDigits = 10;
// An id with more superseded entries than this loses them, however few the others of their records
// are: reading a history stays a matter of a few records.
constexpr std::size_t kSupersededMax = 4;

std::string_view StoreName(LedgerTarget::Store store) {
  return store == LedgerTarget::Store::kDocuments ? "documents" : "vectors";
}

void AppendDigest(std::string& out, const std::optional<Md5Digest>& digest) {
  // All zero stands for "absent": no MD5 that anybody knows.
  const Md5Digest stored = digest.value_or(Md5Digest{});
  out.append(reinterpret_cast<const char*>(stored.bytes.data()), stored.bytes.size());
}

std::optional<Md5Digest> DigestAt(std::string_view packed, std::size_t index) {
  Md5Digest out;
  if (packed.size() < (index + 1) * kDigestBytes) {
    return std::nullopt;
  }
  std::ranges::copy(packed.substr(index * kDigestBytes, kDigestBytes), out.bytes.begin());
  return out == Md5Digest{} ? std::nullopt : std::optional(out);
}

/// The record, closed, with those of its entries that `kept` names.
Document Closed(const Document& record, const std::vector<bool>& kept) {
  DocumentBuilder builder;
  for (const auto& [key, value] : record.view()) {
    if (key == "state") {
      builder.String(key, kDone);
    } else if (key == "ids") {
      ArrayBuilder ids;
      std::size_t index = 0;
      for (const auto& [position, id] : value.AsDocument()) {
        if (kept[index++]) {
          ids.Append(id);
        }
      }
      builder.Array(key, ids.Finish());
    } else if (const std::string_view digests = BinaryField(record.view(), key); !digests.empty()) {
      std::string some;
      for (std::size_t index = 0; index < kept.size(); ++index) {
        if (kept[index]) {
          some += digests.substr(index * kDigestBytes, kDigestBytes);
        }
      }
      builder.Binary(key, some);
    } else {
      builder.Append(key, value);
    }
  }
  return builder.Finish();
}

/// `record` with those of its entries that `kept` names; one without any goes.
Write Reduce(const Document& record, const std::vector<bool>& kept) {
  const bool any = std::ranges::find(kept, true) != kept.end();
  return any ? Write::Replace(record, Closed(record, kept)) : Write::Delete(record);
}

LedgerTarget TargetOf(DocumentView record) {
  return {.store = StringField(record, "store") == StoreName(LedgerTarget::Store::kVectors)
                       ? LedgerTarget::Store::kVectors
                       : LedgerTarget::Store::kDocuments,
          .name = StringField(record, "target")};
}

LedgerEntry EntryAt(DocumentView record, std::size_t index, ValueView id) {
  return {.id = Value(id),
          .before = DigestAt(BinaryField(record, "before"), index),
          .after = DigestAt(BinaryField(record, "after"), index),
          .text = DigestAt(BinaryField(record, "text"), index)};
}

}  // namespace

const OwnedHistory::Step* OwnedHistory::LastDone() const {
  return steps.empty() || steps.back().open ? nullptr : &steps.back();
}

Ownership Judge(const OwnedHistory& history, const Md5Digest& found) {
  for (const OwnedHistory::Step& step : history.steps) {
    if (step.after == found) {
      return Ownership::kOurs;
    }
    if (!step.open) {
      return step.after ? Ownership::kChanged : Ownership::kForeign;
    }
  }
  return Ownership::kForeign;
}

Ledger::Ledger(DocumentStore& store, std::string run_id, std::int64_t epoch)
    : store_(store),
      run_id_(std::move(run_id)),
      epoch_(epoch),
      // Short, since the index over the ids repeats it for every one of them.
      id_prefix_(fmt::format("{}{:06x}", Md5(run_id_).Hex().substr(0, kRunDigits), epoch_)) {}

Status Ledger::Prepare(DocumentStore& store, const Call& call) {
  REHOME_TRY(store.EnsureIndex(journal::kIntents, {.name = "ids", .paths = {"ids"}}, call));
  return store.EnsureIndex(journal::kIntents, {.name = "state", .paths = {"state"}}, call);
}

void Ledger::AddTo(Batch& batch, const LedgerTarget& target, std::span<const LedgerEntry> entries) {
  for (std::size_t start = 0; start < entries.size(); start += kEntriesMax) {
    const auto part = entries.subspan(start, std::min(kEntriesMax, entries.size() - start));
    const bool replaces = std::ranges::any_of(
        part, [](const LedgerEntry& entry) { return entry.before.has_value(); });
    ArrayBuilder ids;
    std::string before;
    std::string after;
    std::string text;
    for (const LedgerEntry& entry : part) {
      ids.Append(entry.id.view());
      AppendDigest(before, entry.before);
      AppendDigest(after, entry.after);
      AppendDigest(text, entry.text);
    }
    const std::int64_t number = next_++;
    DocumentBuilder builder;
    builder.String("_id", fmt::format("{}{:08x}", id_prefix_, number))
        .String("run", run_id_)
        .Int64("epoch", epoch_)
        .Int64("number", number)
        .String("store", StoreName(target.store))
        .String("target", target.name)
        .String("state", kOpen)
        .Array("ids", ids.Finish())
        .Binary("after", after);
    if (replaces) {
      builder.Binary("before", before);
    }
    if (target.store == LedgerTarget::Store::kVectors) {
      builder.Binary("text", text);
    }
    batch.records.push_back(builder.Finish());
  }
}

Result<Ledger::Batch> Ledger::MakeDurable(Batch batch, const Call& call) {
  std::vector<Write> writes;
  for (const Document& record : batch.records) {
    writes.push_back(Write::Insert(record));
  }
  if (writes.empty()) {
    return batch;
  }
  REHOME_TRY_ASSIGN(const auto results, store_.Apply(journal::kIntents, writes, {}, call));
  for (std::size_t i = 0; i < results.size(); ++i) {
    // A repeated call whose first reply was lost finds its own record.
    if (!results[i].applied() && results[i].found != batch.records[i]) {
      return Fail(
          ErrorCode::kAborted,
          fmt::format("another runner wrote the intents {}", batch.records[i].Id().AsString()),
          "one runner at a time: look at `rehome status` before running again");
    }
  }
  return batch;
}

Result<Ledger::Batch> Ledger::Open(const LedgerTarget& target, std::span<const LedgerEntry> entries,
                                   const Call& call) {
  Batch batch;
  AddTo(batch, target, entries);
  return MakeDurable(std::move(batch), call);
}

Result<Ledger::Batch> Ledger::Open(std::span<const Intent> intents, const Call& call) {
  Batch batch;
  for (const Intent& intent : intents) {
    AddTo(batch, intent.target, intent.entries);
  }
  return MakeDurable(std::move(batch), call);
}

Status Ledger::Close(const Batch& batch, const std::vector<bool>& written, const Call& call) {
  std::vector<Write> writes;
  std::vector<std::pair<LedgerTarget, std::vector<Value>>> deleted;  // by target
  std::size_t position = 0;
  for (const Document& record : batch.records) {
    if (const LedgerTarget target = TargetOf(record.view());
        deleted.empty() || deleted.back().first != target) {
      deleted.emplace_back(target, std::vector<Value>());
    }
    const std::string_view after = BinaryField(record.view(), "after");
    std::vector<bool> kept;
    for (const auto& [key, id] : DocumentField(record.view(), "ids")) {
      CHECK(position < written.size());
      kept.push_back(written[position++]);
      if (kept.back() && !DigestAt(after, kept.size() - 1)) {
        deleted.back().second.emplace_back(id);
      }
    }
    writes.push_back(Reduce(record, kept));
  }
  CHECK(position == written.size());
  if (writes.empty()) {
    return {};
  }
  REHOME_TRY(store_.Apply(journal::kIntents, writes, {}, call));
  for (const auto& [target, ids] : deleted) {
    REHOME_TRY(Forget(target, ids, call));
  }
  return {};
}

/// What Find() reads: the histories, and which entries of which records need not stay.
struct Ledger::Reading {
  struct Record {
    Document record;
    std::vector<bool> kept;         // per entry: not superseded
    std::vector<std::size_t> ends;  // entries that are their id's last closed write, and a delete
    bool crowded = false;           // holds a superseded entry of an id that has many
    [[nodiscard]] bool IsReducible() const {
      return !ends.empty() || std::ranges::find(kept, false) != kept.end();
    }
  };
  std::vector<OwnedHistory> histories;
  std::vector<Record> reducible;  // newest first; closed ones
};

Result<Ledger::Reading> Ledger::Read(const LedgerTarget& target, std::span<const Value> ids,
                                     const Call& call) const {
  Reading out;
  out.histories.resize(ids.size());
  if (ids.empty()) {
    return out;
  }
  std::map<std::string, std::size_t> wanted;  // sort key → position in ids, the first of several
  std::vector<std::size_t> first;             // of each id, where it is for the first time
  for (std::size_t i = 0; i < ids.size(); ++i) {
    first.push_back(wanted.emplace(SortKey(ids[i].view()), i).first->second);
  }
  REHOME_TRY_ASSIGN(auto records,
                    store_.FindByField(journal::kIntents, "ids", ids, journal::kNoLimit, call));
  std::ranges::sort(records, std::ranges::greater{}, [](const Document& record) {
    return std::pair(IntField(record.view(), "epoch"), IntField(record.view(), "number"));
  });
  std::vector<std::size_t> superseded(ids.size());
  for (Document& record : records) {
    if (StringField(record.view(), "run") != run_id_ || TargetOf(record.view()) != target) {
      continue;
    }
    const bool open = StringField(record.view(), "state") == kOpen;
    Reading::Record one;
    for (const auto& [key, id] : DocumentField(record.view(), "ids")) {
      one.kept.push_back(true);
      const auto found = wanted.find(SortKey(id));
      if (found == wanted.end()) {
        continue;
      }
      OwnedHistory& history = out.histories[found->second];
      if (history.LastDone() == nullptr) {
        LedgerEntry entry = EntryAt(record.view(), one.kept.size() - 1, id);
        history.steps.push_back({entry.before, entry.after, entry.text, open});
        if (!open && !entry.after) {
          one.ends.push_back(one.kept.size() - 1);
        }
      } else if (!open) {  // an open one is still to be closed by whom it waits for
        one.kept.back() = false;
        one.crowded |= ++superseded[found->second] > kSupersededMax;
      }
    }
    if (one.IsReducible()) {
      one.record = std::move(record);
      out.reducible.push_back(std::move(one));
    }
  }
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (first[i] != i) {
      out.histories[i] = out.histories[first[i]];
    }
  }
  return out;
}

Result<std::vector<OwnedHistory>> Ledger::Find(const LedgerTarget& target,
                                               std::span<const Value> ids, const Call& call) const {
  REHOME_TRY_ASSIGN(Reading reading, Read(target, ids, call));
  return std::move(reading.histories);
}

Result<std::vector<OwnedHistory>> Ledger::FindToWrite(const LedgerTarget& target,
                                                      std::span<const Value> ids,
                                                      const Call& call) {
  REHOME_TRY_ASSIGN(Reading reading, Read(target, ids, call));
  std::vector<Write> writes;
  for (const Reading::Record& one : reading.reducible) {
    const auto dropped = static_cast<std::size_t>(std::ranges::count(one.kept, false));
    if (one.crowded || dropped * 2 >= one.kept.size()) {
      writes.push_back(Reduce(one.record, one.kept));
    }
  }
  // A record that another worker reduced meanwhile keeps the rest until it is met again.
  REHOME_TRY(ApplyAll(writes, call));
  return std::move(reading.histories);
}

Result<bool> Ledger::ApplyAll(std::span<const Write> writes, const Call& call) {
  if (writes.empty()) {
    return true;
  }
  REHOME_TRY_ASSIGN(const auto results, store_.Apply(journal::kIntents, writes, {}, call));
  return std::ranges::equal(writes, results, IsMade);
}

/// Drops all that the ledger has of `deleted`. A delete goes after what it supersedes, which would
/// decide again without it.
Status Ledger::Forget(const LedgerTarget& target, std::span<const Value> deleted,
                      const Call& call) {
  if (deleted.empty()) {
    return {};
  }
  REHOME_TRY_ASSIGN(Reading reading, Read(target, deleted, call));
  std::vector<Write> superseded;
  std::vector<Write> ends;
  for (Reading::Record& one : reading.reducible | std::views::reverse) {
    for (const std::size_t end : one.ends) {
      one.kept[end] = false;
    }
    (one.ends.empty() ? superseded : ends).push_back(Reduce(one.record, one.kept));
  }
  REHOME_TRY_ASSIGN(bool all, ApplyAll(superseded, call));
  for (const Write& end : ends) {  // oldest first: it may hold what a later one supersedes
    if (!all) {
      break;  // another worker reduced a record meanwhile: the deletes stay, and decide
    }
    REHOME_TRY_ASSIGN(all, ApplyAll({&end, 1}, call));
  }
  return {};
}

Result<std::vector<Ledger::OpenRecord>> Ledger::LeftOpen(const Call& call) const {
  const Value open = Value::String(kOpen);
  REHOME_TRY_ASSIGN(auto records, store_.FindByField(journal::kIntents, "state", {&open, 1},
                                                     journal::kNoLimit, call));
  std::vector<OpenRecord> out;
  for (Document& record : records) {
    if (StringField(record.view(), "run") != run_id_ ||
        IntField(record.view(), "epoch") >= epoch_) {
      continue;
    }
    OpenRecord left{.target = TargetOf(record.view()), .entries = {}, .record = std::move(record)};
    std::size_t index = 0;
    for (const auto& [key, id] : DocumentField(left.record.view(), "ids")) {
      left.entries.push_back(EntryAt(left.record.view(), index++, id));
    }
    out.push_back(std::move(left));
  }
  return out;
}

Status Ledger::Close(const OpenRecord& record, const std::vector<bool>& written, const Call& call) {
  return Close(Batch{.records = {record.record}}, written, call);
}

}  // namespace rehome
