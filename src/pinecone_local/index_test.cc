#include "pinecone_local/index.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <utility>

#include "base/atomic_file.h"
#include "base/random.h"
#include "pinecone_local/catalog.h"

namespace rehome::pinecone_local {
namespace {

namespace fs = std::filesystem;

class IndexTest : public testing::Test {
 protected:
  IndexTest() : dir_(fs::temp_directory_path() / ("rehome-index-" + RandomHex(8))) {
    fs::create_directories(dir_);
  }
  ~IndexTest() override { fs::remove_all(dir_); }
  IndexTest(const IndexTest&) = delete;
  IndexTest& operator=(const IndexTest&) = delete;

  [[nodiscard]] fs::path file() const { return dir_ / "test.vectors"; }
  [[nodiscard]] Result<std::shared_ptr<Index>> TryOpen(
      LogFile::Mode mode = LogFile::Mode::kReadWrite) const {
    return Index::Open(file(), mode, {.name = "test"});
  }
  [[nodiscard]] std::shared_ptr<Index> Open(LogFile::Mode mode = LogFile::Mode::kReadWrite) const {
    auto index = TryOpen(mode);
    EXPECT_TRUE(index) << index.error().message;
    return index.value_or(nullptr);
  }
  [[nodiscard]] const fs::path& dir() const { return dir_; }

 private:
  fs::path dir_;
};

VectorRecord Record(std::string id, float first = 1) {
  VectorRecord record;
  record.id = std::move(id);
  record.values = {first, 2, 3};
  record.metadata = {{"n", static_cast<double>(first)}};
  return record;
}

std::vector<std::string> Ids(const Index& index, std::string_view ns) {
  std::vector<std::string> ids;
  for (const auto& [id, at] : index.View(ns)->records.ids()) {
    ids.push_back(id);
  }
  return ids;
}

void Upsert(Index& index, std::string_view ns, const VectorRecord& record) {
  ASSERT_TRUE(index.Upsert(ns, std::span(&record, 1)));
}

VectorRecord Read(const Index& index, std::string_view ns, std::string_view id) {
  const NamespaceView view = index.View(ns);
  const auto at = view.Find(id);
  return at ? ToRecord(*view.Read(*at)).value() : VectorRecord{};
}

using Strings = std::vector<std::string>;

TEST_F(IndexTest, KeepsEverythingAcrossAReopening) {
  VectorRecord odd = Record("odd", 0.1F);
  odd.metadata = {
      {"list", Strings{"ü", ""}}, {"text", std::string("\"\n")}, {"yes", true}, {"x", 1e-7}};
  {
    const auto index = Open();
    Upsert(*index, "a", Record("1"));
    Upsert(*index, "a", Record("1", 5));
    Upsert(*index, "a", Record("2"));
    Upsert(*index, "b", odd);
    ASSERT_TRUE(index->Delete("a", Strings{"2", "nobody"}));
    ASSERT_TRUE(index->CreateNamespace("made", R"({"fields":{}})"));
    EXPECT_EQ(index->View("a")->lsn, 4U);
  }
  const auto index = Open();
  EXPECT_EQ(index->config().dimension, 3);
  EXPECT_EQ(Ids(*index, "a"), Strings{"1"});
  EXPECT_EQ(Read(*index, "a", "1"), Record("1", 5));
  EXPECT_EQ(Read(*index, "b", "odd"), odd);
  EXPECT_EQ(index->View("a")->lsn, 4U);
  EXPECT_EQ(index->View("made")->schema, R"({"fields":{}})");
  EXPECT_EQ(index->Namespaces().size(), 3U);
}

TEST_F(IndexTest, LsnGrowsWithEachWriteAndOutlivesItsNamespace) {
  const auto index = Open();
  Upsert(*index, "a", Record("1"));
  EXPECT_EQ(index->DropNamespace("a").value(), 2U);
  EXPECT_EQ(index->View("a")->lsn, 2U);
  EXPECT_EQ(index->Upsert("a", std::array{Record("2")}).value(), 3U);
  EXPECT_EQ(index->View("b")->lsn, 0U);
}

TEST_F(IndexTest, OneBadVectorRejectsTheWholeUpsert) {
  const auto index = Open();
  VectorRecord other = Record("2");
  other.values = {1};
  const auto refused = index->Upsert("a", std::array{Record("1"), other});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  EXPECT_TRUE(Ids(*index, "a").empty());
  EXPECT_EQ(index->config().dimension, 0);
}

TEST_F(IndexTest, DeletingInANamespaceThatNeverWasIsNotFound) {
  const auto index = Open();
  EXPECT_EQ(index->Delete("a", Strings{"1"}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(index->DeleteAll("a").error().code, ErrorCode::kNotFound);
  Upsert(*index, "a", Record("1"));
  EXPECT_TRUE(index->DeleteAll("a"));
  EXPECT_TRUE(index->DeleteAll("a"));
}

TEST_F(IndexTest, CutsATornTailAndGoesOn) {
  {
    const auto index = Open();
    Upsert(*index, "a", Record("1"));
    Upsert(*index, "a", Record("2"));
  }
  const auto whole = fs::file_size(file());
  for (const std::uintmax_t lost : {1U, 8U, 40U}) {
    fs::resize_file(file(), whole - lost);
    const auto before = ReadFile(file()).value();
    EXPECT_EQ(Ids(*Open(LogFile::Mode::kReadOnly), "a"), Strings{"1"});
    EXPECT_EQ(ReadFile(file()).value(), before);
    const auto index = Open();
    EXPECT_EQ(Ids(*index, "a"), Strings{"1"});
    Upsert(*index, "a", Record("2"));
    EXPECT_EQ(fs::file_size(file()), whole);
  }
  std::ofstream(file(), std::ios::app) << std::string(100, '\0');
  EXPECT_EQ(Ids(*Open(), "a"), (Strings{"1", "2"}));
}

TEST_F(IndexTest, RefusesADamagedMiddle) {
  {
    const auto index = Open();
    Upsert(*index, "a", Record("1"));
    Upsert(*index, "a", Record("2"));
  }
  std::string bytes = ReadFile(file()).value();
  bytes[bytes.size() / 2] ^= 1;
  ASSERT_TRUE(WriteFileAtomically(file(), bytes));
  const auto index = TryOpen();
  ASSERT_FALSE(index);
  EXPECT_EQ(index.error().code, ErrorCode::kDataLoss);
  EXPECT_EQ(ReadFile(file()).value(), bytes);
}

TEST_F(IndexTest, CompactionKeepsWhatIsLive) {
  {
    const auto index = Open();
    Upsert(*index, "gone", Record("1"));
    ASSERT_TRUE(index->DropNamespace("gone"));
    ASSERT_TRUE(index->CreateNamespace("made", ""));
    for (int i = 0; i < 50; ++i) {
      Upsert(*index, "a", Record("1", static_cast<float>(i + 1)));
    }
    const auto before = fs::file_size(file());
    ASSERT_TRUE(index->CompactIfWasteful(0));
    EXPECT_LT(fs::file_size(file()), before / 10);
    EXPECT_EQ(Read(*index, "a", "1"), Record("1", 50));
    Upsert(*index, "a", Record("2"));
  }
  const auto index = Open();
  EXPECT_EQ(Ids(*index, "a"), (Strings{"1", "2"}));
  EXPECT_EQ(index->View("a")->lsn, 51U);
  EXPECT_EQ(index->View("gone")->lsn, 2U);
  EXPECT_FALSE(index->View("gone")->known);
  EXPECT_TRUE(index->View("made")->created);
  EXPECT_EQ(std::distance(fs::directory_iterator(dir()), fs::directory_iterator()), 1);
}

TEST_F(IndexTest, ReadOnlyRefusesWritesAndMakesNothing) {
  const auto index = Open(LogFile::Mode::kReadOnly);
  const auto refused = index->Upsert("a", std::array{Record("1")});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_FALSE(fs::exists(file()));
}

/// A child upserts and deletes, tells each acknowledged step through a pipe, and is killed at some
/// point of it.
TEST_F(IndexTest, LosesNothingAcknowledgedWhenKilled) {
  constexpr int kRounds = 8;
  constexpr int kStepsBeforeKill = 40;
  for (int round = 0; round < kRounds; ++round) {
    fs::remove(file());
    std::array<int, 2> pipe{};
    ASSERT_EQ(::pipe(pipe.data()), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      const auto index = TryOpen();
      for (int step = 0; index; ++step) {
        const std::string id = std::to_string(step);
        const bool put =
            (*index)->Upsert("a", std::array{Record(id, static_cast<float>(step + 1))}).has_value();
        const bool removed = step % 3 != 0 || (*index)->Delete("a", Strings{id}).has_value();
        if (!put || !removed || ::write(pipe[1], &step, sizeof step) != sizeof step) {
          break;
        }
      }
      ::_exit(1);
    }
    ::close(pipe[1]);
    int acknowledged = -1;
    while (acknowledged < kStepsBeforeKill + round &&
           ::read(pipe[0], &acknowledged, sizeof acknowledged) > 0) {
    }
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    while (::read(pipe[0], &acknowledged, sizeof acknowledged) > 0) {
    }
    ::close(pipe[0]);
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    ASSERT_GE(acknowledged, kStepsBeforeKill);
    const auto index = Open();
    for (int step = 0; step <= acknowledged; ++step) {
      const std::string id = std::to_string(step);
      EXPECT_EQ(Read(*index, "a", id),
                step % 3 == 0 ? VectorRecord{} : Record(id, static_cast<float>(step + 1)));
    }
  }
}

TEST_F(IndexTest, ASecondHolderOfTheDirectoryIsTurnedAwayByName) {
  const auto first = Catalog::Open(dir(), LogFile::Mode::kReadWrite);
  ASSERT_TRUE(first);
  const auto second = Catalog::Open(dir(), LogFile::Mode::kReadWrite);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kLeaseHeld);
  EXPECT_NE(second.error().message.find("process " + std::to_string(::getpid())),
            std::string::npos);
  EXPECT_TRUE(Catalog::Open(dir(), LogFile::Mode::kReadOnly));
}

TEST_F(IndexTest, RemovingAnIndexRemovesItsFile) {
  const auto catalog = Catalog::Open(dir(), LogFile::Mode::kReadWrite).value();
  ASSERT_TRUE(catalog->Create({.name = "test", .dimension = 3, .deletion_protected = true}));
  EXPECT_EQ(catalog->Remove("test").error().code, ErrorCode::kFailedPrecondition);
  auto config = catalog->Find("test").value()->config();
  config.deletion_protected = false;
  ASSERT_TRUE(catalog->Find("test").value()->Configure(config));
  ASSERT_TRUE(catalog->Remove("test"));
  EXPECT_FALSE(fs::exists(file()));
  EXPECT_EQ(catalog->Find("test").error().code, ErrorCode::kNotFound);
}

TEST_F(IndexTest, AliasesSurviveReopeningAndCompaction) {
  auto index = Open();
  ASSERT_TRUE(index->Upsert("a", std::vector{Record("x", 1)}));
  ASSERT_TRUE(index->SetAlias({.name = "live", .target = "a"}, false));
  EXPECT_EQ(index->SetAlias({.name = "live", .target = "a"}, false).error().code,
            ErrorCode::kAborted);
  EXPECT_EQ(index->SetAlias({.name = "other", .target = "none"}, false).error().code,
            ErrorCode::kNotFound);
  EXPECT_EQ(index->Upsert("live", std::vector{Record("x", 1)}).error().code,
            ErrorCode::kFailedPrecondition);
  EXPECT_EQ(index->DropNamespace("a").error().code, ErrorCode::kFailedPrecondition);
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(index->Upsert("a", std::vector{Record("x", 1)}));
  }
  ASSERT_TRUE(index->CompactIfWasteful(1));
  index.reset();
  index = Open();
  EXPECT_EQ(Ids(*index, "live"), std::vector<std::string>{"x"});
  ASSERT_TRUE(index->DropAlias("live"));
  index.reset();
  index = Open();
  EXPECT_TRUE(index->Aliases().empty());
}

}  // namespace
}  // namespace rehome::pinecone_local
