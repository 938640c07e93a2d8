#include "backup/live_writes.h"

#include <algorithm>
#include <span>
#include <utility>

#include "model/sort_key.h"

namespace rehome {
namespace {

constexpr std::size_t kOverlayBytesMax = std::size_t{64} << 20U;
constexpr std::size_t kEventsMax = 1000;
constexpr std::size_t kIdsPerRead = 500;
constexpr int kRoundsMax = 20;
// How long a feed may take to show what was committed before it was asked.
constexpr Millis kFeedWait{1000};
constexpr std::string_view kNoFeed =
    "the document store has no change feed: each collection is consistent only within its window";
constexpr std::string_view kUnsettled =
    "documents were written faster than they could be read again: each collection is consistent "
    "only within its window";
constexpr std::string_view kLost =
    "the change feed no longer reaches back to the start of the backup: it is consistent only "
    "within its window";

}  // namespace

Result<LiveWrites> LiveWrites::Begin(DocumentStore& store, std::vector<std::string> collections,
                                     Packing packing, const std::string& since, const Call& call) {
  auto opened = store.OpenFeed(std::move(collections), call);
  if (!opened && opened.error().code == ErrorCode::kFailedPrecondition) {
    return LiveWrites(store, packing, nullptr, {});
  }
  REHOME_TRY_ASSIGN(std::unique_ptr<ChangeFeed> feed, std::move(opened));
  ChangePosition start{since};
  if (since.empty()) {
    REHOME_TRY_ASSIGN(start, feed->Head(call));
  }
  return LiveWrites(store, packing, std::move(feed), std::move(start));
}

Result<LiveWrites::Dirty> LiveWrites::ReadFeed(const Call& call) {
  Dirty dirty;
  REHOME_TRY_ASSIGN(const ChangePosition head, feed_->Head(call));
  // Beside a writer the position passes the head without being it: the feed's lap ends the round,
  // and only a round without events ends the catching up.
  while (position_ != head) {
    REHOME_TRY_ASSIGN(ChangeBatch batch, feed_->Read(position_, kEventsMax, kFeedWait, call));
    position_ = std::move(batch.position);
    for (ChangeEvent& event : batch.events) {
      dirty[event.collection].insert_or_assign(SortKey(event.id.view()), std::move(event.id));
    }
    if (batch.caught_up) {
      break;
    }
  }
  return dirty;
}

Status LiveWrites::ReadAgain(const Dirty& dirty, const std::filesystem::path& root,
                             std::vector<CollectionBackup>& collections, const Call& call) {
  for (const auto& [collection, keyed] : dirty) {
    Overlay& overlay = overlays_[collection];
    std::vector<std::string> keys;
    std::vector<Value> ids;
    for (const auto& [key, id] : keyed) {
      keys.push_back(key);
      ids.push_back(id);
    }
    for (std::size_t start = 0; start < ids.size(); start += kIdsPerRead) {
      const auto some = std::span(ids).subspan(start, std::min(kIdsPerRead, ids.size() - start));
      REHOME_TRY_ASSIGN(auto found, store_.FindByIds(collection, some, call));
      CHECK(found.size() == some.size());
      for (std::size_t i = 0; i < found.size(); ++i) {
        std::string& key = keys[start + i];
        overlay_bytes_ += key.size() + (found[i] ? found[i]->bytes().size() : 0);
        overlay.insert_or_assign(std::move(key), std::move(found[i]));
      }
      if (overlay_bytes_ > kOverlayBytesMax) {
        REHOME_TRY(MergeAll(root, collections));
      }
    }
  }
  return {};
}

Result<bool> LiveWrites::CatchUp(const std::filesystem::path& root,
                                 std::vector<CollectionBackup>& collections, const Call& call) {
  for (int round = 0; round < kRoundsMax; ++round) {
    REHOME_TRY_ASSIGN(const Dirty dirty, ReadFeed(call));
    if (dirty.empty()) {
      return true;
    }
    REHOME_TRY(ReadAgain(dirty, root, collections, call));
  }
  return false;
}

Status LiveWrites::Merge(const std::filesystem::path& root, CollectionBackup& collection) {
  const Overlay& overlay = overlays_[collection.name];
  REHOME_TRY_ASSIGN(CollectionReader old, CollectionReader::Open(root, collection, packing_));
  REHOME_TRY_ASSIGN(DocumentFiles merged, DocumentFiles::Create(root, collection.name, packing_));
  auto next = overlay.begin();
  const auto append_before = [&](const std::string* key) -> Status {
    for (; next != overlay.end() && (key == nullptr || next->first < *key); ++next) {
      if (next->second) {
        REHOME_TRY(merged.Append(DocumentRecord(next->second->view())));
      }
    }
    return {};
  };
  while (true) {
    REHOME_TRY_ASSIGN(const std::optional<Document> document, old.Next());
    if (!document) {
      break;
    }
    const std::string key = SortKey(document->Id());
    REHOME_TRY(append_before(&key));
    if (next == overlay.end() || next->first != key) {
      REHOME_TRY(merged.Append(DocumentRecord(document->view())));
    }
  }
  REHOME_TRY(append_before(nullptr));
  const std::size_t files_before = collection.files.size();
  collection.digest = merged.sum().digest;
  collection.content = merged.sum().content;
  collection.records = merged.sum().digest.count();
  const std::string last = collection.files.back().path;
  REHOME_TRY_ASSIGN(collection.files, merged.Commit());
  if (collection.files.size() < files_before) {
    std::error_code ignored;  // a file that stayed is found by the verification of the backup
    std::filesystem::remove(root / last, ignored);
  }
  return {};
}

Status LiveWrites::MergeAll(const std::filesystem::path& root,
                            std::vector<CollectionBackup>& collections) {
  for (CollectionBackup& collection : collections) {
    const auto overlay = overlays_.find(collection.name);
    if (overlay != overlays_.end() && !overlay->second.empty()) {
      REHOME_TRY(Merge(root, collection));
      overlay->second.clear();
    }
  }
  overlay_bytes_ = 0;
  return {};
}

Result<std::optional<std::string>> LiveWrites::Settle(const std::filesystem::path& root,
                                                      std::vector<CollectionBackup>& collections,
                                                      const Call& call) {
  std::optional<std::string> warning;
  bool exact = false;
  if (!feed_) {
    warning = kNoFeed;
  } else {
    const auto settled = CatchUp(root, collections, call);
    if (!settled && settled.error().code != ErrorCode::kFailedPrecondition) {
      return std::unexpected(settled.error());
    }
    exact = settled && *settled;
    if (!exact) {
      warning = settled ? kUnsettled : kLost;
    }
    REHOME_TRY(MergeAll(root, collections));
  }
  for (CollectionBackup& collection : collections) {
    collection.window.consistency = exact ? Consistency::kExact : Consistency::kFuzzy;
    collection.window.start_position = start_.token;
    collection.window.end_position = position_.token;
  }
  return warning;
}

}  // namespace rehome
