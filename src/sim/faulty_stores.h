#pragma once
// faulty_stores.h — the ports with one place that decides, before every call, what goes wrong with
// it: the process dies before the effect, in the middle of a batch, or after the effect with the
// reply lost; the service fails so, and the process goes on; or the store lies.
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ports/document_store.h"
#include "ports/embedder_decorator.h"
#include "ports/vector_store.h"

namespace rehome::sim {

/// What happens at one call.
enum class Fault : std::uint8_t {
  kNone,
  kDieBefore,  // nothing of the call happens; every later call of the session fails too
  kDieTorn,    // the first half of a batch is written
  kDieAfter,   // all of it happens, the reply never arrives
  kLie,        // nothing happens, and the reply says that it did
  kRefuse,     // nothing happens: kUnavailable
  kThrottle,   // nothing happens: kResourceExhausted (429; of documents, a full disk)
  kTear,       // the first half of a batch is written: kOutcomeUnknown
  kLoseReply,  // all of it happens: kOutcomeUnknown
};
[[nodiscard]] constexpr bool Kills(Fault fault) {
  return fault == Fault::kDieBefore || fault == Fault::kDieTorn || fault == Fault::kDieAfter;
}

/// One call of a session on one of its ports.
struct CallSite {
  std::uint64_t number = 0;  // from 1
  bool writes = false;
  std::string_view name;   // "apply"
  std::string_view place;  // collection, namespace
};

/// Counts the calls of one session over all its ports and strikes at some of them.
class Faults {
 public:
  using CallSite = sim::CallSite;
  using Choose = std::function<Fault(const CallSite&)>;
  Faults() = default;
  /// Strikes at call `number`.
  Faults(std::uint64_t number, Fault fault)
      : choose_([number, fault](const CallSite& site) {
          return site.number == number ? fault : Fault::kNone;
        }) {}
  /// `shorten`: how many documents a cursor gives where it was asked for so many; absent: as many.
  explicit Faults(Choose choose, std::function<std::size_t(std::size_t)> shorten = {})
      : choose_(std::move(choose)), shorten_(std::move(shorten)) {}

  /// What is to happen at this call. Nothing: the process is dead.
  std::optional<Fault> Next(std::string_view name, std::string_view place, bool writes) {
    CallSite site{.number = 0, .writes = writes, .name = name, .place = place};
    {
      const std::scoped_lock lock(mutex_);
      if (dead_) {
        return std::nullopt;
      }
      site.number = ++calls_;
    }
    const Fault fault = choose_ ? choose_(site) : Fault::kNone;
    if (fault == Fault::kNone) {
      return fault;
    }
    const std::scoped_lock lock(mutex_);
    struck_at_ = std::string(name) + " " + std::string(place);
    dead_ = dead_ || Kills(fault);
    return fault;
  }
  [[nodiscard]] std::size_t CountMax(std::size_t asked) const {
    return shorten_ ? shorten_(asked) : asked;
  }
  [[nodiscard]] std::uint64_t calls() {
    const std::scoped_lock lock(mutex_);
    return calls_;
  }
  [[nodiscard]] bool struck() { return !struck_at().empty(); }
  /// "apply jobs"; empty: it never struck.
  [[nodiscard]] std::string struck_at() {
    const std::scoped_lock lock(mutex_);
    return struck_at_;
  }

 private:
  const Choose choose_;
  const std::function<std::size_t(std::size_t)> shorten_;
  std::mutex mutex_;
  std::uint64_t calls_ = 0;  // guarded by mutex_
  bool dead_ = false;        // guarded by mutex_
  std::string struck_at_;    // guarded by mutex_
};

/// What the caller of a struck call is told; only faults with an error.
[[nodiscard]] inline std::unexpected<Error> Answer(std::optional<Fault> fault) {
  if (!fault || Kills(*fault)) {
    return Fail(ErrorCode::kUnavailable, "this process is dead");
  }
  switch (*fault) {
    case Fault::kThrottle:
      return Fail(ErrorCode::kResourceExhausted, "simulated: too many requests, or a full disk");
    case Fault::kTear:
    case Fault::kLoseReply:
      return Fail(ErrorCode::kOutcomeUnknown, "simulated: the reply was lost");
    case Fault::kNone:
    case Fault::kLie:
    case Fault::kDieBefore:
    case Fault::kDieTorn:
    case Fault::kDieAfter:
    case Fault::kRefuse:
      break;
  }
  return Fail(ErrorCode::kUnavailable, "simulated: the store cannot be reached");
}

/// How much of a batch is written under a fault.
enum class Extent : std::uint8_t { kNothing, kHalf, kAll };
[[nodiscard]] constexpr Extent ExtentOf(Fault fault) {
  switch (fault) {
    case Fault::kNone:
    case Fault::kDieAfter:
    case Fault::kLoseReply:
      return Extent::kAll;
    case Fault::kDieTorn:
    case Fault::kTear:
      return Extent::kHalf;
    case Fault::kDieBefore:
    case Fault::kLie:
    case Fault::kRefuse:
    case Fault::kThrottle:
      break;
  }
  return Extent::kNothing;
}

/// `attempt()` under the fault of this call; `lie()` is what a lying store answers.
template <class Attempt, class Lie>
auto Strike(Faults& faults, std::string_view name, std::string_view place, bool writes,
            const Attempt& attempt, const Lie& lie) -> decltype(attempt()) {
  const std::optional<Fault> fault = faults.Next(name, place, writes);
  if (fault == Fault::kNone) {
    return attempt();
  }
  if (fault == Fault::kLie) {
    return lie();
  }
  if (fault && ExtentOf(*fault) == Extent::kAll) {
    static_cast<void>(attempt());
  }
  return Answer(fault);
}

template <class Attempt>
auto Strike(Faults& faults, std::string_view name, std::string_view place, bool writes,
            const Attempt& attempt) {
  return Strike(faults, name, place, writes, attempt, attempt);
}

/// The same for a batch: `attempt(part)` writes a part of it.
template <class T, class Attempt, class Lie>
auto StrikeBatch(Faults& faults, std::string_view name, std::string_view place,
                 std::span<const T> batch, const Attempt& attempt, const Lie& lie)
    -> decltype(attempt(batch)) {
  const std::optional<Fault> fault = faults.Next(name, place, true);
  if (fault == Fault::kNone) {
    return attempt(batch);
  }
  if (fault == Fault::kLie) {
    return lie();
  }
  if (fault && ExtentOf(*fault) == Extent::kAll) {
    static_cast<void>(attempt(batch));
  } else if (fault && ExtentOf(*fault) == Extent::kHalf && batch.size() > 1) {
    static_cast<void>(attempt(batch.first(batch.size() / 2)));
  }
  return Answer(fault);
}

class FaultyCursor final : public DocumentCursor {
 public:
  FaultyCursor(std::unique_ptr<DocumentCursor> inner, std::shared_ptr<Faults> faults)
      : inner_(std::move(inner)), faults_(std::move(faults)) {}
  Result<std::vector<Document>> Next(std::size_t count_max, std::size_t bytes_max) override {
    return Strike(*faults_, "scan", "", false,
                  [&] { return inner_->Next(faults_->CountMax(count_max), bytes_max); });
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

  [[nodiscard]] std::string Identity() const override { return inner_->Identity(); }
  [[nodiscard]] bool WritesSideBySide() const override { return inner_->WritesSideBySide(); }
  [[nodiscard]] Millis WritesOutlive() const override { return inner_->WritesOutlive(); }
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
    return StrikeBatch(
        *faults_, "apply", name, writes,
        [&](std::span<const Write> part) { return inner_->Apply(name, part, options, call); },
        [&] { return Result<std::vector<WriteResult>>(std::vector<WriteResult>(writes.size())); });
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

  [[nodiscard]] std::string Identity() const override { return inner_->Identity(); }
  Result<IndexInfo> Describe(const Call& call) override {
    return Strike(*faults_, "describe", "", false, [&] { return inner_->Describe(call); });
  }
  Result<std::optional<Lsn>> Upsert(std::string_view ns, std::span<const VectorRecord> records,
                                    const Call& call) override {
    return StrikeBatch(
        *faults_, "upsert", ns, records,
        [&](std::span<const VectorRecord> part) { return inner_->Upsert(ns, part, call); },
        [] { return Result<std::optional<Lsn>>(std::nullopt); });
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

/// Embedding is paid for: a lost reply is money, not data.
class FaultyEmbedder final : public EmbedderDecorator {
 public:
  FaultyEmbedder(std::shared_ptr<Embedder> inner, std::shared_ptr<Faults> faults)
      : EmbedderDecorator(std::move(inner)), faults_(std::move(faults)) {}
  Result<Embeddings> Embed(std::span<const std::string> texts, TextRole role,
                           const Call& call) override {
    return Strike(*faults_, "embed", "", false, [&] { return inner().Embed(texts, role, call); });
  }

 private:
  const std::shared_ptr<Faults> faults_;
};

}  // namespace rehome::sim
