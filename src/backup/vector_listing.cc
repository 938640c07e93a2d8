#include "backup/vector_listing.h"

#include <fmt/format.h>

#include <algorithm>

namespace rehome {
namespace {

constexpr int kFetchAttempts = 3;
constexpr Millis kFetchWait{1000};

}  // namespace

Result<std::vector<std::string>> VectorListing::NextIds() {
  while (true) {
    REHOME_TRY_ASSIGN(std::vector<std::string> ids, listing_.Next(call_));
    const bool ended = ids.empty();
    std::erase_if(ids, [this](const std::string& id) { return id <= skipped_; });
    if (ended || !ids.empty()) {
      return ids;
    }
  }
}

Result<std::vector<VectorRecord>> VectorListing::FetchAll(const std::vector<std::string>& ids) {
  std::vector<VectorRecord> records;
  std::vector<std::string> missing = ids;
  for (int attempt = 0; attempt < kFetchAttempts && !missing.empty(); ++attempt) {
    if (attempt > 0 && !clock_.SleepFor(kFetchWait, call_.stop)) {
      return Fail(ErrorCode::kCancelled, "stopped while fetching vectors");
    }
    for (std::size_t at = 0; at < missing.size(); at += VectorStore::kIdsMax) {
      const std::span<const std::string> part = std::span<const std::string>(missing).subspan(
          at, std::min(VectorStore::kIdsMax, missing.size() - at));
      REHOME_TRY_ASSIGN(std::vector<VectorRecord> found, store_.Fetch(ns_, part, call_));
      std::ranges::move(found, std::back_inserter(records));
    }
    std::ranges::sort(records, {}, &VectorRecord::id);
    std::erase_if(missing, [&](const std::string& id) {
      return std::ranges::binary_search(records, id, {}, &VectorRecord::id);
    });
  }
  vanished_ += missing.size();
  if (records.size() + missing.size() != ids.size()) {
    return Fail(ErrorCode::kDataLoss,
                fmt::format("namespace {}: {} ids were asked for, {} records came", ns_, ids.size(),
                            records.size()));
  }
  return records;
}

Result<std::vector<VectorRecord>> VectorListing::Next() {
  while (true) {
    REHOME_TRY_ASSIGN(const std::vector<std::string> ids, NextIds());
    if (ids.empty()) {
      return std::vector<VectorRecord>{};
    }
    REHOME_TRY_ASSIGN(std::vector<VectorRecord> records, FetchAll(ids));
    if (!records.empty()) {
      return records;
    }
  }
}

}  // namespace rehome
