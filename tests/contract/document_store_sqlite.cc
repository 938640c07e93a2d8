// document_store_sqlite.cc — the SQLite adapter under the document store contract.
#include <fmt/format.h>
#include <sqlite3.h>
#include <stdlib.h>

#include <filesystem>

#include "adapters/sqlite/sqlite_document_store.h"
#include "base/c_handle.h"
#include "tests/contract/document_store_contract.h"
#include "tests/support/scratch_directory.h"

namespace rehome::contract {
namespace {

class SqliteSubject final : public DocumentStoreSubject {
 public:
  std::unique_ptr<DocumentStore> Open() override {
    auto store = SqliteDocumentStore::Open(file(), OpenMode::kReadWrite, clock_);
    EXPECT_TRUE(store);
    return *std::move(store);
  }
  bool ForeignDelete(std::string_view collection) override {
    sqlite3* raw = nullptr;
    EXPECT_EQ(sqlite3_open(file().c_str(), &raw), SQLITE_OK);
    const CHandle<sqlite3, sqlite3_close_v2> db(raw);
    const std::string sql = fmt::format("DELETE FROM \"{}\"", collection);
    return sqlite3_exec(db.get(), sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK;
  }
  [[nodiscard]] bool prunes() const override { return true; }

 private:
  [[nodiscard]] std::string file() const { return (directory_.path() / "app.db").string(); }
  const ScratchDirectory directory_;
  ManualClock clock_;
};

std::unique_ptr<DocumentStoreSubject> MakeSubject() {
  return std::make_unique<SqliteSubject>();
}

}  // namespace

INSTANTIATE_TEST_SUITE_P(Sqlite, DocumentStoreContract, ::testing::Values(&MakeSubject),
                         [](const auto&) { return std::string("Store"); });

}  // namespace rehome::contract
