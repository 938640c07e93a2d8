// Two at the same moment, and replies that get lost: what the journal's single documents rely on.
#include <gtest/gtest.h>

#include <thread>

#include "decorators/retrying.h"
#include "journal/audit.h"
#include "journal/lease.h"
#include "journal/ledger.h"
#include "journal/names.h"
#include "model/fields.h"
#include "sim/faulty_stores.h"
#include "sim/memory_document_store.h"
#include "tests/support/journal.h"

namespace rehome {
namespace {

using sim::CallSite;
using sim::Fault;
using sim::Faults;
using sim::FaultyDocumentStore;
using testing_support::Elsewhere;
using testing_support::kCall;

/// `store` with `choose` asked before every call.
FaultyDocumentStore Watched(const std::shared_ptr<DocumentStore>& store, Faults::Choose choose) {
  return {store, std::make_shared<Faults>(std::move(choose))};
}

TEST(LeaseRace, OfTwoThatFindNobodyOneWins) {
  const auto store = std::make_shared<sim::MemoryDocumentStore>();
  ManualClock clock;
  std::unique_ptr<Lease> faster;
  // Between the slower one's look and its write the other acquires.
  auto slow = Watched(store, [&](const CallSite& site) {
    if (site.writes && !faster) {
      auto acquired = Lease::Acquire(*store, "plan", Elsewhere(), clock, kCall);
      EXPECT_TRUE(acquired);
      faster = std::move(acquired).value_or(nullptr);
    }
    return Fault::kNone;
  });
  const auto slower = Lease::Acquire(slow, "plan", ThisProcess(), clock, kCall);
  ASSERT_FALSE(slower);
  EXPECT_EQ(slower.error().code, ErrorCode::kLeaseHeld);
  EXPECT_TRUE(faster->Check());
  EXPECT_TRUE(faster->Renew(kCall));
}

TEST(LeaseRace, OfTwoThatFindADeadHolderOneWins) {
  const auto store = std::make_shared<sim::MemoryDocumentStore>();
  ManualClock clock;
  ProcessIdentity dead = ThisProcess();
  dead.pid = 1'000'000'000;
  const auto held = Lease::Acquire(*store, "plan", dead, clock, kCall);
  std::unique_ptr<Lease> faster;
  auto slow = Watched(store, [&](const CallSite& site) {
    if (site.writes && !faster) {
      faster = Lease::Acquire(*store, "plan", Elsewhere(), clock, kCall).value();
    }
    return Fault::kNone;
  });
  ASSERT_FALSE(Lease::Acquire(slow, "plan", ThisProcess(), clock, kCall));
  EXPECT_TRUE(faster->Check());
  EXPECT_FALSE((*held)->Renew(kCall));
}

TEST(LeaseRace, AReplyThatGetsLostLosesNoLease) {
  const auto store = std::make_shared<sim::MemoryDocumentStore>();
  ManualClock clock;
  bool loses = false;
  auto lossy = Watched(store, [&](const CallSite& site) {
    return loses && site.writes ? Fault::kLoseReply : Fault::kNone;
  });
  const auto lease = Lease::Acquire(lossy, "plan", ThisProcess(), clock, kCall);
  ASSERT_TRUE(lease);
  loses = true;
  EXPECT_EQ((*lease)->Renew(kCall).error().code, ErrorCode::kOutcomeUnknown);
  loses = false;
  clock.Advance(kLeaseRenewal);
  EXPECT_TRUE((*lease)->Renew(kCall));
  EXPECT_TRUE((*lease)->Check());
  EXPECT_TRUE((*lease)->Release());
}

/// A store that refuses everything while it is `away`, with the patience that elections need.
RetryingDocumentStore PatientWhile(const bool& away, Clock& clock) {
  return RetryingDocumentStore(
      std::make_shared<FaultyDocumentStore>(
          Watched(std::make_shared<sim::MemoryDocumentStore>(),
                  [&away](const CallSite&) { return away ? Fault::kRefuse : Fault::kNone; })),
      std::make_shared<RetryPolicy>(clock, Random(1), PatientWithElections()));
}

TEST(LeaseRace, ReleaseDoesNotWaitForAStoreThatIsAway) {
  ManualClock clock;
  bool away = false;
  RetryingDocumentStore store = PatientWhile(away, clock);
  const auto lease = Lease::Acquire(store, "plan", ThisProcess(), clock, kCall);
  ASSERT_TRUE(lease);
  away = true;  // NOLINT(clang-analyzer-deadcode.DeadStores): the store looks at it
  const SteadyTime before = clock.Steady();
  EXPECT_FALSE((*lease)->Release());
  EXPECT_LT(clock.Steady() - before, kReleasePatience * 2);
  EXPECT_EQ((*lease)->Check().error().code, ErrorCode::kLeaseHeld);
}

TEST(LeaseRace, CheckHeedsTheStopOfItsRequest) {
  ManualClock clock;
  bool away = false;
  RetryingDocumentStore store = PatientWhile(away, clock);
  const auto lease = Lease::Acquire(store, "plan", ThisProcess(), clock, kCall);
  ASSERT_TRUE(lease);
  clock.Advance(kLeaseTimeToLive - kRequestTimeout);
  away = true;  // NOLINT(clang-analyzer-deadcode.DeadStores): the store looks at it
  const SteadyTime before = clock.Steady();
  Call call;
  call.may_repeat = [] { return Fail(ErrorCode::kCancelled, ""); };
  EXPECT_EQ((*lease)->Check(call).error().code, ErrorCode::kCancelled);
  EXPECT_EQ(clock.Steady(), before);
}

TEST(LeaseRace, HolderThatCannotRenewStopsBeforeAnotherMayStart) {
  const auto store = std::make_shared<sim::MemoryDocumentStore>();
  ManualClock clock;
  bool away = false;
  auto gone = Watched(store, [&](const CallSite& site) {
    return away && site.writes ? Fault::kRefuse : Fault::kNone;
  });
  const auto lease = Lease::Acquire(gone, "plan", Elsewhere(), clock, kCall);
  ASSERT_TRUE(lease);
  away = true;  // NOLINT(clang-analyzer-deadcode.DeadStores): the store looks at it
  const SteadyTime held = clock.Steady();
  while ((*lease)->Check()) {
    EXPECT_FALSE((*lease)->Renew(kCall));
    clock.Advance(Millis{100});
  }
  EXPECT_LE(clock.Steady() - held + kRequestTimeout, kLeaseTimeToLive);
}

TEST(AuditRace, ManyWritersMakeOneChain) {
  sim::MemoryDocumentStore store;
  ManualClock clock;
  constexpr int kWriters = 4;
  constexpr int kEntries = 25;
  {
    std::vector<std::jthread> writers;
    for (int writer = 0; writer < kWriters; ++writer) {
      writers.emplace_back([&store, &clock, writer] {
        for (int entry = 0; entry < kEntries; ++entry) {
          const std::string detail = std::to_string(writer) + " " + std::to_string(entry);
          EXPECT_TRUE(AppendAudit(store, clock, {"act", detail, "run"}, {}, kCall));
        }
      });
    }
  }
  const auto verdict = VerifyAudit(store, kCall);
  ASSERT_TRUE(verdict);
  EXPECT_TRUE(verdict->problems.empty());
  EXPECT_EQ(verdict->head.number, kWriters * kEntries);
  EXPECT_EQ(ReadAuditHead(store, kCall)->hash, verdict->head.hash);
}

TEST(AuditRace, AnEntryWrittenBetweenLookAndWriteGetsTheNumberBefore) {
  const auto store = std::make_shared<sim::MemoryDocumentStore>();
  ManualClock clock;
  bool raced = false;
  auto slow = Watched(store, [&](const CallSite& site) {
    if (site.writes && !raced) {
      raced = true;
      EXPECT_TRUE(AppendAudit(*store, clock, {"act", "faster", "run"}, {}, kCall));
    }
    return Fault::kNone;
  });
  ASSERT_TRUE(AppendAudit(slow, clock, {"act", "slower", "run"}, {}, kCall));
  const Value second = Value::Int64(2);
  const auto found = store->FindByIds(journal::kAudit, {&second, 1}, kCall);
  EXPECT_EQ(StringField(found->front()->view(), "detail"), "slower");
  EXPECT_TRUE(VerifyAudit(*store, kCall)->problems.empty());
}

TEST(AuditRace, AnEntryWhoseReplyGotLostStandsThereOnce) {
  const auto store = std::make_shared<sim::MemoryDocumentStore>();
  ManualClock clock;
  // As a retrying store: the write happens, and is made again.
  auto repeating = Watched(store, [&](const CallSite& site) {
    if (site.writes) {
      EXPECT_TRUE(AppendAudit(*store, clock, {"act", "once", "run"}, {}, kCall));
    }
    return Fault::kNone;
  });
  ASSERT_TRUE(AppendAudit(repeating, clock, {"act", "once", "run"}, {}, kCall));
  EXPECT_EQ(*store->Count(journal::kAudit, kCall), 1U);
}

const LedgerTarget kItems{LedgerTarget::Store::kDocuments, "items"};

Status WriteAll(Ledger& ledger, std::span<const Value> ids, const std::optional<Md5Digest>& after) {
  std::vector<LedgerEntry> entries;
  for (const Value& id : ids) {
    entries.push_back({.id = id, .before = {}, .after = after, .text = {}});
  }
  REHOME_TRY_ASSIGN(const auto batch, ledger.Open(kItems, entries, kCall));
  return ledger.Close(batch, std::vector<bool>(ids.size(), true), kCall);
}

TEST(LedgerRace, ADeleteDecidesUntilAllThatItSupersedesIsGone) {
  const auto store = std::make_shared<sim::MemoryDocumentStore>();
  const std::vector<Value> ids{Value::Int32(1), Value::Int32(2), Value::Int32(3)};
  Ledger faster(*store, "run", 1);
  ASSERT_TRUE(WriteAll(faster, ids, Md5("x")));
  // The slower one has opened and closed its delete, and read what that supersedes.
  constexpr int kReduces = 3;
  int writes = 0;
  auto watched = Watched(store, [&](const CallSite& site) {
    if (site.writes && ++writes == kReduces) {
      EXPECT_TRUE(WriteAll(faster, std::span(ids).subspan(1, 1), {}));
    }
    return Fault::kNone;
  });
  Ledger slower(watched, "run", 2);
  ASSERT_TRUE(WriteAll(slower, std::span(ids).first(1), {}));
  const auto histories = faster.Find(kItems, ids, kCall);
  ASSERT_TRUE(histories);
  ASSERT_NE((*histories)[0].LastDone(), nullptr);  // its insert still stands beside the third's
  EXPECT_FALSE((*histories)[0].LastDone()->after);
  EXPECT_EQ((*histories)[1].LastDone(), nullptr);
  EXPECT_EQ((*histories)[2].LastDone()->after, Md5("x"));
}

}  // namespace
}  // namespace rehome
