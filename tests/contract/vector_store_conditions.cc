// The Pinecone adapter and its retries where the service is hard: pinecone-local is told over its
// admin endpoint to be so, one way at a time. Time is the test's own.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "adapters/pinecone/pinecone_vector_store.h"
#include "decorators/retrying.h"
#include "pinecone_local/server.h"
#include "tests/support/scratch_directory.h"

namespace rehome::contract {
namespace {

using std::chrono::seconds;

class Conditions : public testing::Test {
 protected:
  Conditions() {
    server_ = PineconeLocal::Start({.dir = scratch_.path() / "index",
                                    .dimension = 2,
                                    .api_key = Secret("key"),
                                    .admin = true,
                                    .clock = &clock_})
                  .value();
    PineconeOptions options;
    options.address = server_->url();
    options.api_key = Secret("key");
    store_ = PineconeVectorStore::Open(options, http_, {}).value();
    patient_ = std::make_unique<RetryingVectorStore>(
        store_, std::make_shared<RetryPolicy>(clock_, Random(1)));
    Put(*store_, "kept");
  }
  ~Conditions() override { server_.reset(); }
  Conditions(const Conditions&) = delete;
  Conditions& operator=(const Conditions&) = delete;

  void Impose(const std::string& json) {
    const auto answer = http_->Send({.method = "POST",
                                     .url = server_->url() + "/_admin/conditions",
                                     .headers = {{"Api-Key", "key"}},
                                     .body = json},
                                    {});
    ASSERT_TRUE(answer && answer->ok()) << json;
  }
  static Result<std::optional<Lsn>> Put(VectorStore& store, const std::string& id,
                                        const Call& call = {}) {
    const VectorRecord record{.id = id, .values = {1, 2}, .sparse = {}, .metadata = {}};
    return store.Upsert("ns", std::span(&record, 1), call);
  }
  [[nodiscard]] static bool Has(VectorStore& store, const std::string& id) {
    const auto found = store.Fetch("ns", std::span(&id, 1), {});
    EXPECT_TRUE(found) << found.error().message;
    return found && !found->empty();
  }
  /// The bare adapter's error for a write under `fault`, which the retries then ride out.
  ErrorCode RiddenOut(const std::string& fault) {
    Impose(R"({"faults":[")" + fault + R"("]})");
    const auto refused = Put(*store_, "bare");
    EXPECT_FALSE(refused) << fault;
    Impose(R"({"faults":[")" + fault + R"("]})");
    EXPECT_TRUE(Put(*patient_, "patient")) << fault;
    Impose("{}");
    EXPECT_TRUE(Has(*store_, "patient")) << fault;
    EXPECT_TRUE(Has(*store_, "kept")) << fault;
    return refused ? ErrorCode::kInternal : refused.error().code;
  }

  ManualClock clock_;
  const ScratchDirectory scratch_;
  std::unique_ptr<PineconeLocal> server_;
  std::shared_ptr<HttpClient> http_ = std::make_shared<HttpClient>();
  std::shared_ptr<VectorStore> store_;    // the adapter
  std::unique_ptr<VectorStore> patient_;  // the adapter, tried again
};

TEST_F(Conditions, TooManyRequestsAreTriedAgain) {
  EXPECT_EQ(RiddenOut("429,times=1"), ErrorCode::kResourceExhausted);
}

TEST_F(Conditions, RetryAfterIsWaitedFor) {
  const SteadyTime start = clock_.Steady();
  EXPECT_EQ(RiddenOut("429,retry_after=30,times=1"), ErrorCode::kResourceExhausted);
  EXPECT_GE(clock_.Steady() - start, seconds(30));
}

TEST_F(Conditions, FailuresOfTheServiceAreTriedAgain) {
  for (const std::string fault : {"500,times=1", "502,times=1", "503,times=1", "504,times=1"}) {
    EXPECT_EQ(RiddenOut(fault), ErrorCode::kUnavailable);
  }
}

TEST_F(Conditions, AnEffectBehindAnErrorIsNotDoubled) {
  RiddenOut("500,effect=1,times=1");
  EXPECT_TRUE(Has(*store_, "bare"));
  EXPECT_EQ(store_->Describe({})->namespaces["ns"], 3U);
}

TEST_F(Conditions, AnAnswerThatBreaksOffLeavesTheOutcomeOpen) {
  EXPECT_EQ(RiddenOut("reset,times=1"), ErrorCode::kOutcomeUnknown);
  EXPECT_TRUE(Has(*store_, "bare"));
}

TEST_F(Conditions, ARequestThatIsDroppedLeavesTheOutcomeOpen) {
  // libcurl itself sends again what went out on a kept-alive connection that then closed.
  EXPECT_EQ(RiddenOut("drop,times=2"), ErrorCode::kOutcomeUnknown);
  EXPECT_FALSE(Has(*store_, "bare"));
}

TEST_F(Conditions, ReadsThatBreakOffAreTriedAgain) {
  for (const char* fault : {"reset,times=1", "drop,times=1", "503,times=1"}) {
    Impose(std::string(R"({"faults":[")") + fault + R"("]})");
    EXPECT_TRUE(Has(*patient_, "kept")) << fault;
  }
}

TEST_F(Conditions, ASlowAnswerIsNotWaitedForBeyondTheTimeout) {
  Impose(R"({"faults":["slow,delay=1000,times=1"]})");
  const auto late = Put(*store_, "late", {.stop = {}, .timeout = Millis{100}});
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::kOutcomeUnknown);
  EXPECT_TRUE(Has(*store_, "late"));
}

TEST_F(Conditions, LagIsToldByTheLsn) {
  Impose(R"({"index_lag_ms":5000})");
  const auto written = Put(*patient_, "lagging");
  ASSERT_TRUE(written && *written);
  EXPECT_LT(store_->IndexedLsn("ns", {}).value().value(), **written);
  EXPECT_FALSE(Has(*store_, "lagging"));
  clock_.Advance(Millis{5000});
  EXPECT_GE(store_->IndexedLsn("ns", {}).value().value(), **written);
  EXPECT_TRUE(Has(*store_, "lagging"));
}

TEST_F(Conditions, TheDocumentedRatesAreReachedAndWaitedOut) {
  constexpr int kRequests = 250;  // the namespace takes 100 a second
  Impose(R"({"rate_limits":true})");
  int refused = 0;
  for (int i = 0; i < kRequests; ++i) {
    const auto put = Put(*store_, "hasty");
    if (!put) {
      EXPECT_EQ(put.error().code, ErrorCode::kResourceExhausted);
      ++refused;
    }
  }
  EXPECT_EQ(refused, kRequests - 100);
  const SteadyTime start = clock_.Steady();
  for (int i = 0; i < kRequests; ++i) {
    ASSERT_TRUE(Put(*patient_, "patient"));
  }
  EXPECT_GE(clock_.Steady() - start, seconds(1));
}

TEST_F(Conditions, AQuotaIsNotTriedAgain) {
  Impose(R"({"quota":"starter,write_units=5"})");
  ASSERT_TRUE(Put(*store_, "within"));
  const SteadyTime start = clock_.Steady();
  const auto refused = Put(*patient_, "beyond");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(clock_.Steady(), start);
}

}  // namespace
}  // namespace rehome::contract
