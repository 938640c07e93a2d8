#include "backup/vector_listing.h"

#include <fmt/format.h>

#include <algorithm>

namespace rehome {
namespace {

constexpr int kFetchAttempts = 3;
constexpr Millis kFetchWait{1000};

}  // namespace

Result<std::vector<std::string>> VectorListing::NextIds() {
  while (!end_) {
    REHOME_TRY_ASSIGN(IdPage page, store_.ListIds(ns_, token_, call_));
    if (!page.next.empty() && page.next == token_) {
      return Fail(ErrorCode::kDataLoss,
                  fmt::format("the listing of namespace {} does not advance", ns_));
    }
    end_ = page.next.empty();
    token_ = std::move(page.next);
    for (const std::string& id : page.ids) {
      if (id <= last_) {
        return Fail(
            ErrorCode::kDataLoss,
            fmt::format(
                "the listing of namespace {} gives {} after {}: it cannot be proved complete", ns_,
                id, last_),
            "run the same command again; if it stays, ask the index's provider");
      }
      last_ = id;
    }
    std::erase_if(page.ids, [this](const std::string& id) { return id <= skipped_; });
    if (!page.ids.empty()) {
      return std::move(page.ids);
    }
  }
  return std::vector<std::string>{};
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
