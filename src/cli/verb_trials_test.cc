// The verbs that only make sense over a whole run, on the demo's application: demo, rehearse,
// explain, quarantine, vectors. Their clock is the real one: leases are renewed beside them.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "adapters/http/http_client.h"
#include "adapters/sqlite/sqlite_document_store.h"
#include "base/atomic_file.h"
#include "base/random.h"
#include "cli/demo_application.h"
#include "cli/exit_codes.h"
#include "cli/verbs.h"
#include "model/extended_json.h"
#include "tests/support/cli_environment.h"

namespace rehome::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

class VerbTrialsTest : public testing::Test {
 protected:
  VerbTrialsTest() : files_(WriteDemoApplication(dir_).value()) {
    common_.plan = files_.plan;
    common_.json = true;
    common_.yes = true;
  }
  ~VerbTrialsTest() override { fs::remove_all(dir_); }

  template <class Options>
  Json Run(Options options, int exit_code) {
    options.common = common_;
    return Call(options, exit_code);
  }
  template <class Options>
  Json Call(const Options& options, int exit_code) {
    console_.Clear();
    EXPECT_EQ(RunVerb(options, environment_), exit_code) << console_.err() << console_.out();
    return Json::parse(console_.out(), nullptr, false);
  }
  void Load() { Run(LoadOptions{.common = {}, .from = files_.export_dir}, kExitDone); }
  void Migrate() {
    Load();
    RunOptions options;
    options.through = 3;
    Run(options, kExitDone);
  }
  Json Quarantine(QuarantineOptions::Action action, std::vector<std::string> ids, int exit_code) {
    return Run(QuarantineOptions{.common = {}, .action = action, .ids = std::move(ids)}, exit_code);
  }
  Json Vectors(VectorsOptions::Action action, const std::string& ns, int exit_code) {
    return Run(VectorsOptions{.common = {}, .action = action, .ns = ns}, exit_code);
  }
  Json Explain(const std::string& id, int exit_code) {
    return Run(ExplainOptions{.common = {}, .id = id}, exit_code);
  }
  Json Status() { return Run(StatusOptions{}, kExitDone); }
  Json Point(int phase) {
    const Json status = Status();
    for (const Json& point : status["restore_points"]) {
      if (point["phase"] == phase) {
        return point;
      }
    }
    return {};
  }
  std::unique_ptr<DocumentStore> OpenApp() {
    return SqliteDocumentStore::Open(dir_ / "app.db", OpenMode::kReadWrite, clock_).value();
  }
  Document FirstSource() {
    return OpenApp()->Scan("training_data", {}, {}).value()->Next(1, 1 << 20).value().front();
  }
  /// Writes `document` over the one of its id, or inserts it.
  void Put(const Document& document) {
    const Write write = Write::Put(document);
    ASSERT_TRUE(OpenApp()->Apply("training_data", {&write, 1}, {}, {}).has_value());
  }

  HttpLibrary http_;
  fs::path dir_ = fs::path(testing::TempDir()) / ("verb_trials_" + RandomHex(8));
  DemoFiles files_;
  CommonOptions common_;
  TestConsole console_;
  SystemClock clock_;
  CliEnvironment environment_{.out = console_.environment().out,
                              .err = console_.environment().err,
                              .clock = clock_,
                              .variables = console_.environment().variables,
                              .ask = console_.environment().ask,
                              .stop = {},
                              .hangups = console_.hangups};
};

using QuarantineAction = QuarantineOptions::Action;
using VectorsAction = VectorsOptions::Action;

// A document without anything that the schema asks for, and the same one mended.
Document Broken() {
  return ParseExtendedJson(R"({"_id":"late","skills_required":[]})").value();
}
Document Mended() {
  return ParseExtendedJson(
             R"({"_id":"late","company_name":"Late GmbH","job_title":"Build a shop","skills_required":["php"]})")
      .value();
}

TEST_F(VerbTrialsTest, QuarantineIsListedShownAndReplayedOnceTheDocumentIsMended) {
  Load();
  Put(Broken());
  RunOptions run;
  run.through = 3;
  Run(run, kExitQuarantine);
  const Json listed = Quarantine(QuarantineAction::kList, {}, kExitDone);
  ASSERT_EQ(listed["quarantined"], 1);
  EXPECT_EQ(listed["records"][0]["id"], "\"late\"");
  const Json shown = Quarantine(QuarantineAction::kShow, {"late"}, kExitDone);
  EXPECT_EQ(shown["records"][0]["document"]["_id"], "late");
  Quarantine(QuarantineAction::kShow, {"nobody"}, kExitUsage);
  const Json before = Point(2);
  EXPECT_EQ(before["counts"]["quarantined"], 1);

  Quarantine(QuarantineAction::kReplay, {}, kExitDone);
  EXPECT_EQ(Quarantine(QuarantineAction::kList, {}, kExitDone)["quarantined"], 1);
  Put(Mended());
  Quarantine(QuarantineAction::kReplay, {"late"}, kExitDone);
  EXPECT_EQ(Quarantine(QuarantineAction::kList, {}, kExitDone)["quarantined"], 0);
  const Json after = Point(2);
  EXPECT_EQ(after["counts"]["quarantined"], 0);
  EXPECT_EQ(after["counts"]["items"].get<int>(), before["counts"]["items"].get<int>() + 1);
  EXPECT_NE(after["digest"], before["digest"]);
  EXPECT_EQ(Explain("late", kExitDone)["vector"]["owner"], "ours");
  EXPECT_EQ(Quarantine(QuarantineAction::kReplay, {}, kExitDone)["nothing_to_do"], true);
}

TEST_F(VerbTrialsTest, ReplayBeforePhaseTwoAndUnderAnotherPlanIsRefused) {
  Load();
  Quarantine(QuarantineAction::kReplay, {}, kExitRefused);
  Migrate();
  common_.set = {{"items.fields.company_name", "job_title"}};
  const Json answer = Quarantine(QuarantineAction::kReplay, {}, kExitRefused);
  EXPECT_NE(answer["error"]["message"].get<std::string>().find("differs"), std::string::npos);
}

TEST_F(VerbTrialsTest, VectorsAreClearedAndMadeAgain) {
  Migrate();
  const std::string ns = "portfolio_default-org";
  const std::string digest = Point(3)["digest"];
  Vectors(VectorsAction::kClear, "proposals", kExitRefused);
  Vectors(VectorsAction::kClear, "elsewhere", kExitUsage);
  EXPECT_EQ(Vectors(VectorsAction::kBackup, ns, kExitDone)["vectors"], 101);
  EXPECT_EQ(Vectors(VectorsAction::kBackup, "proposals", kExitDone)["vectors"], 612);
  Vectors(VectorsAction::kClear, ns, kExitDone);
  EXPECT_EQ(Point(3), Json());
  EXPECT_EQ(Vectors(VectorsAction::kBackup, ns, kExitDone)["vectors"], 0);
  EXPECT_EQ(Vectors(VectorsAction::kClear, ns, kExitDone)["nothing_to_do"], true);
  EXPECT_EQ(Vectors(VectorsAction::kReembed, ns, kExitDone)["state"], "migrated");
  EXPECT_EQ(Point(3)["digest"], digest);
  Vectors(VectorsAction::kReembed, ns, kExitDone);
  EXPECT_EQ(Point(3)["digest"], digest);
  EXPECT_EQ(Point(3)["counts"]["upserted"], 101);
}

TEST_F(VerbTrialsTest, ExplainTellsOneDatumsWholeWay) {
  Load();
  const std::string id = ToExtendedJson(FirstSource().Id(), JsonMode::kRelaxed);
  const Json before = Explain(id, kExitDone);
  EXPECT_EQ(before["item"], Json());
  EXPECT_FALSE(before["fields"].empty());
  const std::string item_id = before["item_id"];
  Migrate();
  const Json after = Explain(item_id, kExitDone);
  EXPECT_EQ(after["source_id"], id);
  EXPECT_EQ(after["item_owner"], "ours");
  EXPECT_EQ(after["vector"]["owner"], "ours");
  for (const Json& finding : after["checks"]) {
    EXPECT_TRUE(finding["passed"]) << finding;
  }
  const Json refused = Explain("nobody", kExitRefused);
  EXPECT_FALSE(refused["error"]["hint"].get<std::string>().empty());
}

TEST_F(VerbTrialsTest, ExplainNamesAChangedItem) {
  Migrate();
  const auto store = OpenApp();
  const Document item =
      store->Scan("portfolio_items", {}, {}).value()->Next(1, 1 << 20).value().front();
  DocumentBuilder changed;
  for (const auto& [key, value] : item.view()) {
    changed.Append(key, key == "company_name" ? Value::String("Somebody Else").view() : value);
  }
  const Write write = Write::Put(changed.Finish());
  ASSERT_TRUE(store->Apply("portfolio_items", {&write, 1}, {}, {}).has_value());
  const Json way = Explain(std::string(item.Find("item_id")->AsString()), kExitDone);
  EXPECT_EQ(way["item_owner"], "changed");
  bool digests_passed = true;
  for (const Json& finding : way["checks"]) {
    digests_passed = finding["check"] == "digests" ? finding["passed"].get<bool>() : digests_passed;
  }
  EXPECT_FALSE(digests_passed);
}

TEST_F(VerbTrialsTest, ARehearsalPassesAndLeavesProductionAsItWas) {
  Load();
  const std::string documents = ReadFile(dir_ / "app.db").value();
  const std::string pointers = ReadFile(dir_ / ".env").value();
  const Json rehearsed = Run(RehearseOptions{}, kExitDone);
  EXPECT_EQ(rehearsed["passed"], true) << rehearsed;
  EXPECT_EQ(rehearsed["documents"], 101);
  EXPECT_EQ(ReadFile(dir_ / "app.db").value(), documents);
  EXPECT_EQ(ReadFile(dir_ / ".env").value(), pointers);
  EXPECT_EQ(Status()["state"], "new");
}

TEST_F(VerbTrialsTest, ASampleIsRehearsedFromABackupToo) {
  Load();
  BackupOptions backup;
  backup.action = BackupOptions::Action::kCreate;
  Run(backup, kExitDone);
  RehearseOptions options;
  options.backup = dir_ / "backups";
  options.sample = 20;
  const Json rehearsed = Run(options, kExitDone);
  EXPECT_EQ(rehearsed["documents"], 20) << rehearsed;
  EXPECT_EQ(rehearsed["documents_there"], 101);
  EXPECT_EQ(Json(std::distance(fs::directory_iterator(dir_ / "backups"), fs::directory_iterator())),
            1);
}

TEST_F(VerbTrialsTest, ARehearsalNamesTheStepThatFails) {
  Load();
  Put(Broken());
  const Json rehearsed = Run(RehearseOptions{}, kExitCheckFailed);
  EXPECT_EQ(rehearsed["passed"], false);
  EXPECT_EQ(rehearsed["steps"].back()["passed"], false);
  EXPECT_NE(rehearsed["steps"].back()["detail"].get<std::string>().find("quarantine"),
            std::string::npos);
}

TEST_F(VerbTrialsTest, TheDemoRunsTwice) {
  const DemoOptions options{.dir = dir_, .json = true};
  const Json first = Call(options, kExitDone);
  EXPECT_EQ(first["passed"], true) << first;
  EXPECT_EQ(Status()["state"], "cut_over");
  const Json second = Call(options, kExitDone);
  EXPECT_EQ(second["steps"].size(), 2);
  EXPECT_EQ(Status()["state"], "cut_over");
}

TEST_F(VerbTrialsTest, TheDemoIsShortEnoughToRead) {
  ASSERT_FALSE(Call(DemoOptions{.dir = dir_, .json = false}, kExitDone).is_object());
  const std::string text = console_.out();
  EXPECT_LT(std::ranges::count(text, '\n'), 60) << text;
  EXPECT_NE(text.find("Try next"), std::string::npos);
}

}  // namespace
}  // namespace rehome::cli
