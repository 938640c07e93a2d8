#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/clock.h"
#include "decorators/caching_embedder.h"
#include "decorators/guarded.h"
#include "decorators/rate_limited.h"
#include "decorators/read_only.h"
#include "decorators/retrying.h"
#include "decorators/spend_capped.h"
#include "decorators/traced.h"
#include "tests/support/scratch_directory.h"

namespace rehome {
namespace {

std::unexpected<Error> Refused(ErrorCode code, std::int64_t retry_after_ms = 0) {
  Error error{.code = code, .message = "no", .hint = {}};
  error.retry_after_ms = retry_after_ms;
  return std::unexpected(std::move(error));
}

/// Fails as often as it is told, counts what it is asked, and answers {length of the text, 1}.
class ScriptedEmbedder final : public Embedder {
 public:
  std::string Provider() const override { return "scripted"; }
  std::string Model() const override { return "m"; }
  int Dimension() const override { return 2; }
  bool Normalised() const override { return false; }
  Result<Embeddings> Embed(std::span<const std::string> texts, TextRole, const Call&) override {
    ++calls;
    if (failures > 0 || (fail_after >= 0 && calls > fail_after)) {
      --failures;
      return Refused(code, retry_after_ms);
    }
    Embeddings out;
    for (const std::string& text : texts) {
      out.vectors.push_back({static_cast<float>(text.size()), 1});
    }
    asked += texts.size();
    largest = std::max<std::size_t>(largest, texts.size());
    out.tokens = texts.size();
    return out;
  }
  std::uint64_t CountTokens(std::string_view text) const override { return text.size(); }
  double DollarsPerMillionTokens() const override { return 1; }

  std::size_t OneRequest(std::span<const std::string> texts) const override {
    return std::min(texts_a_request, texts.size());
  }

  std::size_t texts_a_request = 1000;
  int fail_after = -1;  // calls that succeed; -1: all
  int failures = 0;
  ErrorCode code = ErrorCode::kUnavailable;
  std::int64_t retry_after_ms = 0;
  std::atomic<int> calls = 0;
  std::atomic<std::size_t> asked = 0;
  std::size_t largest = 0;
};

/// Records which writes reached it.
class CountingVectorStore final : public VectorStore {
 public:
  std::string Identity() const override { return "counting"; }
  Result<IndexInfo> Describe(const Call&) override { return IndexInfo{}; }
  Result<std::optional<Lsn>> Upsert(std::string_view, std::span<const VectorRecord>,
                                    const Call&) override {
    return Written();
  }
  Result<std::vector<VectorRecord>> Fetch(std::string_view, std::span<const std::string>,
                                          const Call&) override {
    return std::vector<VectorRecord>{};
  }
  Result<std::optional<Lsn>> Delete(std::string_view, std::span<const std::string>,
                                    const Call&) override {
    return Written();
  }
  Result<IdPage> ListIds(std::string_view, std::string_view, const Call&) override {
    return IdPage{};
  }
  Result<std::vector<QueryMatch>> Query(std::string_view, std::span<const float>, int, bool,
                                        const Call&) override {
    return std::vector<QueryMatch>{};
  }
  Result<std::optional<Lsn>> IndexedLsn(std::string_view, const Call&) override {
    return std::optional<Lsn>(1);
  }
  Result<std::optional<Lsn>> Written() {
    ++writes;
    return std::optional<Lsn>(1);
  }
  int writes = 0;
};

const std::vector<std::string> kTexts = {"a", "bb", "a"};

struct Retried {
  std::shared_ptr<ScriptedEmbedder> inner = std::make_shared<ScriptedEmbedder>();
  ManualClock clock;
  SteadyTime start = clock.Steady();
  Result<Embeddings> Embed(RetryOptions options = {}, const Call& call = {}) {
    RetryingEmbedder embedder(inner, clock, Random(1), options);
    return embedder.Embed(kTexts, TextRole::kPassage, call);
  }
  Millis Waited() { return std::chrono::duration_cast<Millis>(clock.Steady() - start); }
};

TEST(Retrying, RepeatsWhatIsRetryableUntilItSucceeds) {
  Retried retried;
  retried.inner->failures = 3;
  EXPECT_TRUE(retried.Embed());
  EXPECT_EQ(retried.inner->calls, 4);
  EXPECT_LE(retried.Waited(), Millis{200 + 400 + 800});
}

TEST(Retrying, GivesUpAfterItsAttemptsAndSaysSo) {
  Retried retried;
  retried.inner->failures = 100;
  const auto result = retried.Embed({.attempts_max = 3});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(retried.inner->calls, 3);
  EXPECT_NE(result.error().message.find("3 attempts"), std::string::npos);
}

TEST(Retrying, GivesUpSoonerWhileNothingHasSucceeded) {
  ManualClock clock;
  const auto inner = std::make_shared<ScriptedEmbedder>();
  RetryingEmbedder embedder(inner, clock, Random(1),
                            RetryOptions{.attempts_max = 8, .attempts_max_at_first = 3});
  inner->failures = 100;
  EXPECT_FALSE(embedder.Embed(kTexts, TextRole::kPassage, {}));
  EXPECT_EQ(inner->calls, 3);
  inner->failures = 0;
  EXPECT_TRUE(embedder.Embed(kTexts, TextRole::kPassage, {}));
  inner->failures = 100;
  inner->calls = 0;
  EXPECT_FALSE(embedder.Embed(kTexts, TextRole::kPassage, {}));
  EXPECT_EQ(inner->calls, 8);
}

TEST(Retrying, WaitsOutTheElectionOfAPrimary) {
  Millis shortest = Millis::max();
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    ManualClock clock;
    const auto inner = std::make_shared<ScriptedEmbedder>();
    RetryingEmbedder embedder(inner, clock, Random(seed), PatientWithElections());
    EXPECT_TRUE(embedder.Embed(kTexts, TextRole::kPassage, {}));
    inner->failures = 100;
    const SteadyTime start = clock.Steady();
    EXPECT_FALSE(embedder.Embed(kTexts, TextRole::kPassage, {}));
    constexpr Millis kSelection{1'500};  // what each attempt of the MongoDB adapter takes
    shortest = std::min(shortest, std::chrono::duration_cast<Millis>(clock.Steady() - start) +
                                      PatientWithElections().attempts_max * kSelection);
  }
  EXPECT_GT(shortest, Millis{12'000});
}

TEST(Retrying, DoesNotRepeatWhatAPersonMustMend) {
  Retried retried;
  retried.inner->failures = 1;
  retried.inner->code = ErrorCode::kUnauthenticated;
  EXPECT_FALSE(retried.Embed());
  EXPECT_EQ(retried.inner->calls, 1);
}

TEST(Retrying, HonoursRetryAfterUpToAPoint) {
  Retried retried;
  retried.inner->failures = 1;
  retried.inner->code = ErrorCode::kResourceExhausted;
  retried.inner->retry_after_ms = 5'000;
  EXPECT_TRUE(retried.Embed());
  EXPECT_GE(retried.Waited(), Millis{5'000});
  retried.inner->failures = 1;
  EXPECT_FALSE(retried.Embed({.retry_after_max = Millis{4'000}}));
}

TEST(Retrying, StopsWhenTheBudgetIsSpent) {
  Retried retried;
  retried.inner->failures = 100;
  EXPECT_FALSE(retried.Embed({.attempts_max = 50, .budget = 4}));
  EXPECT_EQ(retried.inner->calls, 5);
}

TEST(Retrying, AStopWhileWaitingCancels) {
  Retried retried;
  retried.inner->failures = 1;
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(retried.Embed({}, {.stop = stop.get_token()}).error().code, ErrorCode::kCancelled);
}

TEST(RateLimiter, LetsThroughWhatTheRateAllows) {
  ManualClock clock;
  RateLimiter limiter(clock, 10);
  const auto start = clock.Steady();
  for (int i = 0; i < 11; ++i) {
    EXPECT_TRUE(
        limiter.Run({.name = "x", .cost = 10}, {}, [](const Call&) -> Status { return {}; }));
  }
  const double seconds = std::chrono::duration<double>(clock.Steady() - start).count();
  EXPECT_GE(seconds, 9);
  EXPECT_LE(seconds, 12);
}

TEST(RateLimiter, HalvesOnRefusalAndRecovers) {
  ManualClock clock;
  for (const double ceiling : {100.0, 0.0}) {
    RateLimiter limiter(clock, ceiling);
    const auto run = [&](bool refuse) {
      static_cast<void>(limiter.Run({.name = "x", .cost = 1}, {}, [&](const Call&) -> Status {
        if (refuse) {
          return Refused(ErrorCode::kResourceExhausted);
        }
        return {};
      }));
    };
    run(false);
    run(true);
    const double slowed = limiter.rate();
    EXPECT_GT(slowed, 0);
    run(true);
    EXPECT_LT(limiter.rate(), slowed);
    for (int i = 0; i < 100; ++i) {
      run(false);
    }
    EXPECT_EQ(limiter.rate(), ceiling);
  }
}

TEST(ReadOnly, RefusesWritesAndLetsReadsPass) {
  const auto inner = std::make_shared<CountingVectorStore>();
  ReadOnlyVectorStore store(inner);
  EXPECT_TRUE(store.Describe({}));
  EXPECT_TRUE(store.ListIds("ns", "", {}));
  EXPECT_EQ(store.Upsert("ns", {}, {}).error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(store.Delete("ns", {}, {}).error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(inner->writes, 0);
}

TEST(Guarded, AsksBeforeAWriteIsRepeated) {
  ManualClock clock;
  bool held = true;
  int attempts = 0;
  RetryPolicy retries(clock, Random(1));
  WriteGuard guard([&](const Call&) -> Status {
    return held ? Status{} : Fail(ErrorCode::kLeaseHeld, "somebody else has it");
  });
  const Operation write{.name = "write", .writes = true};
  const Status done = guard.Run(write, {}, [&](const Call& call) {
    return retries.Run(write, call, [&](const Call&) -> Status {
      ++attempts;
      held = false;  // it was lost while the first attempt failed
      return Fail(ErrorCode::kOutcomeUnknown, "the reply was lost");
    });
  });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::kLeaseHeld);
  EXPECT_EQ(attempts, 1);
}

TEST(Guarded, AsksBeforeEachWrite) {
  const auto inner = std::make_shared<CountingVectorStore>();
  bool may = true;
  GuardedVectorStore store(inner, [&](const Call&) -> Status {
    if (!may) {
      return Refused(ErrorCode::kLeaseHeld);
    }
    return {};
  });
  EXPECT_TRUE(store.Upsert("ns", {}, {}));
  may = false;
  EXPECT_EQ(store.Upsert("ns", {}, {}).error().code, ErrorCode::kLeaseHeld);
  EXPECT_TRUE(store.Describe({}));
  EXPECT_EQ(inner->writes, 1);
}

TEST(Traced, CountsCallsAndErrors) {
  ManualClock clock;
  const auto inner = std::make_shared<ScriptedEmbedder>();
  inner->failures = 1;
  const auto trace = std::make_shared<CallTrace>(clock);
  TracedEmbedder embedder(inner, trace);
  EXPECT_FALSE(embedder.Embed(kTexts, TextRole::kPassage, {}));
  EXPECT_TRUE(embedder.Embed(kTexts, TextRole::kPassage, {}));
  const auto methods = trace->Snapshot();
  EXPECT_EQ(methods.at("embed").calls, 2U);
  EXPECT_EQ(methods.at("embed").errors.at(ErrorCode::kUnavailable), 1U);
  EXPECT_NE(FormatTrace(methods).find("embed calls=2"), std::string::npos);
}

class CachingTest : public testing::Test {
 protected:
  std::unique_ptr<CachingEmbedder> Open(std::string contract = "c", std::size_t in_flight = 2000) {
    auto embedder = CachingEmbedder::Open(
        inner_, {.file = File(), .contract_hash = std::move(contract), .in_flight_max = in_flight});
    EXPECT_TRUE(embedder);
    return *std::move(embedder);
  }
  std::filesystem::path File() const { return scratch_.path() / "embeddings.log"; }

  const ScratchDirectory scratch_;
  std::shared_ptr<ScriptedEmbedder> inner_ = std::make_shared<ScriptedEmbedder>();
};

TEST_F(CachingTest, AsksForEachTextOnceEverAndAnswersTheSame) {
  const auto first = Open()->Embed(kTexts, TextRole::kPassage, {});
  ASSERT_TRUE(first);
  EXPECT_EQ(first->vectors, (std::vector<std::vector<float>>{{1, 1}, {2, 1}, {1, 1}}));
  EXPECT_EQ(first->tokens, 2U);
  const auto again = Open()->Embed(kTexts, TextRole::kPassage, {});
  ASSERT_TRUE(again);
  EXPECT_EQ(again->vectors, first->vectors);
  EXPECT_EQ(again->tokens, 0U);
  EXPECT_EQ(inner_->asked, 2U);
}

TEST_F(CachingTest, NeverReusesAnotherContractOrRole) {
  ASSERT_TRUE(Open("c")->Embed(kTexts, TextRole::kPassage, {}));
  ASSERT_TRUE(Open("c")->Embed(kTexts, TextRole::kQuery, {}));
  ASSERT_TRUE(Open("d")->Embed(kTexts, TextRole::kPassage, {}));
  EXPECT_EQ(inner_->asked, 6U);
}

TEST_F(CachingTest, HasAtMostTheAllowedTextsInFlight) {
  std::vector<std::string> texts;
  for (std::size_t i = 1; i <= 10; ++i) {
    texts.emplace_back(i, 'x');
  }
  ASSERT_TRUE(Open("c", 3)->Embed(texts, TextRole::kPassage, {}));
  EXPECT_EQ(inner_->largest, 3U);
  EXPECT_EQ(inner_->calls, 4);
}

TEST_F(CachingTest, SurvivesTearingAtEveryByte) {
  ASSERT_TRUE(Open()->Embed(std::vector<std::string>{"a", "bb"}, TextRole::kPassage, {}));
  const auto size = std::filesystem::file_size(File());
  for (std::uintmax_t cut = size; cut-- > 0;) {
    std::filesystem::resize_file(File(), cut);
    const auto answer = Open()->Embed(kTexts, TextRole::kPassage, {});
    ASSERT_TRUE(answer) << cut;
    EXPECT_EQ(answer->vectors.at(1), (std::vector<float>{2, 1})) << cut;
    EXPECT_EQ(std::filesystem::file_size(File()), size) << cut;
  }
}

TEST_F(CachingTest, AFlippedByteCostsAtMostItsEntry) {
  ASSERT_TRUE(Open()->Embed(std::vector<std::string>{"a", "bb"}, TextRole::kPassage, {}));
  const auto size = std::filesystem::file_size(File());
  for (std::uintmax_t at = 0; at < size; ++at) {
    {
      std::fstream file(File(), std::ios::in | std::ios::out | std::ios::binary);
      file.seekg(static_cast<std::streamoff>(at));
      const char byte = static_cast<char>(file.get() ^ 1);
      file.seekp(static_cast<std::streamoff>(at));
      file.put(byte);
    }
    const std::size_t before = inner_->asked;
    const auto answer = Open()->Embed(kTexts, TextRole::kPassage, {});
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->vectors, (std::vector<std::vector<float>>{{1, 1}, {2, 1}, {1, 1}})) << at;
    EXPECT_LE(inner_->asked - before, 1U) << at;
  }
}

TEST_F(CachingTest, AnErrorKeepsWhatWasAnsweredAndReleasesItsClaims) {
  const auto embedder = Open("c", 1);
  inner_->failures = 1;
  EXPECT_FALSE(embedder->Embed(kTexts, TextRole::kPassage, {}));
  ASSERT_TRUE(embedder->Embed(kTexts, TextRole::kPassage, {}));
  EXPECT_EQ(inner_->asked, 2U);
}

TEST_F(CachingTest, WritesEachRequestsAnswerBeforeItAsksForTheNext) {
  inner_->texts_a_request = 2;
  std::vector<std::string> texts;
  for (std::size_t i = 1; i <= 6; ++i) {
    texts.emplace_back(i, 'x');
  }
  inner_->fail_after = 2;  // the third request fails
  EXPECT_FALSE(Open()->Embed(texts, TextRole::kPassage, {}));
  EXPECT_EQ(inner_->asked, 4U);
  inner_->fail_after = -1;
  ASSERT_TRUE(Open()->Embed(texts, TextRole::kPassage, {}));
  EXPECT_EQ(inner_->asked, 6U);
  EXPECT_EQ(inner_->largest, 2U);
}

TEST_F(CachingTest, ReadOnlyUsesWhatIsThereAndWritesNothing) {
  const auto open = [&] {
    auto embedder =
        CachingEmbedder::Open(inner_, {.file = File(), .contract_hash = "c", .read_only = true});
    EXPECT_TRUE(embedder);
    return *std::move(embedder);
  };
  ASSERT_TRUE(open()->Embed(kTexts, TextRole::kPassage, {}));
  EXPECT_FALSE(std::filesystem::exists(File()));
  ASSERT_TRUE(Open()->Embed(std::vector<std::string>{"a"}, TextRole::kPassage, {}));
  const auto size = std::filesystem::file_size(File());
  inner_->asked = 0;
  const auto embedder = open();
  EXPECT_TRUE(embedder->IsFree("a", TextRole::kPassage));
  EXPECT_FALSE(embedder->IsFree("bb", TextRole::kPassage));
  ASSERT_TRUE(embedder->Embed(kTexts, TextRole::kPassage, {}));
  EXPECT_EQ(inner_->asked, 1U);
  EXPECT_EQ(std::filesystem::file_size(File()), size);
}

TEST(SpendCapped, NeverAsksForWhatMightExceedTheLimit) {
  const auto inner = std::make_shared<ScriptedEmbedder>();  // $1 a million tokens, 1 a character
  const auto meter = std::make_shared<SpendMeter>(10e-6);
  SpendCappedEmbedder embedder(inner, meter);
  const auto ask = [&](std::size_t letters) {
    return embedder.Embed(std::vector<std::string>{std::string(letters, 'x')}, TextRole::kPassage,
                          {});
  };
  ASSERT_TRUE(ask(6));  // billed as 1 token
  EXPECT_NEAR(meter->spent(), 1e-6, 1e-12);
  const auto refused = ask(10);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(inner->calls, 1);
  ASSERT_TRUE(ask(9));
  meter->StartAt(9.5e-6);
  EXPECT_FALSE(ask(1));
}

TEST(SpendCapped, AFailureCostsNothingUnlessItMayHaveBeenBilled) {
  const auto inner = std::make_shared<ScriptedEmbedder>();
  const auto meter = std::make_shared<SpendMeter>(0);
  SpendCappedEmbedder embedder(inner, meter);
  const std::vector<std::string> text{"four"};
  inner->failures = 1;
  EXPECT_FALSE(embedder.Embed(text, TextRole::kPassage, {}));
  EXPECT_EQ(meter->spent(), 0);
  inner->failures = 1;
  inner->code = ErrorCode::kOutcomeUnknown;
  EXPECT_FALSE(embedder.Embed(text, TextRole::kPassage, {}));
  EXPECT_NEAR(meter->spent(), 4e-6, 1e-12);
}

TEST(SpendCapped, EveryAttemptCountsAndTheLimitIsNotTriedAgain) {
  const auto inner = std::make_shared<ScriptedEmbedder>();
  inner->failures = 9;
  inner->code = ErrorCode::kOutcomeUnknown;
  const auto meter = std::make_shared<SpendMeter>(10e-6);  // four letters fit twice
  ManualClock clock;
  RetryingEmbedder embedder(std::make_shared<SpendCappedEmbedder>(inner, meter),
                            std::make_shared<RetryPolicy>(clock, Random(1)));
  const auto answer = embedder.Embed(std::vector<std::string>{"four"}, TextRole::kPassage, {});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(inner->calls, 2);
  EXPECT_NEAR(meter->spent(), 8e-6, 1e-12);
}

TEST_F(CachingTest, ThreadsShareWhatOneAsksFor) {
  const auto embedder = Open("c", 2);
  std::vector<std::string> texts;
  for (std::size_t i = 1; i <= 20; ++i) {
    texts.emplace_back(i, 'x');
  }
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] { EXPECT_TRUE(embedder->Embed(texts, TextRole::kPassage, {})); });
    }
  }
  EXPECT_EQ(inner_->asked, 20U);
}

}  // namespace
}  // namespace rehome
