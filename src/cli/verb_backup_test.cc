#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "adapters/http/http_client.h"
#include "base/atomic_file.h"
#include "base/random.h"
#include "cli/demo_application.h"
#include "cli/exit_codes.h"
#include "cli/verbs.h"
#include "tests/support/cli_environment.h"

namespace rehome::cli {
namespace {

class VerbBackupTest : public testing::Test {
 protected:
  VerbBackupTest() : files_(WriteDemoApplication(dir_).value()) {
    common_.plan = files_.plan;
    common_.json = true;
    common_.yes = true;
  }
  ~VerbBackupTest() override { std::filesystem::remove_all(dir_); }

  template <class Options>
  nlohmann::json Run(Options options, int exit_code) {
    options.common = common_;
    console_.Clear();
    EXPECT_EQ(RunVerb(options, console_.environment()), exit_code) << console_.err();
    return nlohmann::json::parse(console_.out(), nullptr, false);
  }
  nlohmann::json Load(int exit_code) {
    return Run(LoadOptions{.common = {}, .from = files_.export_dir}, exit_code);
  }
  nlohmann::json Backup(BackupOptions::Action action, int exit_code) {
    BackupOptions options;
    options.action = action;
    return Run(options, exit_code);
  }

  HttpLibrary http_;
  std::filesystem::path dir_ =
      std::filesystem::path(testing::TempDir()) / ("verb_backup_" + RandomHex(8));
  DemoFiles files_;
  CommonOptions common_;
  TestConsole console_;
};

using Action = BackupOptions::Action;

TEST_F(VerbBackupTest, LoadsTheDemoOnceAndFindsItEqualAfterwards) {
  const auto first = Load(kExitDone);
  EXPECT_EQ(first["collections"]["training_data"]["inserted"], 101);
  EXPECT_EQ(first["namespaces"]["proposals"]["inserted"], 612);
  const auto second = Load(kExitDone);
  EXPECT_EQ(second["collections"]["training_data"]["equal"], 101);
  EXPECT_EQ(second["namespaces"]["proposals"]["equal"], 612);
}

TEST_F(VerbBackupTest, LoadAsksBeforeItOpensAStore) {
  common_.yes = false;
  Load(kExitUsage);
  EXPECT_FALSE(std::filesystem::exists(dir_ / "app.db"));
}

TEST_F(VerbBackupTest, CreatesVerifiesListsAndRestores) {
  Load(kExitDone);
  const std::string path = Backup(Action::kCreate, kExitDone)["path"];
  EXPECT_TRUE(Backup(Action::kVerify, kExitDone)["passed"]);
  EXPECT_EQ(Backup(Action::kList, kExitDone)["backups"], nlohmann::json::array({path}));
  EXPECT_EQ(Backup(Action::kRestore, kExitDone)["collections"]["chunks"]["equal"], 505);
  BackupOptions into;
  into.action = Action::kRestore;
  into.into = "sqlite:" + (dir_ / "copy.db").string();
  EXPECT_EQ(Run(into, kExitDone)["collections"]["training_data"]["inserted"], 101);
}

TEST_F(VerbBackupTest, NamesADamagedFileAndRefusesToRestoreIt) {
  Load(kExitDone);
  const std::filesystem::path path = Backup(Action::kCreate, kExitDone)["path"].get<std::string>();
  const auto file = path / "documents" / "chunks.json";
  std::string text = ReadFile(file).value();
  text[text.find("context")] = 'X';
  ASSERT_TRUE(WriteFileAtomically(file, text).has_value());
  const auto verified = Backup(Action::kVerify, kExitCheckFailed);
  EXPECT_FALSE(verified["passed"]);
  EXPECT_EQ(verified["problems"][0]["file"], "documents/chunks.json");
  Backup(Action::kRestore, kExitCheckFailed);
}

TEST_F(VerbBackupTest, VerifyWithoutABackupIsWrongUsage) {
  Backup(Action::kVerify, kExitUsage);
}

}  // namespace
}  // namespace rehome::cli
