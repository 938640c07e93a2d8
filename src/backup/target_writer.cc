#include "backup/target_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "model/extended_json.h"
#include "model/fields.h"

namespace rehome {
namespace {

constexpr std::size_t kBatchCount = 1000;
constexpr std::size_t kBatchBytes = std::size_t{4} << 20U;
constexpr std::size_t kVectorBatch = 500;
constexpr std::size_t kListedMax = 1000;
constexpr int kReplaceAttempts = 3;
constexpr int kReadBackAttempts = 60;
constexpr Millis kReadBackWait{500};

std::string IdJson(const Document& document) {
  return ToExtendedJson(document.Id(), JsonMode::kRelaxed);
}

std::map<std::string, Md5Digest> DigestsOf(const std::vector<VectorRecord>& records) {
  std::map<std::string, Md5Digest> out;
  for (const VectorRecord& record : records) {
    out.emplace(record.id, VectorDigest(record));
  }
  return out;
}

std::vector<std::string> IdsOf(const std::vector<VectorRecord>& records) {
  std::vector<std::string> ids;
  ids.reserve(records.size());
  for (const VectorRecord& record : records) {
    ids.push_back(record.id);
  }
  return ids;
}

}  // namespace

void CountDifferent(WrittenCounts& counts, std::string id) {
  ++counts.different;
  if (counts.different_ids.size() < kListedMax) {
    counts.different_ids.push_back(std::move(id));
  }
}

Status DocumentWriter::Append(Document document) {
  batch_bytes_ += document.bytes().size();
  batch_.push_back(std::move(document));
  return batch_.size() >= kBatchCount || batch_bytes_ >= kBatchBytes ? Flush() : Status{};
}

Status DocumentWriter::Flush() {
  if (batch_.empty()) {
    return {};
  }
  std::vector<Write> writes;
  writes.reserve(batch_.size());
  for (const Document& document : batch_) {
    writes.push_back(Write::Insert(document));
  }
  REHOME_TRY_ASSIGN(std::vector<WriteResult> results,
                    store_.Apply(collection_, writes, options_, call_));
  CHECK(results.size() == batch_.size());
  std::vector<Document> written;
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (results[i].applied()) {
      ++counts_.inserted;
      written.push_back(std::move(batch_[i]));
    } else {
      REHOME_TRY(Settle(batch_[i], std::move(results[i])));
    }
  }
  batch_.clear();
  batch_bytes_ = 0;
  return ReadBack(written);
}

Status DocumentWriter::Settle(const Document& document, WriteResult conflict) {
  for (int attempt = 0; attempt < kReplaceAttempts; ++attempt) {
    if (conflict.found && *conflict.found == document) {
      ++counts_.equal;
      return {};
    }
    // Another document holds a unique key of this one: there is nothing of this _id to replace.
    const bool replaceable = conflict.found && conflict.unique_index.empty();
    if (!overwrite_ || !replaceable) {
      CountDifferent(counts_, IdJson(document));
      return {};
    }
    REHOME_TRY(overwrite_(collection_, *conflict.found));
    const Write write = Write::Replace(*std::move(conflict.found), document);
    REHOME_TRY_ASSIGN(auto results, store_.Apply(collection_, {&write, 1}, options_, call_));
    if (results.front().applied()) {
      ++counts_.replaced;
      return ReadBack({document});
    }
    conflict = std::move(results.front());
  }
  return Fail(ErrorCode::kAborted,
              fmt::format("{} {} is being written by somebody else", collection_, IdJson(document)),
              "stop the writer, then run the same command again");
}

Status DocumentWriter::ReadBack(const std::vector<Document>& written) {
  const std::vector<Value> ids = IdsOf(written);
  REHOME_TRY_ASSIGN(const auto found, store_.FindByIds(collection_, ids, call_));
  for (std::size_t i = 0; i < written.size(); ++i) {
    if (!found[i] || *found[i] != written[i]) {
      return Fail(ErrorCode::kDataLoss,
                  fmt::format("{} {}: what is read back is not what was written", collection_,
                              IdJson(written[i])),
                  "if nothing else writes to this collection, its store alters documents");
    }
  }
  return {};
}

Status VectorWriter::Append(VectorRecord record) {
  batch_.push_back(std::move(record));
  return batch_.size() >= kVectorBatch ? Flush() : Status{};
}

Result<std::vector<VectorRecord>> VectorWriter::Select() {
  REHOME_TRY_ASSIGN(const std::vector<VectorRecord> found, store_.Fetch(ns_, IdsOf(batch_), call_));
  std::map<std::string_view, const VectorRecord*> by_id;
  for (const VectorRecord& record : found) {
    by_id.emplace(record.id, &record);
  }
  std::vector<VectorRecord> out;
  for (VectorRecord& record : batch_) {
    const auto stored = by_id.find(record.id);
    if (stored == by_id.end()) {
      ++counts_.inserted;
    } else if (VectorDigest(*stored->second) == VectorDigest(record)) {
      ++counts_.equal;
      continue;
    } else if (overwrite_) {
      REHOME_TRY(overwrite_(ns_, *stored->second));
      ++counts_.replaced;
    } else {
      CountDifferent(counts_, record.id);
      continue;
    }
    out.push_back(std::move(record));
  }
  return out;
}

Status VectorWriter::Flush() {
  if (batch_.empty()) {
    return {};
  }
  REHOME_TRY_ASSIGN(const std::vector<VectorRecord> records, Select());
  batch_.clear();
  if (records.empty()) {
    return {};
  }
  REHOME_TRY(store_.Upsert(ns_, records, call_));
  return ReadBack(records);
}

Status VectorWriter::ReadBack(const std::vector<VectorRecord>& written) {
  auto waiting = DigestsOf(written);
  for (int attempt = 0; attempt < kReadBackAttempts; ++attempt) {
    if (attempt > 0 && !clock_.SleepFor(kReadBackWait, call_.stop)) {
      return Fail(ErrorCode::kCancelled,
                  fmt::format("stopped while confirming vectors of {}", ns_));
    }
    std::vector<std::string> ids;
    for (const auto& [id, digest] : waiting) {
      ids.push_back(id);
    }
    REHOME_TRY_ASSIGN(const std::vector<VectorRecord> found, store_.Fetch(ns_, ids, call_));
    for (const VectorRecord& record : found) {
      const auto expected = waiting.find(record.id);
      if (expected != waiting.end() && expected->second == VectorDigest(record)) {
        waiting.erase(expected);
      }
    }
    if (waiting.empty()) {
      return {};
    }
  }
  return Fail(
      ErrorCode::kDataLoss,
      fmt::format("namespace {}: {} vectors are not read back as they were written, {} among them",
                  ns_, waiting.size(), waiting.begin()->first),
      "run the same command again; if it stays, something else writes to this namespace");
}

}  // namespace rehome
