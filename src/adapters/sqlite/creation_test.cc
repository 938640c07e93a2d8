// Processes that make one file at the same moment: each of them waits for the others, none fails.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <new>
#include <vector>

#include "adapters/sqlite/sqlite_document_store.h"
#include "tests/support/scratch_directory.h"

namespace rehome {
namespace {

constexpr int kProcesses = 3;
constexpr int kRounds = 40;

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
  /// Starts a process that inserts `id` as soon as all of them are there.
  static pid_t Start(const std::filesystem::path& file, int id, std::atomic<int>& missing) {
    const pid_t pid = ::fork();
    if (pid == 0) {
      for (--missing; missing > 0;) {
        ::sched_yield();
      }
      ::_exit(InsertOne(file, id));
    }
    return pid;
  }

  const ScratchDirectory directory_;
};

TEST_F(SqliteCreation, BySeveralProcessesAtOnceLosesNoneOfTheirWrites) {
  for (int round = 0; round < kRounds; ++round) {
    const std::filesystem::path file = directory_.path() / fmt::format("{}.db", round);
    void* shared = ::mmap(nullptr, sizeof(std::atomic<int>), PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(shared, MAP_FAILED);
    auto& missing = *new (shared) std::atomic<int>(kProcesses);
    std::vector<pid_t> processes;
    for (int id = 0; id < kProcesses; ++id) {
      processes.push_back(Start(file, id, missing));
    }
    for (const pid_t pid : processes) {
      int status = 0;
      ASSERT_EQ(::waitpid(pid, &status, 0), pid);
      EXPECT_TRUE(WIFEXITED(status));
      EXPECT_EQ(WEXITSTATUS(status), 0) << "round " << round;
    }
    ::munmap(shared, sizeof(std::atomic<int>));
    SystemClock clock;
    const auto store = SqliteDocumentStore::Open(file, OpenMode::kReadOnly, clock);
    ASSERT_TRUE(store);
    EXPECT_EQ((*store)->Count("jobs", {}).value_or(0), std::uint64_t{kProcesses});
  }
}

}  // namespace
}  // namespace rehome
