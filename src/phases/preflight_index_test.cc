// Quotas and the canary: what `check` says of the index that is somebody's service.
#include <gtest/gtest.h>

#include <algorithm>

#include "decorators/intercepted.h"
#include "phases/preflight.h"
#include "tests/support/phase_world.h"

namespace rehome {
namespace {

using rehome::testing_support::PhaseWorld;
using Severity = Finding::Severity;

/// A world whose index is not the program's own.
class ServiceWorld {
 public:
  ServiceWorld() {
    world.InsertSource(1);
    world.plan.vectors.source.address = world.plan.vectors.target.address = "https://index.example";
  }
  std::vector<Finding> Look(std::string_view check) {
    Deps deps = world.MakeDeps();
    deps.canary = canary;
    const auto compiled = CompiledPlan::Compile(world.plan);
    CHECK(compiled.has_value());
    auto report = RunPreflight(*compiled->plan, compiled->mapper, deps, nullptr);
    CHECK(report.has_value());
    std::erase_if(report->findings, [&](const Finding& one) { return one.check != check; });
    return report->findings;
  }

  PhaseWorld world;
  std::shared_ptr<VectorStore> canary;
};

TEST(PreflightQuota, NamesTheSmallestPlanThatFitsWhereNoneIsTold) {
  ServiceWorld service;
  const auto found = service.Look("quota");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found.front().severity, Severity::kOk);
  EXPECT_NE(found.front().message.find("starter"), std::string::npos);
  EXPECT_NE(found.front().hint.find("pinecone_tier"), std::string::npos);
}

TEST(PreflightQuota, ComparesWithThePlanThatIsTold) {
  ServiceWorld service;
  service.world.plan.limits.pinecone_tier = "starter";
  EXPECT_EQ(service.Look("quota").front().severity, Severity::kOk);
  for (int i = 0; i < 100; ++i) {
    service.world.AddVector("tenant" + std::to_string(i), "v", {});
  }
  const auto beyond = service.Look("quota");
  EXPECT_EQ(beyond.front().severity, Severity::kError);
  EXPECT_NE(beyond.front().message.find("of 100 namespaces"), std::string::npos)
      << beyond.front().message;
  service.world.plan.limits.pinecone_tier = "builder";
  EXPECT_EQ(service.Look("quota").front().severity, Severity::kOk);
}

TEST(PreflightCanary, WritesSeesAndRemovesOneVector) {
  ServiceWorld service;
  service.canary = service.world.vectors;
  const auto found = service.Look("index writes");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found.front().severity, Severity::kOk);
  const auto left = service.world.vectors->ListIds("rehome_check", "", {});
  ASSERT_TRUE(left);
  EXPECT_TRUE(left->ids.empty());
}

TEST(PreflightCanary, AKeyThatMayNotWriteIsAnErrorWithAHint) {
  ServiceWorld service;
  service.canary = std::make_shared<ReadOnlyVectorStore>(service.world.vectors);
  const auto found = service.Look("index writes");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found.front().severity, Severity::kError);
}

/// Like an index on pods.
struct NoListing {
  template <class F>
  auto Run(const Operation& operation, const Call& call, F attempt) -> decltype(attempt(call)) {
    if (operation.name == "list") {
      return Fail(ErrorCode::kUnavailable, "the answer is not what the service should say");
    }
    return attempt(call);
  }
};

TEST(PreflightCanary, AnIndexThatListsNothingIsRefusedAndLeftClean) {
  ServiceWorld service;
  service.canary = std::make_shared<InterceptedVectorStore<NoListing>>(service.world.vectors);
  const auto found = service.Look("index writes");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found.front().severity, Severity::kError);
  EXPECT_NE(found.front().hint.find("serverless"), std::string::npos);
  const auto left = service.world.vectors->ListIds("rehome_check", "", {});
  ASSERT_TRUE(left);
  EXPECT_TRUE(left->ids.empty());
}

TEST(PreflightCanary, AnIndexOfTheProgramsOwnIsNotTried) {
  ServiceWorld service;
  EXPECT_TRUE(service.Look("index writes").empty());
}

}  // namespace
}  // namespace rehome
