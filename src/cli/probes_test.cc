#include "cli/probes.h"

#include <gtest/gtest.h>

#include "tests/support/cli_environment.h"

namespace rehome::cli {
namespace {

TEST(Probes, FindAProgramByPathAndOnPath) {
  TestConsole console;
  const Environment& variables = console.environment().variables;
  EXPECT_TRUE(HasProgram("/bin/sh", variables));
  EXPECT_FALSE(HasProgram("/bin", variables));
  EXPECT_FALSE(HasProgram("", variables));
  EXPECT_TRUE(HasProgram("sh", variables)) << "without PATH";
  console.variables["PATH"] = "/nonexistent::/bin";
  EXPECT_TRUE(HasProgram("sh", variables));
  console.variables["PATH"] = "/nonexistent";
  EXPECT_FALSE(HasProgram("sh", variables));
}

}  // namespace
}  // namespace rehome::cli
