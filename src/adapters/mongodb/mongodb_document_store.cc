#include "adapters/mongodb/mongodb_document_store.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include "adapters/mongodb/catalog.h"
#include "adapters/mongodb/description.h"
#include "adapters/mongodb/feed.h"
#include "adapters/mongodb/fence.h"
#include "adapters/mongodb/reads.h"
#include "adapters/mongodb/writer.h"

namespace rehome {
namespace mongodb {
namespace {

class Store final : public DocumentStore {
 public:
  Store(std::shared_ptr<Server> server, Clock& clock) : server_(std::move(server)), clock_(clock) {}

  [[nodiscard]] std::string Identity() const override { return server_->Identity(); }
  [[nodiscard]] Result<Document> Describe(const Call& call) override {
    return mongodb::Describe(*server_, call);
  }
  [[nodiscard]] bool WritesSideBySide() const override { return true; }
  [[nodiscard]] Millis WritesOutlive() const override { return kServerTimeMax; }
  [[nodiscard]] Result<std::vector<CollectionInfo>> Collections(const Call& call) override {
    return ListCollections(*server_, call);
  }
  [[nodiscard]] Status CreateCollection(std::string_view collection, const Document& options,
                                        const Call& call) override {
    return Create(*server_, collection, options, call);
  }
  [[nodiscard]] Status DropCollection(std::string_view collection, const Call& call) override {
    return Drop(*server_, collection, call);
  }
  [[nodiscard]] Status RenameCollection(std::string_view from, std::string_view to,
                                        const Call& call) override {
    return Rename(*server_, from, to, call);
  }
  [[nodiscard]] Status EnsureIndex(std::string_view collection, const IndexSpec& index,
                                   const Call& call) override {
    return CreateIndex(*server_, collection, IndexDocument(index), OtherName::kAccept, clock_,
                       call);
  }
  [[nodiscard]] Status RestoreIndex(std::string_view collection, const Document& index,
                                    const Call& call) override {
    return CreateIndex(*server_, collection, index, OtherName::kRefuse, clock_, call);
  }
  [[nodiscard]] Status DropIndex(std::string_view collection, std::string_view name,
                                 const Call& call) override {
    return mongodb::DropIndex(*server_, collection, name, call);
  }
  [[nodiscard]] Result<std::uint64_t> Count(std::string_view collection,
                                            const Call& call) override {
    return CountAll(*server_, collection, call);
  }
  [[nodiscard]] Result<std::unique_ptr<DocumentCursor>> Scan(std::string_view collection,
                                                             const IdRange& range,
                                                             const Call& call) override {
    return OpenCursor(server_, collection, range, call);
  }
  [[nodiscard]] Result<std::vector<IdRange>> SplitRanges(std::string_view collection,
                                                         std::size_t ranges_max,
                                                         const Call& call) override {
    return SplitById(server_, collection, ranges_max, call);
  }
  [[nodiscard]] Result<std::vector<std::optional<Document>>> FindByIds(std::string_view collection,
                                                                       std::span<const Value> ids,
                                                                       const Call& call) override {
    return mongodb::FindByIds(*server_, collection, ids, call);
  }
  [[nodiscard]] Result<std::vector<Document>> FindByField(std::string_view collection,
                                                          std::string_view path,
                                                          std::span<const Value> values,
                                                          std::size_t count_max,
                                                          const Call& call) override {
    return mongodb::FindByField(server_, collection, path, values, count_max, call);
  }
  [[nodiscard]] Result<std::vector<WriteResult>> Apply(std::string_view collection,
                                                       std::span<const Write> writes,
                                                       const WriteOptions& options,
                                                       const Call& call) override {
    return Writer(*server_, collection, options, call).Apply(writes);
  }
  [[nodiscard]] Result<std::unique_ptr<ChangeFeed>> OpenFeed(std::vector<std::string> collections,
                                                             const Call& call) override {
    return Feed::Open(server_, std::move(collections), clock_, call);
  }
  [[nodiscard]] Result<FenceKind> PossibleFence(std::string_view collection,
                                                const Call& call) override {
    return mongodb::PossibleFence(*server_, collection, call);
  }
  [[nodiscard]] Result<Document> FenceUndo(std::string_view collection, FenceKind kind,
                                           const Call& call) override {
    return mongodb::FenceUndo(*server_, collection, kind, call);
  }
  [[nodiscard]] Status RaiseFence(std::string_view collection, FenceKind kind,
                                  const Call& call) override {
    return mongodb::RaiseFence(*server_, collection, kind, call);
  }
  [[nodiscard]] Status LiftFence(std::string_view collection, FenceKind kind, const Document& undo,
                                 const Call& call) override {
    return mongodb::LiftFence(*server_, collection, kind, undo, call);
  }
  [[nodiscard]] Result<bool> IsFenced(std::string_view collection, const Call& call) override {
    return mongodb::IsFenced(*server_, collection, call);
  }

 private:
  const std::shared_ptr<Server> server_;
  Clock& clock_;
};

}  // namespace
}  // namespace mongodb

Result<std::unique_ptr<DocumentStore>> MongodbDocumentStore::Open(const Secret& uri, Clock& clock) {
  REHOME_TRY_ASSIGN(std::unique_ptr<mongodb::Pool> pool, mongodb::OpenPool(uri));
  return std::make_unique<mongodb::Store>(std::make_shared<mongodb::Server>(std::move(pool)),
                                          clock);
}

void MongodbDocumentStore::UnpublishCounters() {
  static_cast<void>(::shm_unlink(fmt::format("/mongoc-{}", ::getpid()).c_str()));
}

}  // namespace rehome
