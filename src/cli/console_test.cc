#include "cli/console.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/atomic_file.h"
#include "base/random.h"
#include "cli/exit_codes.h"
#include "cli/verbs.h"
#include "tests/support/cli_environment.h"

namespace rehome::cli {
namespace {

class ConsoleTest : public testing::Test {
 protected:
  ConsoleTest() { std::filesystem::create_directories(dir_); }
  ~ConsoleTest() override { std::filesystem::remove_all(dir_); }

  std::filesystem::path dir_ =
      std::filesystem::path(testing::TempDir()) / ("console_" + RandomHex(8));
  TestConsole console_;
};

TEST_F(ConsoleTest, AMissingPlanNamesTheNextStep) {
  const auto plan = LoadPlanFor({.plan = dir_ / "none.yaml", .set = {}}, console_.environment());
  ASSERT_FALSE(plan.has_value());
  EXPECT_EQ(plan.error(), kExitUsage);
  EXPECT_NE(console_.err().find("rehome init"), std::string::npos) << console_.err();
}

TEST_F(ConsoleTest, EveryMistakeOfAPlanIsNamedWithLineAndColumn) {
  const auto file = dir_ / "plan.yaml";
  ASSERT_TRUE(
      WriteFileAtomically(file, "rehome: 1\nname: x\nnonsense: 1\nalso_nonsense: 2\n").has_value());
  const auto plan = LoadPlanFor({.plan = file, .set = {}, .json = true}, console_.environment());
  ASSERT_FALSE(plan.has_value());
  EXPECT_EQ(plan.error(), kExitUsage);
  EXPECT_NE(console_.err().find(file.string() + ":3:1: "), std::string::npos) << console_.err();
  EXPECT_NE(console_.err().find(file.string() + ":4:1: "), std::string::npos) << console_.err();
  const auto json = nlohmann::json::parse(console_.out());
  EXPECT_GE(json["error"]["problems"].size(), 2U);
}

TEST_F(ConsoleTest, ConfirmAsksUnlessToldYes) {
  EXPECT_EQ(Confirm("what", {.set = {}}, console_.environment()).error().code,
            ErrorCode::kInvalidArgument);
  console_.answer = "n";
  EXPECT_EQ(Confirm("what", {.set = {}}, console_.environment()).error().code,
            ErrorCode::kFailedPrecondition);
  console_.answer = "";
  EXPECT_FALSE(Confirm("what", {.set = {}}, console_.environment()).has_value());
  console_.answer = "y";
  EXPECT_TRUE(Confirm("what", {.set = {}}, console_.environment()).has_value());
  EXPECT_EQ(console_.questions, 4);
  EXPECT_TRUE(Confirm("what", {.set = {}, .yes = true}, console_.environment()).has_value());
  EXPECT_EQ(console_.questions, 4);
  EXPECT_EQ(console_.out(), "");
}

TEST_F(ConsoleTest, ErrorsAreHarmlessOnATerminalAndWholeInJson) {
  const Error error{ErrorCode::kUnavailable, "no\x1b[2J answer", "wait"};
  EXPECT_EQ(ReportError(error, true, console_.environment()), kExitUnreachable);
  EXPECT_EQ(console_.err().find('\x1b'), std::string::npos);
  const auto json = nlohmann::json::parse(console_.out());
  EXPECT_EQ(json["error"]["code"], "unavailable");
  EXPECT_EQ(json["error"]["exit"], 4);
  EXPECT_EQ(json["error"]["hint"], "wait");
}

TEST_F(ConsoleTest, InitWritesAPlanThatLoadsAndNeverOverwrites) {
  const auto file = dir_ / "rehome.yaml";
  EXPECT_EQ(RunVerb(InitOptions{.file = file}, console_.environment()), kExitDone);
  EXPECT_TRUE(LoadPlanFor({.plan = file, .set = {}}, console_.environment()).has_value())
      << console_.err();
  EXPECT_EQ(RunVerb(InitOptions{.file = file}, console_.environment()), kExitRefused);
}

TEST(ExitCodes, FollowTheTable) {
  EXPECT_EQ(ExitCodeOf(ErrorCode::kInvalidArgument), 2);
  EXPECT_EQ(ExitCodeOf(ErrorCode::kUnavailable), 4);
  EXPECT_EQ(ExitCodeOf(ErrorCode::kUnauthenticated), 4);
  EXPECT_EQ(ExitCodeOf(ErrorCode::kLeaseHeld), 7);
  EXPECT_EQ(ExitCodeOf(ErrorCode::kFailedPrecondition), 3);
  EXPECT_EQ(ExitCodeOf(ErrorCode::kTooManyQuarantined), 6);
  EXPECT_EQ(ExitCodeOf(ErrorCode::kCancelled), 5);
  EXPECT_EQ(ExitCodeOf(ErrorCode::kCheckFailed), 1);
  EXPECT_EQ(ExitCodeOf(ErrorCode::kInternal), 70);
}

}  // namespace
}  // namespace rehome::cli
