// Processes that make one file at the same moment: each of them waits for the others, none fails.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <vector>

#include "adapters/sqlite/sqlite_document_store.h"

namespace rehome {
namespace {

constexpr int kProcesses = 6;
constexpr int kRounds = 15;

/// What one of the processes does: its exit code.
int InsertOne(const std::filesystem::path& file, int id) {
  SystemClock clock;
  auto store = SqliteDocumentStore::Open(file, OpenMode::kReadWrite, clock);
  if (!store) {
    return 1;
  }
  const Write write = Write::Insert(DocumentBuilder().Int32("_id", id).Finish());
  const auto results = (*store)->Apply("jobs", {&write, 1}, {}, {});
  if (!results) {
    fmt::print(stderr, "process {}: {}\n", id, results.error().message);
    return 2;
  }
  return results->front().applied() ? 0 : 3;
}

class SqliteCreation : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "rehome-creation-XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  /// Starts a process that inserts `id` once the gate's other end is closed.
  static pid_t Start(const std::filesystem::path& file, int id, const std::array<int, 2>& gate) {
    const pid_t pid = ::fork();
    if (pid == 0) {
      ::close(gate[1]);
      char nothing = 0;
      ::_exit(::read(gate[0], &nothing, 1) == 0 ? InsertOne(file, id) : 9);
    }
    return pid;
  }

  std::filesystem::path directory_;
};

TEST_F(SqliteCreation, BySeveralProcessesAtOnceLosesNoneOfTheirWrites) {
  for (int round = 0; round < kRounds; ++round) {
    const std::filesystem::path file = directory_ / fmt::format("{}.db", round);
    std::array<int, 2> gate{};
    ASSERT_EQ(::pipe(gate.data()), 0);
    std::vector<pid_t> processes;
    for (int id = 0; id < kProcesses; ++id) {
      processes.push_back(Start(file, id, gate));
    }
    ::close(gate[0]);
    ::close(gate[1]);  // now
    for (const pid_t pid : processes) {
      int status = 0;
      ASSERT_EQ(::waitpid(pid, &status, 0), pid);
      EXPECT_TRUE(WIFEXITED(status));
      EXPECT_EQ(WEXITSTATUS(status), 0) << "round " << round;
    }
    SystemClock clock;
    const auto store = SqliteDocumentStore::Open(file, OpenMode::kReadOnly, clock);
    ASSERT_TRUE(store);
    EXPECT_EQ((*store)->Count("jobs", {}).value_or(0), std::uint64_t{kProcesses});
  }
}

}  // namespace
}  // namespace rehome
