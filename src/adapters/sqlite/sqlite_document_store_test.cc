#include "adapters/sqlite/sqlite_document_store.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <map>

#include "adapters/sqlite/sqlite.h"
#include "base/atomic_file.h"
#include "tests/support/scratch_directory.h"

namespace rehome {
namespace {

class SqliteStore : public ::testing::Test {
 protected:
  void SetUp() override { file_ = directory_.path() / "data" / "app.db"; }

  std::unique_ptr<DocumentStore> Open(OpenMode mode = OpenMode::kReadWrite) {
    auto store = SqliteDocumentStore::Open(file_, mode, clock_);
    EXPECT_TRUE(store);
    return *std::move(store);
  }
  static Document Doc(std::int32_t id, std::int32_t number) {
    return DocumentBuilder().Int32("_id", id).Int32("n", number).Finish();
  }
  static Status Insert(DocumentStore& store, const Document& document,
                       std::string_view collection = "jobs") {
    const Write write = Write::Insert(document);
    REHOME_TRY(store.Apply(collection, std::span(&write, 1), {}, {}));
    return {};
  }
  /// As a plain `sqlite3` shell would.
  void Shell(const std::string& sql) {
    auto shell = sqlite::Connection::Open(file_, SQLITE_OPEN_READWRITE, false, Millis{1000});
    ASSERT_TRUE(shell);
    const Status done = (*shell)->Execute(sql);
    EXPECT_TRUE(done) << done.error().message;
  }
  /// Every file below the directory with its contents.
  std::map<std::string, std::string> Contents() {
    std::map<std::string, std::string> contents;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory_.path())) {
      contents[entry.path().string()] =
          entry.is_regular_file() ? ReadFile(entry.path()).value_or("?") : "";
    }
    return contents;
  }
  static void ReadEverything(DocumentStore& store) {
    EXPECT_TRUE(store.Describe({}));
    EXPECT_TRUE(store.Collections({}));
    EXPECT_TRUE(store.Count("jobs", {}));
    EXPECT_TRUE((*store.Scan("jobs", {}, {}))->Next(10, 1000));
    EXPECT_TRUE(store.SplitRanges("jobs", 3, {}));
    EXPECT_TRUE(store.IsFenced("jobs", {}));
    const auto feed = store.OpenFeed({"jobs"}, {});
    const auto head = (*feed)->Head({});
    ASSERT_TRUE(head);
    EXPECT_TRUE((*feed)->Read(*head, 10, Millis{0}, {}));
  }

  const ScratchDirectory directory_;
  std::filesystem::path file_;
  ManualClock clock_;
};

TEST_F(SqliteStore, ReadingAMissingFileCreatesNothing) {
  for (const OpenMode mode : {OpenMode::kReadOnly, OpenMode::kReadWrite}) {
    const auto store = Open(mode);
    ReadEverything(*store);
    EXPECT_TRUE(store->DropCollection("jobs", {}));
  }
  EXPECT_TRUE(Contents().empty());
}

TEST_F(SqliteStore, TheFirstWriteCreatesThePrivateFileAndItsDirectory) {
  ASSERT_TRUE(Insert(*Open(), Doc(1, 1)));
  struct stat file{};
  ASSERT_EQ(stat(file_.c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777U, 0600U);
  EXPECT_EQ(Contents().size(), 2U);  // the directory and the file: a clean close leaves no other
}

TEST_F(SqliteStore, AReadOnlyStoreLeavesTheDirectoryByteForByte) {
  ASSERT_TRUE(Insert(*Open(), Doc(1, 1)));
  const auto before = Contents();
  {
    const auto store = Open(OpenMode::kReadOnly);
    ReadEverything(*store);
    EXPECT_EQ(Contents(), before);
    const Status refused = Insert(*store, Doc(2, 2));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kFailedPrecondition);
  }
  EXPECT_EQ(Contents(), before);
}

TEST_F(SqliteStore, AReadOnlyStoreSeesWhatAWriterAddsMeanwhile) {
  ASSERT_TRUE(Insert(*Open(), Doc(1, 1)));
  const auto reader = Open(OpenMode::kReadOnly);
  EXPECT_EQ(reader->Count("jobs", {}).value_or(99), 1U);
  {
    const auto writer = Open();
    ASSERT_TRUE(Insert(*writer, Doc(2, 2)));
    EXPECT_EQ(reader->Count("jobs", {}).value_or(99), 2U);
    ASSERT_TRUE(Insert(*writer, Doc(3, 3)));
    EXPECT_EQ(reader->Count("jobs", {}).value_or(99), 3U);
  }
  EXPECT_EQ(reader->Count("jobs", {}).value_or(99), 3U);
  ASSERT_TRUE(Insert(*Open(), Doc(4, 4)));
  EXPECT_EQ(reader->Count("jobs", {}).value_or(99), 4U);
}

TEST_F(SqliteStore, AReadOnlyStoreReadsWhatACrashLeftInTheLog) {
  const pid_t child = fork();
  if (child == 0) {
    const auto store = Open();
    _exit(Insert(*store, Doc(1, 1)) ? 0 : 1);  // no destructor: the log stays
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  const auto log = ReadFile(file_.string() + "-wal");
  ASSERT_TRUE(log && !log->empty());
  const auto data = ReadFile(file_);
  EXPECT_EQ(Open(OpenMode::kReadOnly)->Count("jobs", {}).value_or(99), 1U);
  EXPECT_EQ(ReadFile(file_.string() + "-wal").value_or(""), *log);
  EXPECT_EQ(ReadFile(file_).value_or(""), data.value_or("?"));
}

TEST_F(SqliteStore, NamesOfAnyShapeAreCollections) {
  const std::vector<std::string> names{
      "a\"b'c", "a.b.c", "sqlite_master", "Zeile", "zeile", "\xE2\x82\xAC uro", "$x", "select"};
  const auto store = Open();
  for (const std::string& name : names) {
    ASSERT_TRUE(Insert(*store, Doc(1, 1), name)) << name;
    ASSERT_TRUE(store->EnsureIndex(name, {"i\"'", {"n"}, true}, {})) << name;
    ASSERT_TRUE(store->RaiseFence(name, FenceKind::kTrigger, {})) << name;
    EXPECT_FALSE(Insert(*store, Doc(2, 2), name)) << name;
    EXPECT_EQ(store->Count(name, {}).value_or(99), 1U) << name;
  }
  EXPECT_EQ(store->Collections({})->size(), names.size());
  EXPECT_EQ(Insert(*store, Doc(1, 1), "").error().code, ErrorCode::kInvalidArgument);
}

TEST_F(SqliteStore, TheJournalsOwnCollectionsAreNotFed) {
  const auto store = Open();
  EXPECT_EQ(store->OpenFeed({"rehome_runs"}, {}).error().code, ErrorCode::kInvalidArgument);
  const auto feed = store->OpenFeed({"jobs"}, {});
  ASSERT_TRUE(Insert(*store, Doc(1, 1), "rehome_runs"));
  EXPECT_EQ((*feed)->Head({})->token, "0");
}

TEST_F(SqliteStore, DroppingAndRenamingAreNamedByTheFeed) {
  const auto store = Open();
  ASSERT_TRUE(Insert(*store, Doc(1, 1)));
  ASSERT_TRUE(Insert(*store, Doc(2, 2)));
  const auto feed = store->OpenFeed({"jobs", "old_jobs"}, {});
  const auto head = (*feed)->Head({});
  ASSERT_TRUE(store->RenameCollection("jobs", "old_jobs", {}));
  ASSERT_TRUE(store->DropCollection("old_jobs", {}));
  const auto batch = (*feed)->Read(*head, 100, Millis{0}, {});
  ASSERT_TRUE(batch);
  std::map<std::string, int> named;
  for (const ChangeEvent& event : batch->events) {
    ++named[event.collection];
  }
  EXPECT_EQ(named, (std::map<std::string, int>{{"jobs", 2}, {"old_jobs", 4}}));
  ASSERT_TRUE(Insert(*store, Doc(3, 3), "old_jobs"));
  EXPECT_EQ((*feed)->Read(batch->position, 100, Millis{0}, {})->events.size(), 1U);
}

TEST_F(SqliteStore, APositionOfAnotherFileIsLost) {
  const auto store = Open();
  ASSERT_TRUE(Insert(*store, Doc(1, 1)));
  const auto feed = store->OpenFeed({"jobs"}, {});
  EXPECT_EQ((*feed)->Read({"77"}, 1, Millis{0}, {}).error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ((*feed)->Read({"7x"}, 1, Millis{0}, {}).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(SqliteStore, AFeedThatAnotherProgramEmptiedIsLostUntilAHeadIsTakenAnew) {
  const auto store = Open();
  const auto feed = store->OpenFeed({"jobs"}, {});
  for (int i = 1; i <= 4; ++i) {
    ASSERT_TRUE(Insert(*store, Doc(i, i)));
  }
  const auto lost = (*feed)->Head({});
  ASSERT_TRUE((*feed)->Release({"2"}, {}));
  Shell(R"(DELETE FROM "$:feed")");
  EXPECT_EQ((*feed)->Read(*lost, 9, Millis{0}, {}).error().code, ErrorCode::kFailedPrecondition);
  for (int i = 5; i <= 9; ++i) {  // SQLite numbers these from 1 again
    ASSERT_TRUE(Insert(*store, Doc(i, i)));
  }
  EXPECT_EQ((*feed)->Read(*lost, 9, Millis{0}, {}).error().code, ErrorCode::kFailedPrecondition);
  const auto head = (*feed)->Head({});
  ASSERT_TRUE(head);
  EXPECT_EQ((*feed)->Read(*lost, 9, Millis{0}, {}).error().code, ErrorCode::kFailedPrecondition);
  ASSERT_TRUE(Insert(*store, Doc(10, 10)));
  EXPECT_EQ((*feed)->Read(*head, 9, Millis{0}, {})->events.size(), 1U);
}

TEST_F(SqliteStore, IndexesThatAnotherProgramCouldNotKeepAreBuiltAnew) {
  const auto store = Open();
  ASSERT_TRUE(store->EnsureIndex("jobs", {"by_n", {"n"}, true}, {}));
  ASSERT_TRUE(Insert(*store, Doc(1, 1)));
  Shell("UPDATE jobs SET document = x'15000000105F69640001000000106E000900000000'");
  const std::vector<Value> nine{Value::Int32(9)};
  EXPECT_EQ(store->FindByField("jobs", "n", nine, 5, {}).value_or(std::vector<Document>{}),
            std::vector{Doc(1, 9)});
  const Write conflicting = Write::Insert(Doc(2, 9));
  const auto result = store->Apply("jobs", std::span(&conflicting, 1), {}, {});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->front().unique_index, "by_n");
  EXPECT_TRUE(Insert(*store, Doc(2, 1)));
  EXPECT_EQ(store->FindByField("jobs", "n", nine, 5, {}).value_or(std::vector<Document>{}),
            std::vector{Doc(1, 9)});
}

TEST_F(SqliteStore, ADocumentThatAnotherProgramDeletedHoldsNoUniqueKey) {
  const auto store = Open();
  ASSERT_TRUE(store->EnsureIndex("jobs", {"by_n", {"n"}, true}, {}));
  ASSERT_TRUE(Insert(*store, Doc(1, 1)));
  Shell("DELETE FROM jobs");
  const Write write = Write::Insert(Doc(2, 1));
  EXPECT_TRUE(store->Apply("jobs", std::span(&write, 1), {}, {})->front().applied());
}

TEST_F(SqliteStore, BytesThatAreNoDocumentAreDataLoss) {
  const auto store = Open();
  ASSERT_TRUE(Insert(*store, Doc(1, 1)));
  Shell("UPDATE jobs SET document = x'FFFF'");
  const auto cursor = store->Scan("jobs", {}, {});
  EXPECT_EQ((*cursor)->Next(10, 1000).error().code, ErrorCode::kDataLoss);
}

TEST_F(SqliteStore, AFileThatIsNoDatabaseIsNamedWrongly) {
  std::filesystem::create_directories(file_.parent_path());
  std::ofstream(file_) << std::string(5000, 'x');
  EXPECT_EQ(Open()->Count("jobs", {}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(Open(OpenMode::kReadOnly)->Count("jobs", {}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(Insert(*Open(), Doc(1, 1)).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(SqliteStore, ADirectoryIsNamedWrongly) {
  const auto store = SqliteDocumentStore::Open(std::filesystem::temp_directory_path(),
                                               OpenMode::kReadOnly, clock_);
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(store.error().message.find("is a directory"), std::string::npos);
}

TEST_F(SqliteStore, AFileOfANewerVersionIsRefused) {
  ASSERT_TRUE(Insert(*Open(), Doc(1, 1)));
  Shell("PRAGMA user_version = 99");
  EXPECT_EQ(Open()->Count("jobs", {}).error().code, ErrorCode::kFailedPrecondition);
}

TEST_F(SqliteStore, AWriterThatWaitsTooLongIsUnavailable) {
  const auto store = Open();
  ASSERT_TRUE(Insert(*store, Doc(1, 1)));
  auto other = sqlite::Connection::Open(file_, SQLITE_OPEN_READWRITE, false, Millis{1000});
  ASSERT_TRUE(other);
  const auto held = sqlite::Transaction::Begin(**other, sqlite::Transaction::Kind::kWrite);
  ASSERT_TRUE(held);
  const Write write = Write::Insert(Doc(2, 2));
  const auto refused =
      store->Apply("jobs", std::span(&write, 1), {}, {.stop = {}, .timeout = Millis{30}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(store->Count("jobs", {}).value_or(99), 1U);
}

TEST_F(SqliteStore, AScanEndsWhereADocumentSaysAnotherIdThanItsRow) {
  const auto store = Open();
  for (const int id : {1, 2, 3}) {
    ASSERT_TRUE(Insert(*store, Doc(id, id)));
  }
  auto other = sqlite::Connection::Open(file_, SQLITE_OPEN_READWRITE, false, Millis{1000});
  ASSERT_TRUE(other);
  ASSERT_TRUE((*other)->Execute(  // the last says that it is the first
      "UPDATE jobs SET document = (SELECT document FROM jobs ORDER BY key LIMIT 1) WHERE key = "
      "(SELECT max(key) FROM jobs)"));
  const auto scan = store->Scan("jobs", {}, {});
  ASSERT_TRUE(scan);
  std::size_t read = 0;
  for (auto batch = (*scan)->Next(1, 1); batch && !batch->empty() && read < 9;
       batch = (*scan)->Next(1, 1)) {
    read += batch->size();
  }
  EXPECT_EQ(read, 3U);
}

TEST_F(SqliteStore, AFullDiskIsResourceExhaustedAndLeavesWhatWasThere) {
  ASSERT_TRUE(Insert(*Open(), Doc(1, 1)));
  auto connection = sqlite::Connection::Open(file_, SQLITE_OPEN_READWRITE, false, Millis{1000});
  ASSERT_TRUE(connection);
  // max_page_count is SQLite's own full disk: the same code, at the same places.
  const Status full = (*connection)
                          ->Execute(
                              "PRAGMA max_page_count = 1; INSERT INTO jobs SELECT randomblob(16), "
                              "x'00', zeroblob(100000), 1 FROM "
                              "(WITH RECURSIVE n(value) AS (VALUES(1) UNION ALL SELECT value + 1 "
                              "FROM n LIMIT 500) SELECT value FROM n)");
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, ErrorCode::kResourceExhausted);
  connection->reset();
  const auto store = Open();
  EXPECT_EQ(store->Count("jobs", {}).value_or(99), 1U);
  EXPECT_TRUE(Insert(*store, Doc(2, 2)));
}

}  // namespace
}  // namespace rehome
