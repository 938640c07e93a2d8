// The journal over a store in memory: what the stages rely on after a crash.
#include <gtest/gtest.h>

#include <array>
#include <map>
#include <set>

#include "base/random.h"
#include "journal/audit.h"
#include "journal/lease.h"
#include "journal/ledger.h"
#include "journal/names.h"
#include "journal/quarantine.h"
#include "journal/ranges.h"
#include "journal/run_record.h"
#include "journal/saved.h"
#include "model/extended_json.h"
#include "model/sort_key.h"
#include "ports/scan.h"
#include "sim/memory_document_store.h"
#include "tests/support/journal.h"

namespace rehome {
namespace {

using testing_support::DeadHere;
using testing_support::Elsewhere;
using testing_support::kCall;

TEST(Lease, LiveHolderHereIsRefusedAndADeadOneReplacedAtOnceWithAHigherEpoch) {
  sim::MemoryDocumentStore store;
  ManualClock clock;
  const auto dead = Lease::Acquire(store, "plan", DeadHere(), clock, kCall);
  ASSERT_TRUE(dead);
  const auto living = Lease::Acquire(store, "plan", ThisProcess(), clock, kCall);
  ASSERT_TRUE(living);
  EXPECT_GT((*living)->epoch(), (*dead)->epoch());
  const auto refused = Lease::Acquire(store, "plan", DeadHere(), clock, kCall);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kLeaseHeld);
}

TEST(Lease, WhatADeadHolderWroteLastIsAwaited) {
  sim::MemoryDocumentStore store({.writes_outlive = Millis{3000}});
  ManualClock clock;
  const auto dead = Lease::Acquire(store, "plan", DeadHere(), clock, kCall);
  const SteadyTime before = clock.Steady();
  const auto living = Lease::Acquire(store, "plan", ThisProcess(), clock, kCall);
  ASSERT_TRUE(living);
  EXPECT_EQ(clock.Steady() - before, Millis{3000});
}

TEST(Lease, HolderThatWasReplacedNoticesAtItsRenewalAndWritesNothingMore) {
  sim::MemoryDocumentStore store;
  ManualClock clock;
  const auto dead = Lease::Acquire(store, "plan", DeadHere(), clock, kCall);
  const auto living = Lease::Acquire(store, "plan", ThisProcess(), clock, kCall);
  EXPECT_TRUE((*dead)->Check());
  EXPECT_EQ((*dead)->Renew(kCall).error().code, ErrorCode::kLeaseHeld);
  EXPECT_EQ((*dead)->Check().error().code, ErrorCode::kLeaseHeld);
  EXPECT_TRUE((*living)->Check());
}

TEST(Lease, CounterOfAnotherHostThatStandsStillForOneTimeToLiveIsTakenOver) {
  sim::MemoryDocumentStore store;
  ManualClock clock;
  const auto other = Lease::Acquire(store, "plan", Elsewhere(), clock, kCall);
  const SteadyTime before = clock.Steady();
  const auto mine = Lease::Acquire(store, "plan", ThisProcess(), clock, kCall);
  ASSERT_TRUE(mine);
  EXPECT_GE(clock.Steady() - before, kLeaseTimeToLive);
}

TEST(Lease, CheckRenewsALeaseThatARequestCouldOutlive) {
  sim::MemoryDocumentStore store;
  ManualClock clock;
  const auto lease = Lease::Acquire(store, "plan", ThisProcess(), clock, kCall);
  for (const Millis asleep : {kLeaseTimeToLive - kRequestTimeout, kLeaseTimeToLive * 4}) {
    clock.Advance(asleep);
    const auto before = store.FindByIds("rehome_leases", std::array{Value::String("plan")}, kCall);
    EXPECT_TRUE((*lease)->Check());
    const auto after = store.FindByIds("rehome_leases", std::array{Value::String("plan")}, kCall);
    EXPECT_NE(before->front(), after->front());
  }
  EXPECT_TRUE((*lease)->Release());
  EXPECT_FALSE((*lease)->Check());
  EXPECT_TRUE(Lease::Acquire(store, "plan", Elsewhere(), clock, kCall));
}

TEST(Lease, CheckAfterASleepFindsThatSomebodyElseHasIt) {
  sim::MemoryDocumentStore store;
  ManualClock clock;
  const auto slept = Lease::Acquire(store, "plan", Elsewhere(), clock, kCall);
  const auto other = Lease::Acquire(store, "plan", ThisProcess(), clock, kCall);
  ASSERT_TRUE(other);
  EXPECT_EQ((*slept)->Check().error().code, ErrorCode::kLeaseHeld);
  EXPECT_TRUE((*other)->Check());
}

TEST(Ledger, JudgesOursChangedForeignAndOpen) {
  sim::MemoryDocumentStore store;
  ASSERT_TRUE(Ledger::Prepare(store, kCall));
  Ledger first(store, "run", 1);
  const LedgerTarget items{LedgerTarget::Store::kDocuments, "items"};
  const Md5Digest ours = Md5("ours");
  const std::array entries{
      LedgerEntry{.id = Value::Int32(5), .before = {}, .after = ours, .text = {}},
      LedgerEntry{.id = Value::String("5"), .before = {}, .after = ours, .text = {}}};
  const auto batch = first.Open(items, entries, kCall);
  const std::array ids{Value::Double(5.0), Value::String("5"), Value::Int32(6)};
  auto found = first.Find(items, ids, kCall);
  EXPECT_EQ(Judge((*found)[0], ours), Ownership::kOurs);
  EXPECT_EQ(Judge((*found)[0], Md5("other")), Ownership::kForeign);
  ASSERT_TRUE(first.Close(*batch, {true, false}, kCall));
  found = first.Find(items, ids, kCall);
  EXPECT_EQ(Judge((*found)[0], Md5("other")), Ownership::kChanged);
  EXPECT_EQ(Judge((*found)[1], ours), Ownership::kForeign);
  EXPECT_EQ(Judge((*found)[2], ours), Ownership::kForeign);
  const auto vectors = first.Find({LedgerTarget::Store::kVectors, "items"}, ids, kCall);
  EXPECT_TRUE((*vectors)[0].steps.empty());
}

TEST(Ledger, ABatchSpansTargetsAndTellsThemApart) {
  sim::MemoryDocumentStore store;
  ASSERT_TRUE(Ledger::Prepare(store, kCall));
  Ledger ledger(store, "run", 1);
  const Value id = Value::String("a");
  const auto both = [&](const std::optional<Md5Digest>& after) {
    const LedgerEntry entry{.id = id, .before = {}, .after = after, .text = {}};
    return std::vector<Ledger::Intent>{{{LedgerTarget::Store::kVectors, "one"}, {entry}},
                                       {{LedgerTarget::Store::kVectors, "two"}, {entry}}};
  };
  const auto judged = [&](const std::string& ns) {
    return Judge(ledger.Find({LedgerTarget::Store::kVectors, ns}, {&id, 1}, kCall)->front(),
                 Md5("a"));
  };
  const auto written = ledger.Open(both(Md5("a")), kCall);
  ASSERT_TRUE(written && ledger.Close(*written, {true, false}, kCall));
  EXPECT_EQ(judged("one"), Ownership::kOurs);
  EXPECT_EQ(judged("two"), Ownership::kForeign);
  const auto deleted = ledger.Open(both(std::nullopt), kCall);
  ASSERT_TRUE(deleted && ledger.Close(*deleted, {true, true}, kCall));
  EXPECT_EQ(*store.Count(journal::kIntents, kCall), 0U);
}

TEST(Ledger, AnIdThatIsAskedForTwiceHasItsHistoryTwice) {
  sim::MemoryDocumentStore store;
  ASSERT_TRUE(Ledger::Prepare(store, kCall));
  Ledger ledger(store, "run", 1);
  const LedgerTarget target{LedgerTarget::Store::kVectors, "ns"};
  const std::vector<Value> ids{Value::String("a"), Value::String("b"), Value::String("a")};
  const LedgerEntry entry{.id = ids[0], .before = {}, .after = Md5("a"), .text = {}};
  const auto batch = ledger.Open(target, {&entry, 1}, kCall);
  ASSERT_TRUE(batch);
  ASSERT_TRUE(ledger.Close(*batch, {true}, kCall));
  const auto histories = ledger.Find(target, ids, kCall);
  ASSERT_TRUE(histories);
  EXPECT_EQ(Judge(histories->at(0), Md5("a")), Ownership::kOurs);
  EXPECT_EQ(Judge(histories->at(1), Md5("a")), Ownership::kForeign);
  EXPECT_EQ(Judge(histories->at(2), Md5("a")), Ownership::kOurs);
}

TEST(Ledger, WhatADeadRunnerLeftOpenIsFoundByTheNextEpochAlone) {
  sim::MemoryDocumentStore store;
  ASSERT_TRUE(Ledger::Prepare(store, kCall));
  const LedgerTarget items{LedgerTarget::Store::kDocuments, "items"};
  std::vector<LedgerEntry> entries;
  for (int id = 0; id < 300; ++id) {
    entries.push_back({.id = Value::Int32(id), .before = {}, .after = Md5("x"), .text = {}});
  }
  Ledger first(store, "run", 1);
  ASSERT_TRUE(first.Open(items, entries, kCall));
  EXPECT_TRUE(first.LeftOpen(kCall)->empty());
  const Ledger second(store, "run", 2);
  const auto left = second.LeftOpen(kCall);
  ASSERT_EQ(left->size(), 3U);
  EXPECT_EQ((*left)[2].entries.size(), 300U - 2 * Ledger::kEntriesMax);
}

/// A ledger beside the log of everything that was ever closed, which the histories are held against.
class LedgerAndLog {
 public:
  void Write(std::span<const Value> ids, int version, Random& chance) {
    std::vector<LedgerEntry> entries;
    std::vector<bool> written;
    for (const Value& id : ids) {
      entries.push_back(
          {.id = id, .before = {}, .after = Md5(std::to_string(version)), .text = {}});
      written.push_back(chance.Below(4) != 0);
      if (written.back()) {
        log_[SortKey(id.view())] = *entries.back().after;
      }
    }
    const auto batch = ledger.Open(target, entries, kCall);
    ASSERT_TRUE(batch && ledger.Close(*batch, written, kCall));
  }

  void ExpectLogged(std::span<const Value> ids, const std::vector<OwnedHistory>& histories) {
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const OwnedHistory::Step* last = histories[i].LastDone();
      EXPECT_EQ(last == nullptr ? std::nullopt : last->after, log_[SortKey(ids[i].view())]);
    }
  }

  sim::MemoryDocumentStore store;
  Ledger ledger{store, "run", 1};
  const LedgerTarget target{LedgerTarget::Store::kDocuments, "items"};

 private:
  std::map<std::string, std::optional<Md5Digest>> log_;
};

TEST(Ledger, KeepsTheSizeOfWhatStandsHoweverOftenItIsWritten) {
  Random chance(1);
  LedgerAndLog both;
  std::vector<Value> all;
  for (int id = 0; id < 100; ++id) {
    all.push_back(id % 2 == 0 ? Value::Int32(id) : Value::String(std::to_string(id)));
  }
  both.Write(all, 0, chance);
  std::uint64_t records_max = 0;
  for (int version = 1; version <= 300; ++version) {
    // A few hot ones in every batch, and others that come by now and then.
    std::set<std::size_t> some{0, 1, 2};
    while (some.size() < 12) {
      some.insert(chance.Below(all.size()));
    }
    std::vector<Value> ids;
    for (const std::size_t index : some) {
      ids.push_back(all[index]);
    }
    const auto histories = both.ledger.FindToWrite(both.target, ids, kCall);
    ASSERT_TRUE(histories);
    both.ExpectLogged(ids, *histories);
    both.Write(ids, version, chance);
    records_max = std::max(records_max, *both.store.Count(journal::kIntents, kCall));
  }
  both.ExpectLogged(all, *both.ledger.Find(both.target, all, kCall));
  EXPECT_LT(records_max, 150U);  // of 302 that were written
}

TEST(Ledger, AnOpenRecordIsClosedByWhomItWaitsForWhateverWasWrittenSince) {
  sim::MemoryDocumentStore store;
  const LedgerTarget items{LedgerTarget::Store::kDocuments, "items"};
  const Value id = Value::Int32(1);
  const auto entry = [&](std::string_view text) {
    return LedgerEntry{.id = id, .before = {}, .after = Md5(text), .text = {}};
  };
  Ledger dead(store, "run", 1);
  const LedgerEntry left_open = entry("left open");
  ASSERT_TRUE(dead.Open(items, {&left_open, 1}, kCall));
  Ledger next(store, "run", 2);
  const auto left = next.LeftOpen(kCall);
  ASSERT_EQ(left->size(), 1U);
  for (int version = 0; version < 20; ++version) {
    ASSERT_TRUE(next.FindToWrite(items, {&id, 1}, kCall));
    const LedgerEntry written = entry(std::to_string(version));
    ASSERT_TRUE(next.Close(*next.Open(items, {&written, 1}, kCall), {true}, kCall));
  }
  EXPECT_EQ(next.LeftOpen(kCall)->size(), 1U);
  ASSERT_TRUE(next.Close(left->front(), {true}, kCall));
  EXPECT_TRUE(next.LeftOpen(kCall)->empty());
  const auto histories = next.FindToWrite(items, {&id, 1}, kCall);
  EXPECT_EQ(histories->front().LastDone()->after, Md5("19"));
  EXPECT_EQ(*store.Count(journal::kIntents, kCall), 1U);
}

TEST(Ledger, OfWhatWasNotWrittenOrWasDeletedNothingStays) {
  LedgerAndLog both;
  const Value id = Value::Int32(1);
  LedgerEntry entry{.id = id, .before = {}, .after = Md5("x"), .text = {}};
  const auto close = [&](bool written) {
    const auto batch = both.ledger.Open(both.target, {&entry, 1}, kCall);
    return both.ledger.Close(*batch, {written}, kCall);
  };
  ASSERT_TRUE(close(false));
  EXPECT_EQ(*both.store.Count(journal::kIntents, kCall), 0U);
  ASSERT_TRUE(close(true));
  ASSERT_TRUE(close(true));
  EXPECT_EQ(*both.store.Count(journal::kIntents, kCall), 2U);
  entry.after = {};
  ASSERT_TRUE(close(true));
  EXPECT_EQ(*both.store.Count(journal::kIntents, kCall), 0U);
}

TEST(Ranges, StartThatWasCutOffHalfWayIsNoStart) {
  sim::MemoryDocumentStore store;
  Ranges ranges(store, "run", Phase::kItems);
  const std::vector<IdRange> cut{{.after = {}, .upto = Value::Int32(1)},
                                 {.after = Value::Int32(1), .upto = {}}};
  const auto started = ranges.Start(cut, kCall);
  ASSERT_EQ(ranges.Load(kCall)->size(), 2U);
  const Value second = Value::String("run:2:00001");
  const auto found = store.FindByIds(journal::kRanges, {&second, 1}, kCall);
  const Write gone = Write::Delete(*found->front());
  ASSERT_TRUE(store.Apply(journal::kRanges, {&gone, 1}, {}, kCall));
  EXPECT_TRUE(ranges.Load(kCall)->empty());
}

TEST(Quarantine, LooksOnceWhetherThereIsAnythingToTakeOut) {
  /// Counts what is read by id.
  struct Store final : sim::MemoryDocumentStore {
    Result<std::vector<std::optional<Document>>> FindByIds(std::string_view collection,
                                                           std::span<const Value> ids,
                                                           const Call& call) override {
      reads += ids.size();
      return MemoryDocumentStore::FindByIds(collection, ids, call);
    }
    std::size_t reads = 0;
  } store;
  const Document job = DocumentBuilder().Int32("_id", 1).Finish();
  const Value id(job.Id());
  const Quarantined one{
      {.source_id = id, .reason = QuarantineReason::kSchema, .detail = "d", .digest = {}}, &job};
  Quarantine quarantine(store, "run");
  Quarantine other(store, "another run");
  ASSERT_TRUE(other.Add({&one, 1}, kCall));
  store.reads = 0;
  ASSERT_TRUE(quarantine.Remove({&id, 1}, kCall));
  EXPECT_EQ(store.reads, 0U);
  ASSERT_TRUE(quarantine.Add({&one, 1}, kCall));
  ASSERT_TRUE(quarantine.Remove({&id, 1}, kCall));
  EXPECT_EQ(*quarantine.Count(kCall), 0U);
  ASSERT_TRUE(quarantine.Add({&one, 1}, kCall));
  Quarantine next(store, "run");  // of the next runner
  ASSERT_TRUE(next.Remove({&id, 1}, kCall));
  EXPECT_EQ(*next.Count(kCall), 0U);
  EXPECT_EQ(*other.Count(kCall), 1U);
}

TEST(Quarantine, HoldsADocumentLargerThanOnePartAndForgetsIt) {
  sim::MemoryDocumentStore store;
  Quarantine quarantine(store, "run");
  const Document large = DocumentBuilder()
                             .Int32("_id", 1)
                             .String("text", std::string(std::size_t{20} << 20U, 'x'))
                             .Finish();
  const Value id(large.Id());
  const Quarantined one{
      {.source_id = id, .reason = QuarantineReason::kSchema, .detail = "d", .digest = {}}, &large};
  ASSERT_TRUE(quarantine.Add({&one, 1}, kCall));
  EXPECT_EQ(**quarantine.FindDocument(id, kCall), large);
  ASSERT_TRUE(quarantine.Remove({&id, 1}, kCall));
  EXPECT_EQ(*quarantine.Count(kCall), 0U);
  EXPECT_EQ(*store.Count(journal::kQuarantineDocuments, kCall), 0U);
}

TEST(Saved, HoldsADocumentThatNoRecordCouldHold) {
  constexpr std::size_t kDocumentBytesMax = std::size_t{16} << 20U;
  sim::MemoryDocumentStore store;
  Saved saved(store, "run");
  const auto of = [](std::size_t bytes) {
    return DocumentBuilder().Int32("_id", 1).String("text", std::string(bytes, 'x')).Finish();
  };
  const std::array documents{of(kDocumentBytesMax - 30), of(3)};
  for (int again = 0; again < 2; ++again) {
    ASSERT_TRUE(saved.Add("why", "items", documents, kCall));
  }
  const auto kept = saved.List(kCall);
  ASSERT_EQ(kept->size(), 2U);
  for (const Document& document : documents) {
    const std::string json = ToExtendedJson(document.view(), JsonMode::kCanonical);
    EXPECT_TRUE(std::ranges::any_of(*kept, [&](const SavedDatum& d) { return d.json == json; }));
  }
  int parts = 0;
  for (const auto collection : {journal::kSaved, journal::kSavedDocuments}) {
    ASSERT_TRUE(ForEachBatch(store, collection, {}, kCall, [&](const std::vector<Document>& batch) {
      for (const Document& document : batch) {
        EXPECT_LT(document.bytes().size(), kDocumentBytesMax);
        parts += collection == journal::kSavedDocuments ? 1 : 0;
      }
      return Status{};
    }));
  }
  EXPECT_EQ(parts, 2);
}

TEST(Audit, GoesOnBehindAnEntryThatWasTakenOutAndTheGapStays) {
  sim::MemoryDocumentStore store;
  ManualClock clock;
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(AppendAudit(store, clock, {"act", "detail", ""}, {}, kCall));
  }
  const Value third = Value::Int64(3);
  const auto found = store.FindByIds(journal::kAudit, {&third, 1}, kCall);
  ASSERT_TRUE(found.has_value() && found->front().has_value());
  const Write gone = Write::Delete(*found->front());
  ASSERT_TRUE(store.Apply(journal::kAudit, {&gone, 1}, {}, kCall));
  EXPECT_EQ(ReadAuditHead(store, kCall)->number, 5);
  ASSERT_TRUE(AppendAudit(store, clock, {"act", "more", ""}, {}, kCall));
  EXPECT_EQ(ReadAuditHead(store, kCall)->number, 6);
  const auto verdict = VerifyAudit(store, kCall);
  ASSERT_EQ(verdict->breaks.size(), 1U);
  EXPECT_TRUE(verdict->breaks.front().gap);
}

TEST(Audit, AnEndThatWasCutOffStaysAGapWhateverIsAddedLater) {
  sim::MemoryDocumentStore store;
  ManualClock clock;
  AuditHead head;
  for (int i = 0; i < 3; ++i) {
    const auto added = AppendAudit(store, clock, {"act", "detail", "run"}, head, kCall);
    ASSERT_TRUE(added);
    head = *added;
  }
  EXPECT_EQ(ReadAuditHead(store, kCall)->hash, head.hash);
  const Value last = Value::Int64(head.number);
  const auto found = store.FindByIds(journal::kAudit, {&last, 1}, kCall);
  ASSERT_TRUE(found.has_value() && found->front().has_value());
  const Write gone = Write::Delete(*found->front());
  ASSERT_TRUE(store.Apply(journal::kAudit, {&gone, 1}, {}, kCall));
  ASSERT_TRUE(AppendAudit(store, clock, {"act", "after", "run"}, head, kCall));
  EXPECT_EQ(ReadAuditHead(store, kCall)->number, head.number + 1);
  EXPECT_EQ(VerifyAudit(store, kCall)->breaks.size(), 1U);
}

TEST(Audit, EditedEntryBreaksTheChain) {
  sim::MemoryDocumentStore store;
  ManualClock clock;
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(AppendAudit(store, clock, {"act", "detail", "run"}, {}, kCall));
  }
  EXPECT_TRUE(VerifyAudit(store, kCall)->problems.empty());
  const Write edit =
      Write::Put(DocumentBuilder().Int64("_id", 2).String("action", "another").Finish());
  ASSERT_TRUE(store.Apply(journal::kAudit, {&edit, 1}, {}, kCall));
  EXPECT_FALSE(VerifyAudit(store, kCall)->problems.empty());
}

}  // namespace
}  // namespace rehome
