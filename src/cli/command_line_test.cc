#include "cli/command_line.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "cli/exit_codes.h"

namespace rehome::cli {
namespace {

template <class Options>
Options Parsed(const std::vector<std::string>& args) {
  auto parsed = ParseCommandLine(args);
  const auto* answer = std::get_if<CommandLineAnswer>(&parsed);
  EXPECT_EQ(answer, nullptr) << (answer == nullptr ? "" : answer->err);
  return answer == nullptr ? std::get<Options>(std::get<Command>(parsed)) : Options{};
}

CommandLineAnswer Refused(const std::vector<std::string>& args) {
  auto parsed = ParseCommandLine(args);
  const auto* answer = std::get_if<CommandLineAnswer>(&parsed);
  EXPECT_NE(answer, nullptr) << "accepted";
  return answer == nullptr ? CommandLineAnswer{} : *answer;
}

TEST(CommandLine, WithoutArgumentsIsTheWelcome) {
  auto parsed = ParseCommandLine({});
  EXPECT_TRUE(std::holds_alternative<WelcomeOptions>(std::get<Command>(parsed)));
}

TEST(CommandLine, PlanFileDefaultsAndIsTakenInAnyPlace) {
  EXPECT_EQ(Parsed<CheckOptions>({"check"}).common.plan, "rehome.yaml");
  EXPECT_EQ(Parsed<CheckOptions>({"check", "p.yaml", "--json"}).common.plan, "p.yaml");
  const auto run = Parsed<RunOptions>(
      {"run", "--set", "a.b=c=d", "p.yaml", "--yes", "--set", "limits.workers=2"});
  EXPECT_EQ(run.common.plan, "p.yaml");
  EXPECT_TRUE(run.common.yes);
  ASSERT_EQ(run.common.set.size(), 2U);
  EXPECT_EQ(run.common.set[0].path, "a.b");
  EXPECT_EQ(run.common.set[0].value, "c=d");
}

TEST(CommandLine, RunTakesPhasesAndOnline) {
  EXPECT_EQ(Parsed<RunOptions>({"run", "--phase=2"}).phase, 2);
  EXPECT_EQ(Parsed<RunOptions>({"run", "--through", "3"}).through, 3);
  EXPECT_TRUE(Parsed<RunOptions>({"run", "--online", "--follow"}).follow);
  EXPECT_EQ(Refused({"run", "--phase", "6"}).exit_code, kExitUsage);
  EXPECT_EQ(Refused({"run", "--phase", "2", "--through", "3"}).exit_code, kExitUsage);
  EXPECT_EQ(Refused({"run", "--follow"}).exit_code, kExitUsage);
}

TEST(CommandLine, DryRunIsPlan) {
  EXPECT_EQ(Parsed<PlanOptions>({"run", "p.yaml", "--dry-run"}).common.plan, "p.yaml");
}

TEST(CommandLine, RollbackWantsAPhaseOrAll) {
  EXPECT_EQ(Parsed<RollbackOptions>({"rollback", "--phase", "2"}).phase, 2);
  EXPECT_FALSE(Parsed<RollbackOptions>({"rollback", "--all"}).phase.has_value());
  EXPECT_EQ(Refused({"rollback"}).exit_code, kExitUsage);
  EXPECT_EQ(Refused({"rollback", "--all", "--phase", "2"}).exit_code, kExitUsage);
}

TEST(CommandLine, BackupHasItsFourActions) {
  const auto create = Parsed<BackupOptions>(
      {"backup", "create", "p.yaml", "--collections", "a,b", "--only", "documents"});
  EXPECT_EQ(create.action, BackupOptions::Action::kCreate);
  EXPECT_EQ(create.collections, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(create.only, Only::kDocuments);
  const auto restore = Parsed<BackupOptions>(
      {"backup", "restore", "--dir", "d", "--into", "sqlite:x", "--exact", "--yes"});
  EXPECT_EQ(restore.into, "sqlite:x");
  EXPECT_TRUE(restore.exact);
  EXPECT_EQ(Parsed<BackupOptions>({"backup", "verify", "--dir", "d"}).dir, "d");
  EXPECT_EQ(Parsed<BackupOptions>({"backup", "list"}).action, BackupOptions::Action::kList);
  EXPECT_EQ(Refused({"backup"}).exit_code, kExitUsage);
  EXPECT_EQ(Refused({"backup", "verify", "--exact"}).exit_code, kExitUsage);
  EXPECT_EQ(Refused({"backup", "create", "--only", "nonsense"}).exit_code, kExitUsage);
}

TEST(CommandLine, IdsMayFollowAPlanFileOrStandAlone) {
  const auto alone = Parsed<QuarantineOptions>({"quarantine", "show", "5", "port_x"});
  EXPECT_EQ(alone.common.plan, "rehome.yaml");
  EXPECT_EQ(alone.ids, (std::vector<std::string>{"5", "port_x"}));
  const auto with_plan = Parsed<QuarantineOptions>({"quarantine", "replay", "p.yml", "5", "--yes"});
  EXPECT_EQ(with_plan.common.plan, "p.yml");
  EXPECT_EQ(with_plan.ids, std::vector<std::string>{"5"});
  EXPECT_EQ(Parsed<ExplainOptions>({"explain", "p", "port_x"}).common.plan, "p");
  EXPECT_EQ(Parsed<ExplainOptions>({"explain", "port_x"}).id, "port_x");
  EXPECT_EQ(Refused({"explain"}).exit_code, kExitUsage);
}

TEST(CommandLine, VerifyTakesNamedChecks) {
  const auto verify =
      Parsed<VerifyOptions>({"verify", "--check", "orphans", "--check", "counts", "p.yaml"});
  EXPECT_EQ(verify.checks, (std::vector<std::string>{"orphans", "counts"}));
  EXPECT_EQ(Parsed<VerifyOptions>({"verify", "--phase=backup"}).phase, "backup");
  EXPECT_EQ(Refused({"verify", "--check", "nonsense"}).exit_code, kExitUsage);
  EXPECT_EQ(Refused({"verify", "--sample", "0"}).exit_code, kExitUsage);
}

TEST(CommandLine, RemainingVerbsParse) {
  EXPECT_EQ(Parsed<LoadOptions>({"load", "--from", "d", "--only", "vectors"}).only, Only::kVectors);
  EXPECT_EQ(Parsed<VectorsOptions>({"vectors", "clear", "p.yaml", "--namespace", "n"}).ns, "n");
  EXPECT_TRUE(
      Parsed<RehearseOptions>({"rehearse", "--embedder", "real", "--sample", "10"}).real_embedder);
  EXPECT_EQ(Parsed<ServeOptions>({"pinecone-local", "--port", "0", "--dir", "d", "--api-key", "k"})
                .api_key.Reveal(),
            "k");
  EXPECT_TRUE(Parsed<CutoverOptions>({"cutover", "--dry-run"}).dry_run);
  EXPECT_TRUE(Parsed<RetireOptions>({"retire", "--shorten-retention"}).shorten_retention);
  EXPECT_EQ(Parsed<DemoOptions>({"demo", "--dir", "d"}).dir, "d");
  EXPECT_EQ(Parsed<InitOptions>({"init", "x.yaml"}).file, "x.yaml");
  EXPECT_TRUE(Parsed<StatusOptions>({"status", "--watch"}).watch);
  static_cast<void>(Parsed<RevertOptions>({"revert", "-y"}));
}

TEST(CommandLine, WrongWordsAreAnsweredWithTheRightCommand) {
  const auto contains = [](const CommandLineAnswer& answer, std::string_view what) {
    EXPECT_EQ(answer.exit_code, kExitUsage);
    EXPECT_EQ(answer.out, "");
    EXPECT_NE(answer.err.find(what), std::string::npos) << answer.err;
  };
  contains(Refused({"torture", "--worlds", "0"}), "not in range 1 to");
  contains(Refused({"rum"}), "Did you mean: rehome run");
  contains(Refused({"verify", "--cheks", "x"}), "Did you mean: rehome verify --check");
  contains(Refused({"backup", "restor"}), "Did you mean: rehome backup restore");
  contains(Refused({"migrate"}), "rehome run");
  contains(Refused({"run", "--all"}), "rehome run");
  contains(Refused({"run", "--rollback=phase2"}), "rehome rollback --phase N");
  contains(Refused({"x\x1b[2J"}), "\\x1b[2J");
  contains(Refused({"run", "--set", "novalue"}), "path=value");
  contains(Refused({"load"}), "--from");
  contains(Refused({"check", "--yes"}), "does not take `--yes`");
}

TEST(CommandLine, HelpListsTheExitCodesAndStandsOnStdout) {
  for (const std::vector<std::string>& args : std::vector<std::vector<std::string>>{
           {"--help"}, {"run", "--help"}, {"backup", "restore", "--help"}}) {
    const CommandLineAnswer answer = Refused(args);
    EXPECT_EQ(answer.exit_code, kExitDone);
    EXPECT_EQ(answer.err, "");
    EXPECT_NE(answer.out.find("another runner holds the lease"), std::string::npos) << answer.out;
  }
  EXPECT_NE(Refused({"backup", "restore", "--help"}).out.find("--overwrite"), std::string::npos);
}

}  // namespace
}  // namespace rehome::cli
