// document_store_mongodb.cc — the MongoDB adapter under the document store contract, against the
// server that REHOME_TEST_MONGODB_URI names. Every test gets a database of its own.
#include <fmt/format.h>
#include <stdlib.h>
#include <unistd.h>

#include "adapters/mongodb/mongodb_document_store.h"
#include "tests/contract/document_store_contract.h"

namespace rehome::contract {
namespace {

/// `uri` with another database.
std::string WithDatabase(const std::string& uri, const std::string& database) {
  const std::size_t path = uri.find('/', uri.find("://") + 3);
  const std::size_t query = std::min(uri.find('?'), uri.size());
  return uri.substr(0, std::min(path, query)) + "/" + database + uri.substr(query);
}

class MongodbSubject final : public DocumentStoreSubject {
 public:
  MongodbSubject() {
    const char* uri = getenv("REHOME_TEST_MONGODB_URI");
    EXPECT_NE(uri, nullptr) << "tests/peers/mongodb_server.py run -- gives a server";
    static int number = 0;
    uri_ =
        WithDatabase(uri == nullptr ? "" : uri, fmt::format("contract_{}_{}", getpid(), ++number));
  }
  MongodbSubject(const MongodbSubject&) = delete;
  MongodbSubject& operator=(const MongodbSubject&) = delete;
  ~MongodbSubject() override {
    const auto store = Open();
    const auto collections = store->Collections({});
    for (const CollectionInfo& info : collections.value_or(std::vector<CollectionInfo>{})) {
      EXPECT_TRUE(store->DropCollection(info.name, {}));
    }
  }

  std::unique_ptr<DocumentStore> Open() override {
    auto store = MongodbDocumentStore::Open(Secret(uri_), clock_);
    EXPECT_TRUE(store);
    return *std::move(store);
  }
  /// Another client deletes one by one, as an application does.
  bool ForeignDelete(std::string_view collection) override {
    const auto other = Open();
    const auto cursor = other->Scan(collection, {}, {});
    const auto documents = (*cursor)->Next(1000, 1U << 20U);
    for (const Document& document : *documents) {
      const Write write = Write::Delete(document);
      if (!other->Apply(collection, std::span(&write, 1), {}, {})) {
        return false;
      }
    }
    return true;
  }
  [[nodiscard]] bool prunes() const override { return false; }
  /// A server without validators has no options to keep.
  [[nodiscard]] bool keeps_options() override {
    return Open()->PossibleFence("any", {}) != FenceKind::kNone;
  }

 private:
  std::string uri_;
  SystemClock clock_;
};

std::unique_ptr<DocumentStoreSubject> MakeSubject() {
  return std::make_unique<MongodbSubject>();
}

}  // namespace

INSTANTIATE_TEST_SUITE_P(Mongodb, DocumentStoreContract, ::testing::Values(&MakeSubject),
                         [](const auto&) { return std::string("Store"); });

}  // namespace rehome::contract
