#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "adapters/http/http_client.h"
#include "base/atomic_file.h"
#include "base/digest.h"
#include "base/random.h"
#include "cli/demo_application.h"
#include "cli/exit_codes.h"
#include "cli/verbs.h"
#include "tests/support/cli_environment.h"

namespace rehome::cli {
namespace {

class VerbPlanTest : public testing::Test {
 protected:
  VerbPlanTest() : files_(WriteDemoApplication(dir_).value()) {
    common_.plan = files_.plan;
    common_.json = true;
    common_.yes = true;
  }
  ~VerbPlanTest() override { std::filesystem::remove_all(dir_); }

  template <class Options>
  nlohmann::json Run(Options options, int exit_code) {
    options.common = common_;
    console_.Clear();
    EXPECT_EQ(RunVerb(options, console_.environment()), exit_code)
        << console_.out() << console_.err();
    return nlohmann::json::parse(console_.out(), nullptr, false);
  }
  void Load() { Run(LoadOptions{.common = {}, .from = files_.export_dir}, kExitDone); }

  /// Every file below the application's directory with its bytes' digest.
  [[nodiscard]] std::map<std::string, std::string> Files() const {
    std::map<std::string, std::string> out;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(dir_)) {
      out[entry.path().string()] =
          entry.is_regular_file() ? Sha256Hex(ReadFile(entry.path()).value()) : "directory";
    }
    return out;
  }

  HttpLibrary http_;
  std::filesystem::path dir_ =
      std::filesystem::path(testing::TempDir()) / ("verb_plan_" + RandomHex(8));
  DemoFiles files_;
  CommonOptions common_;
  TestConsole console_;
};

TEST_F(VerbPlanTest, PlanForetellsTheDemoAndWritesNothing) {
  Load();
  const auto before = Files();
  const auto plan = Run(PlanOptions{}, kExitDone);
  EXPECT_EQ(Files(), before);
  EXPECT_EQ(plan["documents"], 101);
  EXPECT_EQ(plan["items"].get<int>() + plan["quarantined"].get<int>(), 101);
  EXPECT_EQ(plan["vectors"], plan["items"]);
  EXPECT_EQ(plan["digest"].get<std::string>().substr(0, 4),
            std::to_string(plan["items"].get<int>()) + ":");
  for (const char* key : {"tenants", "loss", "tokens", "cost_usd", "seconds", "quarantine",
                          "samples", "ambiguities", "phases", "target"}) {
    EXPECT_TRUE(plan.contains(key)) << key;
  }
  EXPECT_EQ(plan["seconds"].size(), 7U);
}

TEST_F(VerbPlanTest, CheckPassesOnTheDemoAndWritesNothing) {
  Load();
  const auto before = Files();
  const auto check = Run(CheckOptions{}, kExitDone);
  EXPECT_EQ(Files(), before);
  EXPECT_TRUE(check["passed"]) << check.dump(1);
  EXPECT_GT(check["findings"].size(), 10U);
  EXPECT_EQ(check["findings"][0]["severity"], "ok");
}

TEST_F(VerbPlanTest, CheckRefusesAnApplicationThatWasNotLoadedAndCreatesNothing) {
  const auto before = Files();
  const auto check = Run(CheckOptions{}, kExitRefused);
  EXPECT_EQ(Files(), before);
  EXPECT_FALSE(check["passed"]);
}

TEST_F(VerbPlanTest, CheckNamesAStoreThatCannotBeReached) {
  Load();
  common_.set = {{"vectors", "http://127.0.0.1:1"}};
  const auto check = Run(CheckOptions{}, kExitUnreachable);
  EXPECT_FALSE(check["passed"]);
}

TEST_F(VerbPlanTest, CheckNamesAnIndexOfAnotherDimension) {
  Load();
  common_.set = {{"index.embedder.dimensions", "7"}};
  const auto check = Run(CheckOptions{}, kExitRefused);
  EXPECT_NE(check.dump().find("dimensions"), std::string::npos);
}

TEST_F(VerbPlanTest, TextIsForAPerson) {
  Load();
  common_.json = false;
  Run(PlanOptions{}, kExitDone);
  EXPECT_NE(console_.out().find("Nothing was written"), std::string::npos);
  EXPECT_NE(console_.out().find("Next: "), std::string::npos);
  Run(CheckOptions{}, kExitDone);
  EXPECT_NE(console_.out().find("Next: rehome plan"), std::string::npos);
}

}  // namespace
}  // namespace rehome::cli
