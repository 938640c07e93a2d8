#include "cli/demo_application.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "base/atomic_file.h"
#include "base/random.h"
#include "model/extended_json.h"
#include "model/sort_key.h"
#include "model/vector_record.h"
#include "plan/load.h"
#include "plan/template.h"

namespace rehome::cli {
namespace {

std::vector<std::string> Lines(const std::filesystem::path& path) {
  std::istringstream text(ReadFile(path).value());
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);) {
    lines.push_back(line);
  }
  return lines;
}

class DemoApplicationTest : public testing::Test {
 protected:
  ~DemoApplicationTest() override { std::filesystem::remove_all(dir_); }
  std::filesystem::path dir_ = std::filesystem::path(testing::TempDir()) / ("demo_" + RandomHex(8));
};

TEST_F(DemoApplicationTest, HasTheMissionsCounts) {
  const DemoFiles files = WriteDemoApplication(dir_).value();
  const auto documents = files.export_dir / "documents";
  EXPECT_EQ(Lines(documents / "training_data.json").size(), 101U);
  EXPECT_EQ(Lines(documents / "chunks.json").size(), 505U);
  EXPECT_EQ(Lines(documents / "embeddings.json").size(), 505U);
  EXPECT_EQ(Lines(documents / "proposals.json").size(), 10U);
  EXPECT_EQ(Lines(files.export_dir / "vectors" / "vectors_proposals.jsonl").size(), 612U);
}

TEST_F(DemoApplicationTest, IsValidAndNoIdTwice) {
  const DemoFiles files = WriteDemoApplication(dir_).value();
  for (const char* name :
       {"training_data.json", "chunks.json", "embeddings.json", "proposals.json"}) {
    std::set<std::string> ids;
    for (const std::string& line : Lines(files.export_dir / "documents" / name)) {
      const auto document = ParseExtendedJson(line);
      ASSERT_TRUE(document.has_value()) << name << ": " << document.error().message << ": " << line;
      EXPECT_TRUE(ids.insert(SortKey(document->Id())).second) << line;
    }
  }
  std::set<std::string> ids;
  for (const std::string& line : Lines(files.export_dir / "vectors" / "vectors_proposals.jsonl")) {
    const auto vector = ParseVectorJson(line);
    ASSERT_TRUE(vector.has_value()) << vector.error().message;
    EXPECT_EQ(vector->values.size(), 384U);
    EXPECT_TRUE(ids.insert(vector->id).second) << vector->id;
  }
}

TEST_F(DemoApplicationTest, IsTheSameEveryTime) {
  const auto other = std::filesystem::path(dir_.string() + "_again");
  const auto first = WriteDemoApplication(dir_).value();
  const auto second = WriteDemoApplication(other).value();
  for (const char* name : {"documents/training_data.json", "vectors/vectors_proposals.jsonl"}) {
    EXPECT_EQ(ReadFile(first.export_dir / name).value(),
              ReadFile(second.export_dir / name).value());
  }
  std::filesystem::remove_all(other);
}

TEST_F(DemoApplicationTest, LeavesADirectoryThatHoldsSomethingAlone) {
  std::filesystem::create_directories(dir_ / "mine");
  const auto made = WriteDemoApplication(dir_);
  ASSERT_FALSE(made.has_value());
  EXPECT_EQ(made.error().code, ErrorCode::kAlreadyExists);
  EXPECT_FALSE(std::filesystem::exists(dir_ / "export"));
}

TEST_F(DemoApplicationTest, LeavesADemoThatWasMadeBeforeAsItStands) {
  ASSERT_TRUE(WriteDemoApplication(dir_).has_value());
  ASSERT_TRUE(WriteFileAtomically(dir_ / ".env", "PINECONE_NAMESPACE=flipped\n").has_value());
  ASSERT_TRUE(WriteDemoApplication(dir_).has_value());
  EXPECT_EQ(ReadFile(dir_ / ".env").value(), "PINECONE_NAMESPACE=flipped\n");
}

TEST_F(DemoApplicationTest, TakesAnyDirectoryName) {
  dir_ += " with: #odd \"name\"";
  const DemoFiles files = WriteDemoApplication(dir_).value();
  const auto loaded =
      LoadPlan(files.plan, {}, [](const std::string&) { return std::nullopt; }).value();
  ASSERT_TRUE(loaded.plan.has_value());
  EXPECT_EQ(loaded.plan->cutover.env_file->path, dir_ / ".env");
}

TEST_F(DemoApplicationTest, ItsPlanIsValidAndReachesNothingOutsideItsDirectory) {
  const DemoFiles files = WriteDemoApplication(dir_).value();
  const Environment hostile = [](const std::string& name) -> std::optional<std::string> {
    return name == "MONGODB_URI" ? "mongodb://production/app" : "elsewhere";
  };
  const auto loaded = LoadPlan(files.plan, {}, hostile).value();
  for (const PlanProblem& problem : loaded.problems) {
    ADD_FAILURE() << problem.mark.line << ": " << problem.message;
  }
  ASSERT_TRUE(loaded.plan.has_value());
  EXPECT_TRUE(loaded.plan->documents.source.address.starts_with("sqlite:"))
      << loaded.plan->documents.source.address;
  EXPECT_TRUE(loaded.plan->vectors.target.address.starts_with("local:"));
  EXPECT_EQ(loaded.plan->index.embedder.provider, "hashing");
  EXPECT_EQ(loaded.plan->index.embedder.dimensions, 384);
  EXPECT_EQ(loaded.plan->backup.dir, dir_ / "backups");
  EXPECT_EQ(loaded.plan->cutover.env_file->path, dir_ / ".env");
}

}  // namespace
}  // namespace rehome::cli
