#pragma once
// spoiled_stores.h — bugs of an engine, planted below it: each makes a run wrong only where
// something else goes wrong too, as real ones do.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "journal/names.h"
#include "ports/document_store.h"
#include "ports/vector_store.h"

namespace rehome::sim {

/// Passes everything on.
class PassingDocumentStore : public DocumentStore {
 public:
  explicit PassingDocumentStore(std::shared_ptr<DocumentStore> inner) : inner_(std::move(inner)) {}
  std::string Identity() const override { return inner_->Identity(); }
  bool WritesSideBySide() const override { return inner_->WritesSideBySide(); }
  Millis WritesOutlive() const override { return inner_->WritesOutlive(); }
  Result<Document> Describe(const Call& call) override { return inner_->Describe(call); }
  Result<std::vector<CollectionInfo>> Collections(const Call& call) override {
    return inner_->Collections(call);
  }
  Status CreateCollection(std::string_view name, const Document& options,
                          const Call& call) override {
    return inner_->CreateCollection(name, options, call);
  }
  Status DropCollection(std::string_view name, const Call& call) override {
    return inner_->DropCollection(name, call);
  }
  Status RenameCollection(std::string_view from, std::string_view to, const Call& call) override {
    return inner_->RenameCollection(from, to, call);
  }
  Status EnsureIndex(std::string_view name, const IndexSpec& index, const Call& call) override {
    return inner_->EnsureIndex(name, index, call);
  }
  Status RestoreIndex(std::string_view name, const Document& index, const Call& call) override {
    return inner_->RestoreIndex(name, index, call);
  }
  Status DropIndex(std::string_view name, std::string_view index, const Call& call) override {
    return inner_->DropIndex(name, index, call);
  }
  Result<std::uint64_t> Count(std::string_view name, const Call& call) override {
    return inner_->Count(name, call);
  }
  Result<std::unique_ptr<DocumentCursor>> Scan(std::string_view name, const IdRange& range,
                                               const Call& call) override {
    return inner_->Scan(name, range, call);
  }
  Result<std::vector<IdRange>> SplitRanges(std::string_view name, std::size_t ranges_max,
                                           const Call& call) override {
    return inner_->SplitRanges(name, ranges_max, call);
  }
  Result<std::vector<std::optional<Document>>> FindByIds(std::string_view name,
                                                         std::span<const Value> ids,
                                                         const Call& call) override {
    return inner_->FindByIds(name, ids, call);
  }
  Result<std::vector<Document>> FindByField(std::string_view name, std::string_view path,
                                            std::span<const Value> values, std::size_t count_max,
                                            const Call& call) override {
    return inner_->FindByField(name, path, values, count_max, call);
  }
  Result<std::vector<WriteResult>> Apply(std::string_view name, std::span<const Write> writes,
                                         const WriteOptions& options, const Call& call) override {
    return inner_->Apply(name, writes, options, call);
  }
  Result<std::unique_ptr<ChangeFeed>> OpenFeed(std::vector<std::string> names,
                                               const Call& call) override {
    return inner_->OpenFeed(std::move(names), call);
  }
  Result<FenceKind> PossibleFence(std::string_view name, const Call& call) override {
    return inner_->PossibleFence(name, call);
  }
  Result<Document> FenceUndo(std::string_view name, FenceKind kind, const Call& call) override {
    return inner_->FenceUndo(name, kind, call);
  }
  Status RaiseFence(std::string_view name, FenceKind kind, const Call& call) override {
    return inner_->RaiseFence(name, kind, call);
  }
  Status LiftFence(std::string_view name, FenceKind kind, const Document& undo,
                   const Call& call) override {
    return inner_->LiftFence(name, kind, undo, call);
  }
  Result<bool> IsFenced(std::string_view name, const Call& call) override {
    return inner_->IsFenced(name, call);
  }

 protected:
  DocumentStore& inner() { return *inner_; }

 private:
  const std::shared_ptr<DocumentStore> inner_;
};

/// The cursor of a range is durable before the items are: a batch of inserts waits until the
/// range's checkpoint was written. A crash between the two loses it.
class EarlyCursor final : public PassingDocumentStore {
 public:
  EarlyCursor(std::shared_ptr<DocumentStore> inner, std::string items)
      : PassingDocumentStore(std::move(inner)), items_(std::move(items)) {}

  Result<std::vector<WriteResult>> Apply(std::string_view name, std::span<const Write> writes,
                                         const WriteOptions& options, const Call& call) override {
    if (name == items_ && std::ranges::all_of(writes, [](const Write& write) {
          return write.kind == Write::Kind::kInsert;
        })) {
      waiting_.insert(waiting_.end(), writes.begin(), writes.end());
      return std::vector<WriteResult>(writes.size());
    }
    auto answer = inner().Apply(name, writes, options, call);
    if (name == journal::kRanges && !waiting_.empty()) {
      REHOME_TRY(inner().Apply(items_, std::exchange(waiting_, {}), {}, call));
    }
    return answer;
  }

 private:
  const std::string items_;
  std::vector<Write> waiting_;
};

/// A vector's id holds the number of the session that wrote it: the next one does not find it.
class CountedIds final : public VectorStore {
 public:
  CountedIds(std::shared_ptr<VectorStore> inner, int session)
      : inner_(std::move(inner)), session_("~" + std::to_string(session)) {}
  std::string Identity() const override { return inner_->Identity(); }
  Result<IndexInfo> Describe(const Call& call) override { return inner_->Describe(call); }
  Result<std::optional<Lsn>> Upsert(std::string_view ns, std::span<const VectorRecord> records,
                                    const Call& call) override {
    std::vector<VectorRecord> counted(records.begin(), records.end());
    for (VectorRecord& record : counted) {
      record.id += session_;
    }
    return inner_->Upsert(ns, counted, call);
  }
  Result<std::vector<VectorRecord>> Fetch(std::string_view ns, std::span<const std::string> ids,
                                          const Call& call) override {
    std::vector<std::string> counted(ids.begin(), ids.end());
    for (std::string& id : counted) {
      id += session_;
    }
    REHOME_TRY_ASSIGN(auto records, inner_->Fetch(ns, counted, call));
    for (VectorRecord& record : records) {
      record.id.resize(record.id.size() - session_.size());
    }
    return records;
  }
  Result<std::optional<Lsn>> Delete(std::string_view ns, std::span<const std::string> ids,
                                    const Call& call) override {
    return inner_->Delete(ns, ids, call);
  }
  Result<IdPage> ListIds(std::string_view ns, std::string_view token, const Call& call) override {
    return inner_->ListIds(ns, token, call);
  }
  Result<std::vector<QueryMatch>> Query(std::string_view ns, std::span<const float> vector,
                                        int top_k, bool with_metadata, const Call& call) override {
    return inner_->Query(ns, vector, top_k, with_metadata, call);
  }
  Result<std::optional<Lsn>> IndexedLsn(std::string_view ns, const Call& call) override {
    return inner_->IndexedLsn(ns, call);
  }

 private:
  const std::shared_ptr<VectorStore> inner_;
  const std::string session_;
};

}  // namespace rehome::sim
