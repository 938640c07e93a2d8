#include "report/log_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "base/atomic_file.h"
#include "base/random.h"

namespace rehome {
namespace {

class LogFileTest : public testing::Test {
 protected:
  LogFileTest() { std::filesystem::create_directories(dir_); }
  ~LogFileTest() override { std::filesystem::remove_all(dir_); }

  static std::vector<nlohmann::json> Lines(const std::filesystem::path& path) {
    std::vector<nlohmann::json> lines;
    std::istringstream text(ReadFile(path).value());
    for (std::string line; std::getline(text, line);) {
      lines.push_back(nlohmann::json::parse(line));
    }
    return lines;
  }

  std::filesystem::path dir_ =
      std::filesystem::path(testing::TempDir()) / ("log_file_" + RandomHex(8));
  std::filesystem::path path_ = dir_ / "rehome.jsonl";
  ManualClock clock_;
  std::atomic<unsigned> hangups_{0};
};

TEST_F(LogFileTest, WritesOneJsonObjectALineWithTimeAndEvent) {
  auto log = LogFile::Open(path_, clock_, hangups_).value();
  log->Event("verb_started", {{"verb", "run"}, {"odd", "a\nb\xff"}});
  log->PhaseFinished(Phase::kItems, PhaseState::kDone, 1.5);
  const auto lines = Lines(path_);
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0]["event"], "verb_started");
  EXPECT_EQ(lines[0]["verb"], "run");
  EXPECT_EQ(lines[0]["time"], FormatTime(clock_.Now()));
  EXPECT_EQ(lines[1]["phase"], 2);
  EXPECT_EQ(lines[1]["state"], "done");
}

TEST_F(LogFileTest, IsReadableByItsOwnerAlone) {
  const auto log = LogFile::Open(path_, clock_, hangups_).value();
  struct stat status{};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(LogFileTest, LosesLinesButNothingElseWhereItCannotBeOpenedAgain) {
  const auto log = LogFile::Open(path_, clock_, hangups_).value();
  std::filesystem::remove(path_);
  std::filesystem::create_directory(path_);
  ++hangups_;
  log->Note("lost");
  log->Note("lost too");
  std::filesystem::remove(path_);
  ++hangups_;
  log->Note("after");
  const auto lines = Lines(path_);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0]["text"], "after");
}

TEST_F(LogFileTest, GoesOnInANewFileAfterAHangup) {
  const auto log = LogFile::Open(path_, clock_, hangups_).value();
  log->Note("before");
  std::filesystem::rename(path_, dir_ / "rotated");
  log->Note("still before");
  hangups_ = 1;
  log->Note("after");
  EXPECT_EQ(Lines(dir_ / "rotated").size(), 2U);
  ASSERT_EQ(Lines(path_).size(), 1U);
  EXPECT_EQ(Lines(path_)[0]["text"], "after");
}

TEST_F(LogFileTest, AppendsToWhatIsThere) {
  LogFile::Open(path_, clock_, hangups_).value()->Note("one");
  LogFile::Open(path_, clock_, hangups_).value()->Note("two");
  EXPECT_EQ(Lines(path_).size(), 2U);
}

TEST_F(LogFileTest, SaysWhyItCannotBeOpened) {
  const auto log = LogFile::Open(dir_, clock_, hangups_);
  ASSERT_FALSE(log.has_value());
  EXPECT_EQ(log.error().code, ErrorCode::kFailedPrecondition);
}

}  // namespace
}  // namespace rehome
