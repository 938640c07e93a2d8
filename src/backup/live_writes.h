#pragma once
// live_writes.h — makes the copy of collections that are written to while they are read equal to
// one moment.
//
// The feed's position is taken before the first read. After the scans, every id that the feed has
// named is read again; that is repeated until a round names none: then nothing was written between
// the last re-read and the position of that round, and the copy is the state there. What was read
// again is merged into the files in `_id` order. Only ids and the documents that changed are held,
// and no more of them than kOverlayBytesMax.
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backup/manifest.h"
#include "backup/records.h"
#include "base/error.h"
#include "ports/change_feed.h"
#include "ports/document_store.h"

namespace rehome {

class LiveWrites {
 public:
  /// A store without a feed gives one that cannot settle. `store` must outlive it. `since`: the
  /// start() of an interrupted backup that goes on; empty: now.
  [[nodiscard]] static Result<LiveWrites> Begin(DocumentStore& store,
                                                std::vector<std::string> collections,
                                                Packing packing, const std::string& since,
                                                const Call& call);
  /// Empty: no feed.
  [[nodiscard]] const std::string& start() const { return start_.token; }
  /// Brings `collections`, just scanned into files below `root`, to one moment: files, records and
  /// digests are replaced where something was written. Fills in the positions and the consistency
  /// of every window. Returns what the operator should know if it could not.
  [[nodiscard]] Result<std::optional<std::string>> Settle(
      const std::filesystem::path& root, std::vector<CollectionBackup>& collections,
      const Call& call);

 private:
  /// By sort key: the document as read again, nothing if it is gone.
  using Overlay = std::map<std::string, std::optional<Document>>;
  using Dirty = std::map<std::string, std::map<std::string, Value>>;  // collection → sort key → id

  LiveWrites(DocumentStore& store, Packing packing, std::unique_ptr<ChangeFeed> feed,
             ChangePosition start)
      : store_(store),
        packing_(packing),
        feed_(std::move(feed)),
        start_(start),
        position_(std::move(start)) {}

  [[nodiscard]] Result<Dirty> ReadFeed(const Call& call);
  [[nodiscard]] Status ReadAgain(const Dirty& dirty, const std::filesystem::path& root,
                                 std::vector<CollectionBackup>& collections, const Call& call);
  /// True if the last round named nothing.
  [[nodiscard]] Result<bool> CatchUp(const std::filesystem::path& root,
                                     std::vector<CollectionBackup>& collections, const Call& call);
  [[nodiscard]] Status Merge(const std::filesystem::path& root, CollectionBackup& collection);
  [[nodiscard]] Status MergeAll(const std::filesystem::path& root,
                                std::vector<CollectionBackup>& collections);

  DocumentStore& store_;
  Packing packing_;
  std::unique_ptr<ChangeFeed> feed_;  // null: the store has none
  ChangePosition start_;
  ChangePosition position_;
  std::map<std::string, Overlay> overlays_;
  std::size_t overlay_bytes_ = 0;
};

}  // namespace rehome
