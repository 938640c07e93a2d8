#include "phases/pointers.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <map>

#include "base/atomic_file.h"
#include "sim/memory_document_store.h"
#include "sim/memory_vector_store.h"

namespace rehome {
namespace {

class FakeAliases final : public NamespaceAliases {
 public:
  Result<bool> Offered(const Call&) override { return offered; }
  Result<std::optional<std::string>> Find(std::string_view alias, const Call&) override {
    const auto found = targets.find(alias);
    return found == targets.end() ? std::nullopt : std::optional(found->second);
  }
  Status Point(std::string_view alias, std::string_view ns, const Call&) override {
    targets[std::string(alias)] = ns;
    return {};
  }
  Status Remove(std::string_view alias, const Call&) override {
    targets.erase(std::string(alias));
    return {};
  }

  bool offered = true;
  std::map<std::string, std::string, std::less<>> targets;
};

class AliasPointers : public testing::Test {
 protected:
  AliasPointers() {
    stores_.target_vectors = std::make_shared<sim::MemoryVectorStore>();
    stores_.aliases = aliases_;
    plan_.cutover.namespace_alias = {{"live", "portfolio_acme"}};
  }
  std::string Live() {
    const auto found = aliases_->targets.find("live");
    return found == aliases_->targets.end() ? "-" : found->second;
  }
  PointerRecord OnlyPointer() {
    const auto pointers = ReadPointers(plan_, stores_, {});
    EXPECT_TRUE(pointers) << pointers.error().message;
    EXPECT_EQ(pointers->size(), 1U);
    return pointers->front();
  }

  std::shared_ptr<FakeAliases> aliases_ = std::make_shared<FakeAliases>();
  Stores stores_;
  Plan plan_;
};

TEST_F(AliasPointers, FlipAndFlipBackKeepWhereItLed) {
  aliases_->targets["live"] = "proposals";
  const PointerRecord pointer = OnlyPointer();
  EXPECT_EQ(pointer.key, "live");
  EXPECT_EQ(pointer.old_value, "proposals");
  ASSERT_TRUE(Flip(pointer, stores_, {}));
  ASSERT_TRUE(Flip(pointer, stores_, {}));
  EXPECT_EQ(Live(), "portfolio_acme");
  ASSERT_TRUE(FlipBack(pointer, stores_, {}));
  EXPECT_EQ(Live(), "proposals");
}

TEST_F(AliasPointers, OneThatDidNotExistIsMadeAndRemovedAgain) {
  const PointerRecord pointer = OnlyPointer();
  EXPECT_FALSE(pointer.old_value.has_value());
  ASSERT_TRUE(Flip(pointer, stores_, {}));
  EXPECT_EQ(Live(), "portfolio_acme");
  ASSERT_TRUE(FlipBack(pointer, stores_, {}));
  EXPECT_EQ(Live(), "-");
}

TEST_F(AliasPointers, OneThatSomebodyElseMovedIsLeftAlone) {
  aliases_->targets["live"] = "proposals";
  const PointerRecord pointer = OnlyPointer();
  aliases_->targets["live"] = "elsewhere";
  const Status flipped = Flip(pointer, stores_, {});
  ASSERT_FALSE(flipped);
  EXPECT_EQ(flipped.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(Live(), "elsewhere");
}

/// A runner died between the flip and its record, and the next one may not write there: that is no
/// pointer which somebody else has moved.
TEST(DocumentPointers, OneThatCannotBePutBackIsNotPassedOver) {
  const auto documents = std::make_shared<sim::MemoryDocumentStore>();
  Stores stores;
  stores.target_documents = documents;
  const auto put = [&](std::string_view items) {
    const Write write =
        Write::Put(DocumentBuilder().String("_id", "app").String("items", items).Finish());
    ASSERT_TRUE(documents->Apply("settings", {&write, 1}, {}, {}));
  };
  const PointerRecord pointer{.kind = "document",
                              .where = "settings",
                              .id = R"("app")",
                              .key = "items",
                              .old_value = R"("jobs")",
                              .new_value = R"("job_items")",
                              .old_written = {}};
  put("job_items");
  ASSERT_TRUE(documents->RaiseFence("settings", FenceKind::kTrigger, {}));
  EXPECT_FALSE(FlipBack(pointer, stores, {}));
  ASSERT_TRUE(documents->LiftFence("settings", FenceKind::kTrigger, {}, {}));
  put("somebody's");
  EXPECT_TRUE(FlipBack(pointer, stores, {}));
  const Write gone =
      Write::Delete(DocumentBuilder().String("_id", "app").String("items", "somebody's").Finish());
  ASSERT_TRUE(documents->Apply("settings", {&gone, 1}, {}, {}));
  EXPECT_TRUE(FlipBack(pointer, stores, {}));
}

TEST_F(AliasPointers, WithoutThemTheEnvFileStandsIn) {
  const std::filesystem::path file = testing::TempDir() + "pointers_test.env";
  ASSERT_TRUE(WriteFileAtomically(file, "NAMESPACE=proposals\n"));
  plan_.cutover.env_file = {.path = file, .set = {{"NAMESPACE", "portfolio_acme"}}};
  aliases_->offered = false;
  EXPECT_EQ(OnlyPointer().kind, "env_file");
  stores_.aliases = nullptr;
  EXPECT_EQ(OnlyPointer().kind, "env_file");
  std::filesystem::remove(file);
}

TEST_F(AliasPointers, WithoutThemAndWithoutAnythingElseTheCutoverIsRefused) {
  aliases_->offered = false;
  const auto pointers = ReadPointers(plan_, stores_, {});
  ASSERT_FALSE(pointers);
  EXPECT_EQ(pointers.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_NE(pointers.error().hint.find("env_file"), std::string::npos);
}

}  // namespace
}  // namespace rehome
