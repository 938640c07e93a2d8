#include "phases/forecast.h"

#include <gtest/gtest.h>

#include "model/item.h"
#include "tests/support/phase_world.h"

namespace rehome {
namespace {

using rehome::testing_support::CountingEmbedder;
using rehome::testing_support::Json;
using rehome::testing_support::PhaseWorld;

Forecast Foretell(PhaseWorld& world) {
  const auto compiled = CompiledPlan::Compile(world.plan);
  CHECK(compiled.has_value());
  auto forecast = MakeForecast(*compiled->plan, compiled->mapper, world.MakeDeps(), nullptr);
  EXPECT_TRUE(forecast.has_value()) << (forecast ? "" : forecast.error().message);
  CHECK(forecast.has_value());
  return *std::move(forecast);
}

TEST(Forecast, CountsWhatARunWouldMakeAndItsDigest) {
  PhaseWorld world;
  constexpr int kDocuments = 2500;
  for (int id = 0; id < kDocuments; ++id) {
    world.InsertSource(id);
  }
  const Forecast forecast = Foretell(world);
  EXPECT_EQ(forecast.documents, kDocuments);
  EXPECT_EQ(forecast.items, kDocuments);
  EXPECT_EQ(forecast.vectors, kDocuments);
  EXPECT_EQ(forecast.quarantined, 0U);
  ASSERT_EQ(forecast.tenants.size(), 1U);
  EXPECT_EQ(forecast.tenants[0].ns, "portfolio_default-org");
  EXPECT_EQ(forecast.tenants[0].items, kDocuments);
  EXPECT_EQ(forecast.samples.size(), Forecast::kSamplesMax);
  EXPECT_GT(forecast.tokens, 0U);
  EXPECT_DOUBLE_EQ(forecast.cost_usd, static_cast<double>(forecast.tokens) * 2 / 1e6);

  const auto compiled = CompiledPlan::Compile(world.plan);
  SetDigest expected;
  const auto cursor = world.documents->Scan(world.plan.items.from, {}, {});
  const auto sources = (*cursor)->Next(kDocuments, std::size_t{1} << 30U);
  for (const Document& source : *sources) {
    expected.Add(
        DocumentDigest(std::get<Item>(compiled->mapper.Map(source.view())).document.view()));
  }
  EXPECT_EQ(forecast.digest, expected);
}

TEST(Forecast, ShowsSamplesBeforeAndAfter) {
  PhaseWorld world;
  world.InsertSource(1);
  const Forecast forecast = Foretell(world);
  ASSERT_EQ(forecast.samples.size(), 1U);
  const Forecast::Sample& sample = forecast.samples.front();
  EXPECT_EQ(sample.id, "1");
  EXPECT_NE(sample.source.find("Need a shop"), std::string::npos);
  EXPECT_NE(sample.text.find("Acme: "), std::string::npos);
  EXPECT_NE(sample.metadata.find(kStampValues), std::string::npos);
  EXPECT_EQ(sample.fields.size(), world.plan.items.fields.size());
  EXPECT_FALSE(sample.refused.has_value());
}

TEST(Forecast, NeverEmbedsWhatCostsMoney) {
  PhaseWorld world;
  world.InsertSource(1);
  world.embedder = std::make_shared<CountingEmbedder>("openai", PhaseWorld::kDimension);
  const Forecast forecast = Foretell(world);
  EXPECT_EQ(world.embedder->calls, 0);
  EXPECT_EQ(forecast.samples.front().metadata.find(kStampValues), std::string::npos);
  EXPECT_GT(forecast.phases[3].seconds, 0);
}

TEST(Forecast, NamesTheQuarantinedByReason) {
  PhaseWorld world;
  world.InsertSource(0);
  for (int id = 1; id <= 25; ++id) {
    world.Insert(world.plan.items.from, R"({"_id": )" + std::to_string(id) + "}");
  }
  const Forecast forecast = Foretell(world);
  EXPECT_EQ(forecast.items + forecast.quarantined, forecast.documents);
  EXPECT_EQ(forecast.reasons.at(QuarantineReason::kSchema), 25U);
  ASSERT_EQ(forecast.quarantine.size(), Forecast::kQuarantinedMax);
  EXPECT_EQ(forecast.quarantine.front().id, "1");
  EXPECT_FALSE(forecast.quarantine.front().detail.empty());
  EXPECT_TRUE(forecast.samples[1].refused.has_value());
  EXPECT_TRUE(forecast.samples[1].item.empty());
}

TEST(Forecast, ListsWhatTheMappingLeavesBehind) {
  PhaseWorld world;
  world.InsertSource(1);
  const Forecast forecast = Foretell(world);
  ASSERT_EQ(forecast.loss.size(), 1U);
  EXPECT_EQ(forecast.loss.front().path, "outcome");
}

TEST(Forecast, CountsDocumentsThatSeveralRulesWouldTake) {
  PhaseWorld world;
  world.InsertSource(1);
  const AssignRule by_default = world.plan.tenants.assign.front();
  const AssignRule by_company{
      .when = AssignRule::Match{*ParseFieldPath("company_name"), Value::String("Acme")},
      .tenant = by_default.tenant,
      .mark = {}};
  world.plan.tenants.assign = {by_company, by_default};
  EXPECT_EQ(Foretell(world).ambiguous, 0U) << "the default takes what is left";
  world.plan.tenants.assign = {by_company, by_company, by_default};
  const Forecast forecast = Foretell(world);
  EXPECT_EQ(forecast.ambiguous, 1U);
  EXPECT_EQ(forecast.ambiguities.front().rules, (std::vector<std::size_t>{0, 1}));
}

TEST(Forecast, CountsWhatTheTargetHolds) {
  PhaseWorld world;
  world.InsertSource(1);
  world.Insert(world.plan.items.to, R"({"_id": "a", "item_id": "a", "org_id": "org_acme"})");
  world.Insert(world.plan.items.to, R"({"_id": 1, "item_id": "b", "org_id": "org_acme"})");
  const Forecast forecast = Foretell(world);
  EXPECT_EQ(forecast.target.others, 1U);
  EXPECT_EQ(forecast.target.in_the_way, 1U);
  EXPECT_EQ(forecast.target.examples.front().id, "1");
}

TEST(Forecast, OfNothingIsNothing) {
  PhaseWorld world;
  const Forecast forecast = Foretell(world);
  EXPECT_EQ(forecast.documents, 0U);
  EXPECT_EQ(forecast.digest, SetDigest());
  EXPECT_EQ(forecast.seconds(), forecast.seconds()) << "no division by zero";
}

}  // namespace
}  // namespace rehome
