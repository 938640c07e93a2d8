#include "cli/nearest.h"

#include <gtest/gtest.h>

#include <vector>

namespace rehome::cli {
namespace {

TEST(Nearest, FindsTheWordThatWasMeant) {
  const std::vector<std::string> verbs{"run", "plan", "rollback", "retire", "quarantine"};
  EXPECT_EQ(Nearest("rnu", verbs), "");  // two edits in three letters are a guess
  EXPECT_EQ(Nearest("rum", verbs), "run");
  EXPECT_EQ(Nearest("rolback", verbs), "rollback");
  EXPECT_EQ(Nearest("quar", verbs), "quarantine");
  EXPECT_EQ(Nearest("", verbs), "");
  EXPECT_EQ(Nearest("xyzzy", verbs), "");
}

TEST(SaidHere, KnowsTheWordsOfOtherScripts) {
  EXPECT_EQ(SaidHere("--rollback=phase2"), "rehome rollback --phase N, or rehome rollback --all");
  EXPECT_EQ(SaidHere("validate"), "rehome verify");
  EXPECT_EQ(SaidHere("run"), "");
}

}  // namespace
}  // namespace rehome::cli
