#pragma once
// intercepted.h — the ports with one hook around every call. A decorator is an interceptor, one
// class for all ports, with
//   template <class F> auto Run(const Operation&, const Call&, F attempt) ->
//   decltype(attempt(call))
// which calls `attempt(call)` never, once or several times, and returns a result of its type. Who
// also wants Operation::cost says `static constexpr bool kNeedsCost = true`.
// An interceptor is shared: one retry budget, one rate, one table of numbers over several stores.
#include <concepts>
#include <memory>
#include <utility>

#include "decorators/operation.h"
#include "ports/document_store.h"
#include "ports/embedder_decorator.h"
#include "ports/namespace_aliases.h"
#include "ports/vector_store.h"

namespace rehome {

template <class Interceptor>
class InterceptedVectorStore final : public VectorStore {
 public:
  InterceptedVectorStore(std::shared_ptr<VectorStore> inner, std::shared_ptr<Interceptor> around)
      : inner_(std::move(inner)), around_(std::move(around)) {}
  /// With an interceptor of its own, made of `parts`.
  template <class... Parts>
    requires std::constructible_from<Interceptor, Parts...>
  explicit InterceptedVectorStore(std::shared_ptr<VectorStore> inner, Parts&&... parts)
      : InterceptedVectorStore(std::move(inner),
                               std::make_shared<Interceptor>(std::forward<Parts>(parts)...)) {}

  [[nodiscard]] std::string Identity() const override { return inner_->Identity(); }
  Result<IndexInfo> Describe(const Call& call) override {
    return around_->Run({.name = "describe"}, call,
                        [&](const Call& c) { return inner_->Describe(c); });
  }
  Result<std::optional<Lsn>> Upsert(std::string_view ns, std::span<const VectorRecord> records,
                                    const Call& call) override {
    return around_->Run(
        {.name = "upsert", .writes = true, .cost = static_cast<double>(records.size())}, call,
        [&](const Call& c) { return inner_->Upsert(ns, records, c); });
  }
  Result<std::vector<VectorRecord>> Fetch(std::string_view ns, std::span<const std::string> ids,
                                          const Call& call) override {
    return around_->Run({.name = "fetch"}, call,
                        [&](const Call& c) { return inner_->Fetch(ns, ids, c); });
  }
  Result<std::optional<Lsn>> Delete(std::string_view ns, std::span<const std::string> ids,
                                    const Call& call) override {
    return around_->Run({.name = "delete", .writes = true, .cost = static_cast<double>(ids.size())},
                        call, [&](const Call& c) { return inner_->Delete(ns, ids, c); });
  }
  Result<IdPage> ListIds(std::string_view ns, std::string_view token, const Call& call) override {
    return around_->Run({.name = "list"}, call,
                        [&](const Call& c) { return inner_->ListIds(ns, token, c); });
  }
  Result<std::vector<QueryMatch>> Query(std::string_view ns, std::span<const float> vector,
                                        int top_k, bool with_metadata, const Call& call) override {
    return around_->Run({.name = "query"}, call, [&](const Call& c) {
      return inner_->Query(ns, vector, top_k, with_metadata, c);
    });
  }
  Result<std::optional<Lsn>> IndexedLsn(std::string_view ns, const Call& call) override {
    return around_->Run({.name = "indexed_lsn"}, call,
                        [&](const Call& c) { return inner_->IndexedLsn(ns, c); });
  }

 private:
  const std::shared_ptr<VectorStore> inner_;
  const std::shared_ptr<Interceptor> around_;
};

template <class Interceptor>
class InterceptedNamespaceAliases final : public NamespaceAliases {
 public:
  InterceptedNamespaceAliases(std::shared_ptr<NamespaceAliases> inner,
                              std::shared_ptr<Interceptor> around)
      : inner_(std::move(inner)), around_(std::move(around)) {}

  Result<bool> Offered(const Call& call) override {
    return around_->Run({.name = "aliases_offered"}, call,
                        [&](const Call& c) { return inner_->Offered(c); });
  }
  Result<std::optional<std::string>> Find(std::string_view alias, const Call& call) override {
    return around_->Run({.name = "find_alias"}, call,
                        [&](const Call& c) { return inner_->Find(alias, c); });
  }
  Status Point(std::string_view alias, std::string_view ns, const Call& call) override {
    return around_->Run({.name = "point_alias", .writes = true}, call,
                        [&](const Call& c) { return inner_->Point(alias, ns, c); });
  }
  Status Remove(std::string_view alias, const Call& call) override {
    return around_->Run({.name = "remove_alias", .writes = true}, call,
                        [&](const Call& c) { return inner_->Remove(alias, c); });
  }

 private:
  const std::shared_ptr<NamespaceAliases> inner_;
  const std::shared_ptr<Interceptor> around_;
};

template <class Interceptor>
class InterceptedEmbedder final : public EmbedderDecorator {
 public:
  InterceptedEmbedder(std::shared_ptr<Embedder> inner, std::shared_ptr<Interceptor> around)
      : EmbedderDecorator(std::move(inner)), around_(std::move(around)) {}
  /// With an interceptor of its own, made of `parts`.
  template <class... Parts>
    requires std::constructible_from<Interceptor, Parts...>
  explicit InterceptedEmbedder(std::shared_ptr<Embedder> inner, Parts&&... parts)
      : InterceptedEmbedder(std::move(inner),
                            std::make_shared<Interceptor>(std::forward<Parts>(parts)...)) {}

  Result<Embeddings> Embed(std::span<const std::string> texts, TextRole role,
                           const Call& call) override {
    return around_->Run({.name = "embed", .cost = Cost(texts)}, call,
                        [&](const Call& c) { return inner().Embed(texts, role, c); });
  }

 private:
  [[nodiscard]] double Cost(std::span<const std::string> texts) const {
    double tokens = 0;
    if constexpr (requires { Interceptor::kNeedsCost; }) {  // counting tokens is not free
      for (const std::string& text : texts) {
        tokens += static_cast<double>(inner().CountTokens(text));
      }
    }
    return tokens;
  }

  const std::shared_ptr<Interceptor> around_;
};

/// A cursor whose failed step may be tried again: it opens the rest of the range anew, since what a
/// cursor holds after an error is not known.
template <class Interceptor>
class InterceptedCursor final : public DocumentCursor {
 public:
  InterceptedCursor(std::shared_ptr<DocumentStore> store, std::shared_ptr<Interceptor> around,
                    std::unique_ptr<DocumentCursor> inner, std::string collection, IdRange rest,
                    Call call)
      : store_(std::move(store)),
        around_(std::move(around)),
        inner_(std::move(inner)),
        collection_(std::move(collection)),
        rest_(std::move(rest)),
        call_(std::move(call)) {}

  Result<std::vector<Document>> Next(std::size_t count_max, std::size_t bytes_max) override {
    auto batch = around_->Run({.name = "scan", .exhaustion_is_final = true}, call_,
                              [&](const Call& c) { return Attempt(count_max, bytes_max, c); });
    if (batch && !batch->empty()) {
      rest_.after = Value(batch->back().Id());
    }
    return batch;
  }

 private:
  Result<std::vector<Document>> Attempt(std::size_t count_max, std::size_t bytes_max,
                                        const Call& call) {
    if (!inner_) {
      REHOME_TRY_ASSIGN(inner_, store_->Scan(collection_, rest_, call));
    }
    auto batch = inner_->Next(count_max, bytes_max);
    if (!batch) {
      inner_.reset();
    }
    return batch;
  }

  const std::shared_ptr<DocumentStore> store_;
  const std::shared_ptr<Interceptor> around_;
  std::unique_ptr<DocumentCursor> inner_;  // none after an error
  const std::string collection_;
  IdRange rest_;  // what was not returned yet
  const Call call_;
};

template <class Interceptor>
class InterceptedFeed final : public ChangeFeed {
 public:
  InterceptedFeed(std::unique_ptr<ChangeFeed> inner, std::shared_ptr<Interceptor> around)
      : inner_(std::move(inner)), around_(std::move(around)) {}

  Result<ChangePosition> Head(const Call& call) override {
    return around_->Run({.name = "feed_head", .exhaustion_is_final = true}, call,
                        [&](const Call& c) { return inner_->Head(c); });
  }
  Result<ChangeBatch> Read(const ChangePosition& after, std::size_t count_max, Millis wait,
                           const Call& call) override {
    return around_->Run({.name = "feed_read", .exhaustion_is_final = true}, call,
                        [&](const Call& c) { return inner_->Read(after, count_max, wait, c); });
  }
  Status Release(const ChangePosition& position, const Call& call) override {
    return around_->Run({.name = "feed_release", .writes = true, .exhaustion_is_final = true}, call,
                        [&](const Call& c) { return inner_->Release(position, c); });
  }

 private:
  const std::unique_ptr<ChangeFeed> inner_;
  const std::shared_ptr<Interceptor> around_;
};

template <class Interceptor>
class InterceptedDocumentStore final : public DocumentStore {
 public:
  InterceptedDocumentStore(std::shared_ptr<DocumentStore> inner,
                           std::shared_ptr<Interceptor> around)
      : inner_(std::move(inner)), around_(std::move(around)) {}
  /// With an interceptor of its own, made of `parts`.
  template <class... Parts>
    requires std::constructible_from<Interceptor, Parts...>
  explicit InterceptedDocumentStore(std::shared_ptr<DocumentStore> inner, Parts&&... parts)
      : InterceptedDocumentStore(std::move(inner),
                                 std::make_shared<Interceptor>(std::forward<Parts>(parts)...)) {}

  [[nodiscard]] std::string Identity() const override { return inner_->Identity(); }
  Result<Document> Describe(const Call& call) override {
    return Read("describe", call, [&](const Call& c) { return inner_->Describe(c); });
  }
  [[nodiscard]] bool WritesSideBySide() const override { return inner_->WritesSideBySide(); }
  [[nodiscard]] Millis WritesOutlive() const override { return inner_->WritesOutlive(); }
  Result<std::vector<CollectionInfo>> Collections(const Call& call) override {
    return Read("collections", call, [&](const Call& c) { return inner_->Collections(c); });
  }
  Status CreateCollection(std::string_view collection, const Document& options,
                          const Call& call) override {
    return Write("create_collection", call,
                 [&](const Call& c) { return inner_->CreateCollection(collection, options, c); });
  }
  Status DropCollection(std::string_view collection, const Call& call) override {
    return Write("drop_collection", call,
                 [&](const Call& c) { return inner_->DropCollection(collection, c); });
  }
  Status RenameCollection(std::string_view from, std::string_view to, const Call& call) override {
    return Write("rename_collection", call,
                 [&](const Call& c) { return inner_->RenameCollection(from, to, c); });
  }
  Status EnsureIndex(std::string_view collection, const IndexSpec& index,
                     const Call& call) override {
    return Write("ensure_index", call,
                 [&](const Call& c) { return inner_->EnsureIndex(collection, index, c); });
  }
  Status RestoreIndex(std::string_view collection, const Document& index,
                      const Call& call) override {
    return Write("restore_index", call,
                 [&](const Call& c) { return inner_->RestoreIndex(collection, index, c); });
  }
  Status DropIndex(std::string_view collection, std::string_view name, const Call& call) override {
    return Write("drop_index", call,
                 [&](const Call& c) { return inner_->DropIndex(collection, name, c); });
  }
  Result<std::uint64_t> Count(std::string_view collection, const Call& call) override {
    return Read("count", call, [&](const Call& c) { return inner_->Count(collection, c); });
  }
  Result<std::unique_ptr<DocumentCursor>> Scan(std::string_view collection, const IdRange& range,
                                               const Call& call) override {
    REHOME_TRY_ASSIGN(auto cursor, Read("open_scan", call, [&](const Call& c) {
                        return inner_->Scan(collection, range, c);
                      }));
    return std::make_unique<InterceptedCursor<Interceptor>>(inner_, around_, std::move(cursor),
                                                            std::string(collection), range, call);
  }
  Result<std::vector<IdRange>> SplitRanges(std::string_view collection, std::size_t ranges_max,
                                           const Call& call) override {
    return Read("split_ranges", call,
                [&](const Call& c) { return inner_->SplitRanges(collection, ranges_max, c); });
  }
  Result<std::vector<std::optional<Document>>> FindByIds(std::string_view collection,
                                                         std::span<const Value> ids,
                                                         const Call& call) override {
    return Read("find_by_ids", call,
                [&](const Call& c) { return inner_->FindByIds(collection, ids, c); });
  }
  Result<std::vector<Document>> FindByField(std::string_view collection, std::string_view path,
                                            std::span<const Value> values, std::size_t count_max,
                                            const Call& call) override {
    return Read("find_by_field", call, [&](const Call& c) {
      return inner_->FindByField(collection, path, values, count_max, c);
    });
  }
  Result<std::vector<WriteResult>> Apply(std::string_view collection,
                                         std::span<const rehome::Write> writes,
                                         const WriteOptions& options, const Call& call) override {
    return around_->Run(
        {.name = "apply",
         .writes = true,
         .cost = static_cast<double>(writes.size()),
         .exhaustion_is_final = true},
        call, [&](const Call& c) { return inner_->Apply(collection, writes, options, c); });
  }
  Result<std::unique_ptr<ChangeFeed>> OpenFeed(std::vector<std::string> collections,
                                               const Call& call) override {
    REHOME_TRY_ASSIGN(auto feed, Read("open_feed", call, [&](const Call& c) {
                        return inner_->OpenFeed(collections, c);
                      }));
    return std::make_unique<InterceptedFeed<Interceptor>>(std::move(feed), around_);
  }
  Result<FenceKind> PossibleFence(std::string_view collection, const Call& call) override {
    return Read("possible_fence", call,
                [&](const Call& c) { return inner_->PossibleFence(collection, c); });
  }
  Result<Document> FenceUndo(std::string_view collection, FenceKind kind,
                             const Call& call) override {
    return Read("fence_undo", call,
                [&](const Call& c) { return inner_->FenceUndo(collection, kind, c); });
  }
  Status RaiseFence(std::string_view collection, FenceKind kind, const Call& call) override {
    return Write("raise_fence", call,
                 [&](const Call& c) { return inner_->RaiseFence(collection, kind, c); });
  }
  Status LiftFence(std::string_view collection, FenceKind kind, const Document& undo,
                   const Call& call) override {
    return Write("lift_fence", call,
                 [&](const Call& c) { return inner_->LiftFence(collection, kind, undo, c); });
  }
  Result<bool> IsFenced(std::string_view collection, const Call& call) override {
    return Read("is_fenced", call, [&](const Call& c) { return inner_->IsFenced(collection, c); });
  }

 private:
  template <class F>
  auto Read(std::string_view name, const Call& call, F attempt) {
    return around_->Run({.name = name, .exhaustion_is_final = true}, call, std::move(attempt));
  }
  template <class F>
  auto Write(std::string_view name, const Call& call, F attempt) {
    return around_->Run({.name = name, .writes = true, .exhaustion_is_final = true}, call,
                        std::move(attempt));
  }

  const std::shared_ptr<DocumentStore> inner_;
  const std::shared_ptr<Interceptor> around_;
};

}  // namespace rehome
