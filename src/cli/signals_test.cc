#include "cli/signals.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "cli/exit_codes.h"

namespace rehome::cli {
namespace {

TEST(SignalsDeathTest, ABugEndsWithTheExitCodeOfBugs) {
  const auto fail = [] {
    const Signals signals;
    CHECK(1 + 1 == 3);
  };
  EXPECT_EXIT(fail(), testing::ExitedWithCode(kExitBug), "a bug: CHECK");
}

}  // namespace
}  // namespace rehome::cli
