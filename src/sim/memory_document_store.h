#pragma once
// memory_document_store.h — a document store in memory that behaves as the port's contract says:
// `_id` order across types, compare-and-set by bytes, unique indexes, a change feed, a fence. For
// unit tests and simulation.
#include <algorithm>
#include <charconv>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "model/sort_key.h"
#include "model/storable.h"
#include "ports/document_store.h"
#include "sim/memory_index.h"

namespace rehome::sim {

class MemoryDocumentStore : public DocumentStore {
 public:
  struct Options {
    std::string identity = "memory:documents";
    bool has_feed = true;
    std::optional<double> oplog_hours{};  // what Describe() says of it
    Millis writes_outlive{0};
  };
  MemoryDocumentStore() = default;
  explicit MemoryDocumentStore(Options options) : options_(std::move(options)) {}

  [[nodiscard]] std::string Identity() const override { return options_.identity; }
  [[nodiscard]] bool WritesSideBySide() const override { return true; }
  [[nodiscard]] Millis WritesOutlive() const override { return options_.writes_outlive; }
  Result<Document> Describe(const Call& call) override {
    REHOME_TRY(Stopped(call));
    DocumentBuilder out;
    out.String("kind", "memory");
    if (options_.oplog_hours) {
      out.Double("oplog_hours", *options_.oplog_hours);
    }
    return out.Finish();
  }

  Result<std::vector<CollectionInfo>> Collections(const Call& call) override {
    REHOME_TRY(Stopped(call));
    const std::scoped_lock lock(mutex_);
    std::vector<CollectionInfo> out;
    for (const auto& [name, collection] : collections_) {
      CollectionInfo info{.name = name, .options = collection.options, .indexes = {}};
      std::ranges::transform(collection.indexes, std::back_inserter(info.indexes),
                             &MemoryIndex::definition);
      out.push_back(std::move(info));
    }
    return out;
  }

  Status CreateCollection(std::string_view name, const Document& options,
                          const Call& call) override {
    REHOME_TRY(Stopped(call));
    const std::scoped_lock lock(mutex_);
    const auto [at, made] = collections_.try_emplace(std::string(name));
    if (made) {
      at->second.options = options;
    }
    return {};
  }

  Status DropCollection(std::string_view name, const Call& call) override {
    REHOME_TRY(Stopped(call));
    const std::scoped_lock lock(mutex_);
    const auto found = collections_.find(name);
    if (found != collections_.end()) {
      for (const auto& [key, document] : found->second.documents) {
        Log(name, document);
      }
      collections_.erase(found);
    }
    return {};
  }

  Status RenameCollection(std::string_view from, std::string_view to, const Call& call) override {
    REHOME_TRY(Stopped(call));
    const std::scoped_lock lock(mutex_);
    const auto source = collections_.find(from);
    const bool target_exists = collections_.contains(to);
    if (source == collections_.end()) {
      return target_exists ? Status{}
                           : Fail(ErrorCode::kNotFound, "no collection " + std::string(from));
    }
    if (target_exists) {
      return Fail(ErrorCode::kAlreadyExists, "collection " + std::string(to) + " exists");
    }
    collections_.emplace(to, std::move(source->second));
    collections_.erase(source);
    return {};
  }

  Status EnsureIndex(std::string_view name, const IndexSpec& index, const Call& call) override {
    DocumentBuilder keys;
    for (const std::string& path : index.paths) {
      keys.Int32(path, 1);
    }
    DocumentBuilder builder;
    builder.Int32("v", 2).Append("key", keys.Finish()).String("name", index.name);
    if (index.unique) {
      builder.Bool("unique", true);
    }
    return RestoreIndex(name, builder.Finish(), call);
  }

  Status RestoreIndex(std::string_view name, const Document& index, const Call& call) override {
    REHOME_TRY(Stopped(call));
    const std::scoped_lock lock(mutex_);
    Collection& collection = collections_[std::string(name)];
    MemoryIndex made(index);
    if (std::ranges::find(collection.indexes, made.name(), &MemoryIndex::name) !=
        collection.indexes.end()) {
      return {};
    }
    for (const auto& [key, document] : collection.documents) {
      if (made.Refuses(key, document.view())) {
        return Fail(ErrorCode::kAlreadyExists, "documents break the unique index " + made.name());
      }
      made.Add(key, document.view());
    }
    collection.indexes.push_back(std::move(made));
    return {};
  }

  Status DropIndex(std::string_view name, std::string_view index_name, const Call& call) override {
    REHOME_TRY(Stopped(call));
    const std::scoped_lock lock(mutex_);
    const auto found = collections_.find(name);
    if (found != collections_.end()) {
      std::erase_if(found->second.indexes,
                    [&](const MemoryIndex& index) { return index.name() == index_name; });
    }
    return {};
  }

  Result<std::uint64_t> Count(std::string_view name, const Call& call) override {
    REHOME_TRY(Stopped(call));
    const std::scoped_lock lock(mutex_);
    const Collection* collection = Find(name);
    return collection == nullptr ? 0 : collection->documents.size();
  }

  Result<std::unique_ptr<DocumentCursor>> Scan(std::string_view name, const IdRange& range,
                                               const Call& call) override {
    REHOME_TRY(Stopped(call));
    return std::make_unique<Cursor>(*this, std::string(name), range, call);
  }

  Result<std::vector<IdRange>> SplitRanges(std::string_view name, std::size_t ranges_max,
                                           const Call& call) override {
    REHOME_TRY(Stopped(call));
    const std::scoped_lock lock(mutex_);
    const Collection* collection = Find(name);
    const std::size_t count = collection == nullptr ? 0 : collection->documents.size();
    const std::size_t step = std::max<std::size_t>(1, count / std::max<std::size_t>(1, ranges_max));
    std::vector<IdRange> ranges(1);
    std::size_t index = 0;
    for (auto at = collection == nullptr ? DocumentMap::const_iterator()
                                         : collection->documents.begin();
         index < count && ranges.size() < ranges_max; ++at, ++index) {
      if (index % step == step - 1 && index + 1 < count) {
        ranges.back().upto = Value(at->second.Id());
        ranges.push_back({.after = Value(at->second.Id()), .upto = std::nullopt});
      }
    }
    return ranges;
  }

  Result<std::vector<std::optional<Document>>> FindByIds(std::string_view name,
                                                         std::span<const Value> ids,
                                                         const Call& call) override {
    REHOME_TRY(Stopped(call));
    const std::scoped_lock lock(mutex_);
    const Collection* collection = Find(name);
    std::vector<std::optional<Document>> out(ids.size());
    for (std::size_t i = 0; i < ids.size() && collection != nullptr; ++i) {
      const auto found = collection->documents.find(SortKey(ids[i].view()));
      if (found != collection->documents.end()) {
        out[i] = found->second;
      }
    }
    return out;
  }

  Result<std::vector<Document>> FindByField(std::string_view name, std::string_view path,
                                            std::span<const Value> values, std::size_t count_max,
                                            const Call& call) override {
    REHOME_TRY(Stopped(call));
    const std::scoped_lock lock(mutex_);
    const Collection* collection = Find(name);
    if (collection == nullptr) {
      return std::vector<Document>();
    }
    std::set<std::string> wanted;
    for (const Value& value : values) {
      wanted.insert(SortKey(value.view()));
    }
    std::vector<Document> out;
    for (const auto& found : With(*collection, path, wanted)) {
      if (out.size() == count_max) {
        break;
      }
      out.push_back(found->second);
    }
    return out;
  }

  Result<std::vector<WriteResult>> Apply(std::string_view name, std::span<const Write> writes,
                                         const WriteOptions& options, const Call& call) override {
    REHOME_TRY(Stopped(call));
    const std::scoped_lock lock(mutex_);
    for (const Write& write : writes) {
      if (write.document.bytes().size() > kDocumentBytesMax) {
        return Fail(ErrorCode::kInvalidArgument, "a document over 16 MiB in " + std::string(name));
      }
    }
    Collection& collection = collections_[std::string(name)];
    if (collection.fence != FenceKind::kNone && !options.bypass_fence) {
      return Fail(ErrorCode::kFailedPrecondition, std::string(name) + " is fenced by rehome");
    }
    std::vector<WriteResult> results;
    results.reserve(writes.size());
    for (const Write& write : writes) {
      results.push_back(ApplyOne(collection, write));
      if (results.back().applied()) {
        Log(name, write.document);
      }
    }
    return results;
  }

  Result<std::unique_ptr<ChangeFeed>> OpenFeed(std::vector<std::string> names,
                                               const Call& call) override {
    REHOME_TRY(Stopped(call));
    if (!options_.has_feed) {
      return Fail(ErrorCode::kFailedPrecondition, "this store has no change feed");
    }
    return std::make_unique<Feed>(*this, std::set<std::string>(names.begin(), names.end()));
  }

  Result<FenceKind> PossibleFence(std::string_view, const Call& call) override {
    REHOME_TRY(Stopped(call));
    return FenceKind::kTrigger;
  }
  Result<Document> FenceUndo(std::string_view, FenceKind, const Call& call) override {
    REHOME_TRY(Stopped(call));
    return Document();
  }
  Status RaiseFence(std::string_view name, FenceKind kind, const Call& call) override {
    REHOME_TRY(Stopped(call));
    const std::scoped_lock lock(mutex_);
    collections_[std::string(name)].fence = kind;
    return {};
  }
  Status LiftFence(std::string_view name, FenceKind, const Document&, const Call& call) override {
    REHOME_TRY(Stopped(call));
    const std::scoped_lock lock(mutex_);
    const auto found = collections_.find(name);
    if (found != collections_.end()) {
      found->second.fence = FenceKind::kNone;
    }
    return {};
  }
  Result<bool> IsFenced(std::string_view name, const Call& call) override {
    REHOME_TRY(Stopped(call));
    const std::scoped_lock lock(mutex_);
    const Collection* collection = Find(name);
    return collection != nullptr && collection->fence != FenceKind::kNone;
  }

 private:
  using DocumentMap = std::map<std::string, Document>;  // by sort key
  struct Collection {
    Document options;
    std::vector<MemoryIndex> indexes;
    DocumentMap documents;
    FenceKind fence = FenceKind::kNone;
  };
  struct Change {
    std::string collection;
    Value id;
  };

  class Cursor final : public DocumentCursor {
   public:
    Cursor(MemoryDocumentStore& store, std::string name, const IdRange& range, const Call& call)
        : store_(store), name_(std::move(name)), call_(call) {
      if (range.after) {
        after_ = SortKey(range.after->view());
      }
      if (range.upto) {
        upto_ = SortKey(range.upto->view());
      }
    }
    Result<std::vector<Document>> Next(std::size_t count_max, std::size_t bytes_max) override {
      REHOME_TRY(Stopped(call_));
      const std::scoped_lock lock(store_.mutex_);
      std::vector<Document> out;
      const Collection* collection = store_.Find(name_);
      if (collection == nullptr) {
        return out;
      }
      std::size_t bytes = 0;
      for (auto at = after_ ? collection->documents.upper_bound(*after_)
                            : collection->documents.begin();
           at != collection->documents.end() && (!upto_ || at->first <= *upto_); ++at) {
        bytes += at->second.bytes().size();
        if (!out.empty() && (out.size() == count_max || bytes > bytes_max)) {
          break;
        }
        out.push_back(at->second);
        after_ = at->first;
      }
      return out;
    }

   private:
    MemoryDocumentStore& store_;
    std::string name_;
    Call call_;
    std::optional<std::string> after_;
    std::optional<std::string> upto_;
  };

  class Feed final : public ChangeFeed {
   public:
    Feed(MemoryDocumentStore& store, std::set<std::string> names)
        : store_(store), names_(std::move(names)) {}
    Result<ChangePosition> Head(const Call& call) override {
      REHOME_TRY(Stopped(call));
      const std::scoped_lock lock(store_.mutex_);
      return At(store_.changes_.size());
    }
    Result<ChangeBatch> Read(const ChangePosition& after, std::size_t count_max, Millis,
                             const Call& call) override {
      REHOME_TRY(Stopped(call));
      const std::scoped_lock lock(store_.mutex_);
      std::size_t at = 0;
      const std::string& token = after.token;
      const auto parsed = std::from_chars(token.data(), token.data() + token.size(), at);
      if (parsed.ec != std::errc() || at > store_.changes_.size()) {
        return Fail(ErrorCode::kFailedPrecondition, "change position " + token + " is lost",
                    "--sweep");
      }
      lap_end_ = lap_end_.value_or(store_.changes_.size());
      ChangeBatch batch;
      for (; at < store_.changes_.size() && batch.events.size() < count_max; ++at) {
        const Change& change = store_.changes_[at];
        if (names_.contains(change.collection)) {
          batch.events.push_back({change.collection, change.id, At(at + 1)});
        }
      }
      batch.position = At(at);
      batch.caught_up = at >= *lap_end_;
      if (batch.caught_up) {
        lap_end_.reset();
      }
      return batch;
    }
    Status Release(const ChangePosition&, const Call& call) override { return Stopped(call); }

   private:
    static ChangePosition At(std::size_t number) { return {std::to_string(number)}; }
    MemoryDocumentStore& store_;
    std::set<std::string> names_;
    std::optional<std::size_t> lap_end_;
  };

  static Status Stopped(const Call& call) {
    return call.stop.stop_requested() ? Fail(ErrorCode::kCancelled, "stopped") : Status{};
  }
  [[nodiscard]] const Collection* Find(std::string_view name) const {
    const auto found = collections_.find(name);
    return found == collections_.end() ? nullptr : &found->second;
  }
  void Log(std::string_view name, const Document& document) {
    changes_.push_back({std::string(name), Value(document.Id())});
  }

  static WriteResult ApplyOne(Collection& collection, const Write& write) {
    std::string key = SortKey(write.document.Id());
    const auto at = collection.documents.lower_bound(key);
    const bool present = at != collection.documents.end() && at->first == key;
    const auto conflict = [&](std::string index) {
      return WriteResult{WriteResult::Outcome::kConflict,
                         present ? std::optional(at->second) : std::nullopt, std::move(index)};
    };
    const bool compares = write.kind == Write::Kind::kReplace || write.kind == Write::Kind::kDelete;
    if ((write.kind == Write::Kind::kInsert && present) ||
        (compares && (!present || at->second != write.expected))) {
      return conflict({});
    }
    const bool stays = write.kind != Write::Kind::kDelete;
    for (const MemoryIndex& index : collection.indexes) {
      if (stays && index.Refuses(key, write.document.view())) {
        return conflict(index.name());
      }
    }
    for (MemoryIndex& index : collection.indexes) {
      index.Change(key, present ? std::optional(at->second.view()) : std::nullopt,
                   stays ? std::optional(write.document.view()) : std::nullopt);
    }
    if (!stays) {
      collection.documents.erase(at);
    } else if (present) {
      at->second = write.document;
    } else {
      collection.documents.emplace_hint(at, std::move(key), write.document);
    }
    return {};
  }

  /// The documents that hold one of `wanted` at `path`, in id order.
  static std::vector<DocumentMap::const_iterator> With(const Collection& collection,
                                                       std::string_view path,
                                                       const std::set<std::string>& wanted) {
    const DocumentMap& documents = collection.documents;
    std::vector<DocumentMap::const_iterator> out;
    const auto index = std::ranges::find_if(
        collection.indexes, [&](const MemoryIndex& one) { return one.Covers(path); });
    if (index != collection.indexes.end()) {
      for (const std::string& value : wanted) {
        for (const std::string& key : index->Find(value)) {
          out.push_back(documents.find(key));
        }
      }
      const auto by_key = [](const auto& one) -> const std::string& { return one->first; };
      std::ranges::sort(out, {}, by_key);
      const auto twice = std::ranges::unique(out, {}, by_key);
      out.erase(twice.begin(), twice.end());
      return out;
    }
    for (auto at = documents.begin(); at != documents.end(); ++at) {
      if (std::ranges::any_of(PathKeys(at->second.view(), path),
                              [&](const std::string& value) { return wanted.contains(value); })) {
        out.push_back(at);
      }
    }
    return out;
  }

  Options options_;  // constant after construction
  std::mutex mutex_;
  std::map<std::string, Collection, std::less<>> collections_;  // guarded by mutex_
  std::vector<Change> changes_;                                 // guarded by mutex_
};

}  // namespace rehome::sim
