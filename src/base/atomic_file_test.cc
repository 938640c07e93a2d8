#include "base/atomic_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "tests/support/scratch_directory.h"

namespace rehome {
namespace {

class ReadFileTest : public testing::Test {
 protected:
  [[nodiscard]] std::filesystem::path Path() const { return directory_.path() / "file"; }
  ScratchDirectory directory_;
};

TEST_F(ReadFileTest, GivesEveryByteUpToTheLimitAndRefusesOneMore) {
  std::ofstream(Path(), std::ios::binary) << std::string(200'000, '\0');
  EXPECT_EQ(ReadFile(Path(), 200'000).value().size(), 200'000U);
  const auto refused = ReadFile(Path(), 199'999);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_FALSE(refused.error().hint.empty());
}

TEST_F(ReadFileTest, ReadsWhatTellsNoSize) {
  EXPECT_GT(ReadFile("/proc/self/status").value().size(), 100U);
  EXPECT_EQ(ReadFile("/proc/self/status", 20).error().code, ErrorCode::kFailedPrecondition);
}

TEST_F(ReadFileTest, RefusesWhatMayNeverEnd) {
  EXPECT_EQ(ReadFile("/dev/zero").error().code, ErrorCode::kFailedPrecondition);
  ASSERT_EQ(::mkfifo(Path().c_str(), 0600), 0);
  EXPECT_EQ(ReadFile(Path()).error().code, ErrorCode::kFailedPrecondition);
  const int writer = ::open(Path().c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_GE(writer, 0);
  EXPECT_EQ(ReadFile(Path()).error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(::close(writer), 0);
  EXPECT_EQ(ReadFile(directory_.path()).error().code, ErrorCode::kFailedPrecondition);
}

TEST_F(ReadFileTest, SaysThatNothingIsThere) {
  EXPECT_EQ(ReadFile(Path()).error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace rehome
