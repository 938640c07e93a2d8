#include "phases/session.h"

#include <gtest/gtest.h>

#include "flow/vector_writer.h"
#include "tests/support/phase_world.h"

namespace rehome {
namespace {

using testing_support::MemoryVectorStore;
using testing_support::PhaseWorld;

constexpr const char* kNamespace = "portfolio_default-org";

/// A world whose vectors show when it says so, and its sessions, each of which dies with what it
/// holds open.
class SettleTest : public ::testing::Test {
 protected:
  SettleTest() {
    world_.vectors = std::make_shared<MemoryVectorStore>(MemoryVectorStore::Options{
        .dimension = PhaseWorld::kDimension, .tells_lsn = false, .indexes = [this] {
          return shows_;
        }});
  }
  std::unique_ptr<Session> Open() {
    Deps deps = world_.MakeDeps();
    deps.stores.source_documents = world_.documents;
    deps.stores.target_documents = world_.documents;
    deps.stores.source_vectors = world_.vectors;
    deps.stores.target_vectors = world_.vectors;
    auto session = Session::Open(world_.plan, PlanRule::kMustMatch, true, deps);
    CHECK(session.has_value());
    (*session)->run().namespaces = {{"org_default", kNamespace}};
    CHECK((*session)->Save().has_value());
    return *std::move(session);
  }
  /// An upsert whose outcome nobody noted.
  void UpsertAndDie(const std::string& id) {
    const VectorRecord record{
        .id = id, .values = {1, 0, 0, 0}, .sparse = {}, .metadata = {{"item_id", id}}};
    const auto session = Open();
    const LedgerEntry entry{
        .id = Value::String(id), .before = {}, .after = VectorDigest(record), .text = Md5("text")};
    CHECK(session->ledger()
              .Open({LedgerTarget::Store::kVectors, kNamespace}, {&entry, 1}, {})
              .has_value());
    CHECK(world_.vectors->Upsert(kNamespace, {&record, 1}, {}).has_value());
  }
  bool Holds(const std::string& id) {
    return !world_.vectors->Fetch(kNamespace, {&id, 1}, {})->empty();
  }

  PhaseWorld world_;
  bool shows_ = false;
};

TEST_F(SettleTest, AVectorThatShowsAfterItsItemWentIsRemoved) {
  UpsertAndDie("port_n~1");
  const auto session = Open();
  shows_ = true;
  ASSERT_TRUE(session->SettleLeftOpen());
  EXPECT_FALSE(Holds("port_n~1"));
}

TEST_F(SettleTest, AVectorOfAnItemStaysAndIsOurs) {
  world_.Insert(world_.plan.items.to,
                R"({"_id": 1, "item_id": "port_n~1", "org_id": "org_default"})");
  UpsertAndDie("port_n~1");
  const auto session = Open();
  shows_ = true;
  ASSERT_TRUE(session->SettleLeftOpen());
  EXPECT_TRUE(Holds("port_n~1"));
  const Value id = Value::String("port_n~1");
  const auto histories =
      session->ledger().Find({LedgerTarget::Store::kVectors, kNamespace}, {&id, 1}, {});
  ASSERT_TRUE(histories);
  EXPECT_NE(histories->front().LastDone(), nullptr);
}

}  // namespace
}  // namespace rehome
