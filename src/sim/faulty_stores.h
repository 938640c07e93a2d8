#pragma once
// faulty_stores.h — the ports with one place that decides, before every call, what goes wrong with
// it: the process dies before the effect, in the middle of a batch, or after the effect with the
// reply lost; or the store lies.
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ports/document_store.h"
#include "ports/embedder.h"
#include "ports/vector_store.h"

namespace rehome::sim {

/// What happens at one call.
enum class Fault : std::uint8_t {
  kNone,
  kDieBefore,  // nothing of the call happens; every later call of the session fails too
  kDieTorn,    // the first half of a batch is written
  kDieAfter,   // all of it happens, the reply never arrives
  kLie,        // nothing happens, and the reply says that it did
};

/// Counts the calls of one session over all its ports and strikes at one of them.
class Faults {
 public:
  struct CallSite {
    std::uint64_t number = 0;  // from 1
    bool writes = false;
    std::string name;   // "apply"
    std::string place;  // collection, namespace
  };
  Faults() = default;
  /// Strikes at call `number`.
  Faults(std::uint64_t number, Fault fault)
      : choose_([number, fault](const CallSite& site) {
          return site.number == number ? fault : Fault::kNone;
        }) {}
  explicit Faults(std::function<Fault(const CallSite&)> choose) : choose_(std::move(choose)) {}

  /// What is to happen at this call. Nothing: the process is dead.
  std::optional<Fault> Next(std::string_view name, std::string_view place, bool writes) {
    CallSite site;
    {
      const std::scoped_lock lock(mutex_);
      if (dead_) {
        return std::nullopt;
      }
      site = {++calls_, writes, std::string(name), std::string(place)};
    }
    const Fault fault = choose_ ? choose_(site) : Fault::kNone;
    const std::scoped_lock lock(mutex_);
    struck_ = struck_ || fault != Fault::kNone;
    struck_at_ = fault != Fault::kNone ? site.name + " " + site.place : struck_at_;
    dead_ = dead_ || (fault != Fault::kNone && fault != Fault::kLie);
    return fault;
  }
  [[nodiscard]] std::uint64_t calls() {
    const std::scoped_lock lock(mutex_);
    return calls_;
  }
  [[nodiscard]] bool struck() {
    const std::scoped_lock lock(mutex_);
    return struck_;
  }
  [[nodiscard]] std::string struck_at() {
    const std::scoped_lock lock(mutex_);
    return struck_at_;
  }

  static std::unexpected<Error> Dead() {
    return Fail(ErrorCode::kUnavailable, "this process is dead");
  }

 private:
  const std::function<Fault(const CallSite&)> choose_;
  std::mutex mutex_;
  std::uint64_t calls_ = 0;  // guarded by mutex_
  bool dead_ = false;        // guarded by mutex_
  bool struck_ = false;      // guarded by mutex_
  std::string struck_at_;    // guarded by mutex_
};

/// `attempt()` under the fault of this call; `lie()` is what a lying store answers.
template <class Attempt, class Lie>
auto Strike(Faults& faults, std::string_view name, std::string_view place, bool writes,
            const Attempt& attempt, const Lie& lie) -> decltype(attempt()) {
  const std::optional<Fault> fault = faults.Next(name, place, writes);
  if (!fault || *fault == Fault::kDieBefore || *fault == Fault::kDieTorn) {
    return Faults::Dead();
  }
  if (*fault == Fault::kLie) {
    return lie();
  }
  auto answer = attempt();
  if (*fault == Fault::kDieAfter) {
    return Faults::Dead();
  }
  return answer;
}

template <class Attempt>
auto Strike(Faults& faults, std::string_view name, std::string_view place, bool writes,
            const Attempt& attempt) {
  return Strike(faults, name, place, writes, attempt, attempt);
}

class FaultyCursor final : public DocumentCursor {
 public:
  FaultyCursor(std::unique_ptr<DocumentCursor> inner, std::shared_ptr<Faults> faults)
      : inner_(std::move(inner)), faults_(std::move(faults)) {}
  Result<std::vector<Document>> Next(std::size_t count_max, std::size_t bytes_max) override {
    return Strike(*faults_, "scan", "", false, [&] { return inner_->Next(count_max, bytes_max); });
  }

 private:
  const std::unique_ptr<DocumentCursor> inner_;
  const std::shared_ptr<Faults> faults_;
};

class FaultyFeed final : public ChangeFeed {
 public:
  FaultyFeed(std::unique_ptr<ChangeFeed> inner, std::shared_ptr<Faults> faults)
      : inner_(std::move(inner)), faults_(std::move(faults)) {}
  Result<ChangePosition> Head(const Call& call) override {
    return Strike(*faults_, "feed_head", "", false, [&] { return inner_->Head(call); });
  }
  Result<ChangeBatch> Read(const ChangePosition& after, std::size_t count_max, Millis wait,
                           const Call& call) override {
    return Strike(*faults_, "feed_read", "", false,
                  [&] { return inner_->Read(after, count_max, wait, call); });
  }
  Status Release(const ChangePosition& position, const Call& call) override {
    return Strike(*faults_, "feed_release", "", true,
                  [&] { return inner_->Release(position, call); });
  }

 private:
  const std::unique_ptr<ChangeFeed> inner_;
  const std::shared_ptr<Faults> faults_;
};

class FaultyDocumentStore final : public DocumentStore {
 public:
  FaultyDocumentStore(std::shared_ptr<DocumentStore> inner, std::shared_ptr<Faults> faults)
      : inner_(std::move(inner)), faults_(std::move(faults)) {}

  std::string Identity() const override { return inner_->Identity(); }
  Result<Document> Describe(const Call& call) override {
    return Strike(*faults_, "describe", "", false, [&] { return inner_->Describe(call); });
  }
  Result<std::vector<CollectionInfo>> Collections(const Call& call) override {
    return Strike(*faults_, "collections", "", false, [&] { return inner_->Collections(call); });
  }
  Status CreateCollection(std::string_view name, const Document& options,
                          const Call& call) override {
    return Strike(*faults_, "create", name, true,
                  [&] { return inner_->CreateCollection(name, options, call); });
  }
  Status DropCollection(std::string_view name, const Call& call) override {
    return Strike(*faults_, "drop", name, true, [&] { return inner_->DropCollection(name, call); });
  }
  Status RenameCollection(std::string_view from, std::string_view to, const Call& call) override {
    return Strike(*faults_, "rename", from, true,
                  [&] { return inner_->RenameCollection(from, to, call); });
  }
  Status EnsureIndex(std::string_view name, const IndexSpec& index, const Call& call) override {
    return Strike(*faults_, "ensure_index", name, true,
                  [&] { return inner_->EnsureIndex(name, index, call); });
  }
  Status RestoreIndex(std::string_view name, const Document& index, const Call& call) override {
    return Strike(*faults_, "restore_index", name, true,
                  [&] { return inner_->RestoreIndex(name, index, call); });
  }
  Status DropIndex(std::string_view name, std::string_view index, const Call& call) override {
    return Strike(*faults_, "drop_index", name, true,
                  [&] { return inner_->DropIndex(name, index, call); });
  }
  Result<std::uint64_t> Count(std::string_view name, const Call& call) override {
    return Strike(*faults_, "count", name, false, [&] { return inner_->Count(name, call); });
  }
  Result<std::unique_ptr<DocumentCursor>> Scan(std::string_view name, const IdRange& range,
                                               const Call& call) override {
    REHOME_TRY_ASSIGN(auto cursor, Strike(*faults_, "open_scan", name, false,
                                          [&] { return inner_->Scan(name, range, call); }));
    return std::make_unique<FaultyCursor>(std::move(cursor), faults_);
  }
  Result<std::vector<IdRange>> SplitRanges(std::string_view name, std::size_t ranges_max,
                                           const Call& call) override {
    return Strike(*faults_, "split", name, false,
                  [&] { return inner_->SplitRanges(name, ranges_max, call); });
  }
  Result<std::vector<std::optional<Document>>> FindByIds(std::string_view name,
                                                         std::span<const Value> ids,
                                                         const Call& call) override {
    return Strike(*faults_, "find", name, false,
                  [&] { return inner_->FindByIds(name, ids, call); });
  }
  Result<std::vector<Document>> FindByField(std::string_view name, std::string_view path,
                                            std::span<const Value> values, std::size_t count_max,
                                            const Call& call) override {
    return Strike(*faults_, "find_by_field", name, false,
                  [&] { return inner_->FindByField(name, path, values, count_max, call); });
  }
  Result<std::vector<WriteResult>> Apply(std::string_view name, std::span<const Write> writes,
                                         const WriteOptions& options, const Call& call) override {
    const std::optional<Fault> fault = faults_->Next("apply", name, true);
    if (!fault || *fault == Fault::kDieBefore) {
      return Faults::Dead();
    }
    if (*fault == Fault::kLie) {
      return std::vector<WriteResult>(writes.size());
    }
    const auto part = *fault == Fault::kDieTorn ? writes.first(writes.size() / 2) : writes;
    auto answer = inner_->Apply(name, part, options, call);
    if (*fault != Fault::kNone) {
      return Faults::Dead();
    }
    return answer;
  }
  Result<std::unique_ptr<ChangeFeed>> OpenFeed(std::vector<std::string> names,
                                               const Call& call) override {
    REHOME_TRY_ASSIGN(auto feed, Strike(*faults_, "open_feed", "", false,
                                        [&] { return inner_->OpenFeed(names, call); }));
    return std::make_unique<FaultyFeed>(std::move(feed), faults_);
  }
  Result<FenceKind> PossibleFence(std::string_view name, const Call& call) override {
    return Strike(*faults_, "possible_fence", name, false,
                  [&] { return inner_->PossibleFence(name, call); });
  }
  Result<Document> FenceUndo(std::string_view name, FenceKind kind, const Call& call) override {
    return Strike(*faults_, "fence_undo", name, false,
                  [&] { return inner_->FenceUndo(name, kind, call); });
  }
  Status RaiseFence(std::string_view name, FenceKind kind, const Call& call) override {
    return Strike(*faults_, "raise_fence", name, true,
                  [&] { return inner_->RaiseFence(name, kind, call); });
  }
  Status LiftFence(std::string_view name, FenceKind kind, const Document& undo,
                   const Call& call) override {
    return Strike(*faults_, "lift_fence", name, true,
                  [&] { return inner_->LiftFence(name, kind, undo, call); });
  }
  Result<bool> IsFenced(std::string_view name, const Call& call) override {
    return Strike(*faults_, "is_fenced", name, false, [&] { return inner_->IsFenced(name, call); });
  }

 private:
  const std::shared_ptr<DocumentStore> inner_;
  const std::shared_ptr<Faults> faults_;
};

class FaultyVectorStore final : public VectorStore {
 public:
  FaultyVectorStore(std::shared_ptr<VectorStore> inner, std::shared_ptr<Faults> faults)
      : inner_(std::move(inner)), faults_(std::move(faults)) {}

  std::string Identity() const override { return inner_->Identity(); }
  Result<IndexInfo> Describe(const Call& call) override {
    return Strike(*faults_, "describe", "", false, [&] { return inner_->Describe(call); });
  }
  Result<std::optional<Lsn>> Upsert(std::string_view ns, std::span<const VectorRecord> records,
                                    const Call& call) override {
    const std::optional<Fault> fault = faults_->Next("upsert", ns, true);
    if (!fault || *fault == Fault::kDieBefore) {
      return Faults::Dead();
    }
    if (*fault == Fault::kLie) {
      return std::nullopt;
    }
    const auto part = *fault == Fault::kDieTorn ? records.first(records.size() / 2) : records;
    auto answer = inner_->Upsert(ns, part, call);
    if (*fault != Fault::kNone) {
      return Faults::Dead();
    }
    return answer;
  }
  Result<std::vector<VectorRecord>> Fetch(std::string_view ns, std::span<const std::string> ids,
                                          const Call& call) override {
    return Strike(*faults_, "fetch", ns, false, [&] { return inner_->Fetch(ns, ids, call); });
  }
  Result<std::optional<Lsn>> Delete(std::string_view ns, std::span<const std::string> ids,
                                    const Call& call) override {
    return Strike(
        *faults_, "delete", ns, true, [&] { return inner_->Delete(ns, ids, call); },
        [] { return Result<std::optional<Lsn>>(std::nullopt); });
  }
  Result<IdPage> ListIds(std::string_view ns, std::string_view token, const Call& call) override {
    return Strike(*faults_, "list", ns, false, [&] { return inner_->ListIds(ns, token, call); });
  }
  Result<std::vector<QueryMatch>> Query(std::string_view ns, std::span<const float> vector,
                                        int top_k, bool with_metadata, const Call& call) override {
    return Strike(*faults_, "query", ns, false,
                  [&] { return inner_->Query(ns, vector, top_k, with_metadata, call); });
  }
  Result<std::optional<Lsn>> IndexedLsn(std::string_view ns, const Call& call) override {
    return Strike(*faults_, "indexed_lsn", ns, false, [&] { return inner_->IndexedLsn(ns, call); });
  }

 private:
  const std::shared_ptr<VectorStore> inner_;
  const std::shared_ptr<Faults> faults_;
};

}  // namespace rehome::sim
