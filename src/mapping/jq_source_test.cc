#include "mapping/jq_source.h"

#include <gtest/gtest.h>

namespace rehome {
namespace {

std::vector<std::string> Paths(std::string_view program) {
  std::vector<std::string> texts;
  for (const FieldPath& path : PathsReadByJq(program)) {
    texts.push_back(path.text);
  }
  return texts;
}

using Texts = std::vector<std::string>;

TEST(JqSource, RefusesWhatDependsOnMoreThanTheDocument) {
  for (const std::string_view program : {"env",
                                         "$ENV",
                                         "$ ENV",
                                         "env.HOME",
                                         "now",
                                         ".a | now",
                                         "[inputs]",
                                         "input",
                                         "debug",
                                         "halt",
                                         "\"x\" | halt_error",
                                         "halt_error(3)",
                                         "now | localtime",
                                         "strflocaltime(\"%H\")",
                                         "input_line_number",
                                         "input_filename",
                                         "stderr",
                                         "import \"a\" as a; .",
                                         "include \"a\"; .",
                                         "\"\\(now)\"",
                                         "\"a\\(\"b\\(input)\")\"",
                                         "{(input): 1}",
                                         "{a: now}",
                                         "{a: 1 | now}",
                                         "{\"a\": now}",
                                         ".[input:2]",
                                         "1e5|now",
                                         "# x\nnow",
                                         "{a: ({b: 1}, now)}",
                                         "@text \"\\(now)\"",
                                         "{\"a\\(now)\": 1}"}) {
    EXPECT_FALSE(CheckJqIsPure(program).has_value()) << program;
  }
}

TEST(JqSource, AllowsTheSameWordsWhereTheyAreNoCalls) {
  for (const std::string_view program :
       {".now", ".env.input", "\"now\"", "\"say \\\"now\\\" \"", "{now: 1}", "{a: 1, input: .b}",
        "{now}", "# now\n.", "$__loc__", ".a.debug?", ". as {now: $x} | $x", "nowhere",
        "environment", "\"\\(.a) now\""}) {
    EXPECT_TRUE(CheckJqIsPure(program).has_value()) << program;
  }
}

TEST(JqSource, SeesThePathsThatAreReadForCertain) {
  EXPECT_EQ(Paths(".a.b"), (Texts{"a.b"}));
  EXPECT_EQ(Paths("[.a, .b[0].c] | join(.d)"), (Texts{"a", "b[0].c"}));
  EXPECT_EQ(Paths(".a as $x | .b + $x"), (Texts{"a", "b"}));
  EXPECT_EQ(Paths("if .a then .b else .c end"), (Texts{"a", "b", "c"}));
  EXPECT_EQ(Paths("\"\\(.a): \\(.b | length)\""), (Texts{"a", "b"}));
  EXPECT_EQ(Paths("map(.x)"), (Texts{}));
  EXPECT_EQ(Paths(".list[] | .name"), (Texts{"list"}));
  EXPECT_EQ(Paths(".list[.i]"), (Texts{}));
  EXPECT_EQ(Paths("def f: .x; .a"), (Texts{}));
}

}  // namespace
}  // namespace rehome
