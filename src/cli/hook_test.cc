#include "cli/hook.h"

#include <gtest/gtest.h>

namespace rehome::cli {
namespace {

TEST(RunHook, GivesTheExitStatus) {
  EXPECT_EQ(RunHook({"true"}).value(), 0);
  EXPECT_EQ(RunHook({"sh", "-c", "exit 7"}).value(), 7);
  EXPECT_EQ(RunHook({"sh", "-c", "kill -9 $$"}).value(), 137);
}

TEST(RunHook, UsesNoShell) {
  EXPECT_EQ(RunHook({"test", "$HOME", "=", "$HOME"}).value(), 0);
}

TEST(RunHook, NamesWhatCannotBeStarted) {
  const auto status = RunHook({"/nonexistent/hook"});
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().code, ErrorCode::kFailedPrecondition);
}

}  // namespace
}  // namespace rehome::cli
