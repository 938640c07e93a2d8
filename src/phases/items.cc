// Phase 2. The source is cut into key ranges that cover everything; each is read in batches, mapped
// on the reader's thread and written by one writer. A range's checkpoint moves after its batch is
// closed in the ledger, so a resume reads at most one batch per range again, and finds it there.
// The change feed's position is taken before the first read: what changes meanwhile is named by it
// and reconciled after the ranges that hold it are durable.
#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "flow/item_writer.h"
#include "flow/pump.h"
#include "flow/reconcile.h"
#include "flow/remover.h"
#include "journal/ranges.h"
#include "model/extended_json.h"
#include "model/item.h"
#include "phases/feeds.h"
#include "phases/phases.h"
#include "phases/stamp.h"
#include "phases/target_collections.h"

namespace rehome {
namespace {

// Large batches pay fewer syncs; the byte bound keeps the queued ones small.
constexpr std::size_t kBatchCount = 4000;
constexpr std::size_t kBatchBytes = std::size_t{8} << 20U;
constexpr std::size_t kRangesPerReader = 4;
constexpr std::size_t kIdsNamedMax = 20;

struct ItemsBatch {
  std::size_t range = 0;
  std::vector<MappedRow> rows;
  bool last = false;
};

std::size_t WorkerCount(const LimitsPlan& limits) {
  return limits.workers > 0 ? static_cast<std::size_t>(limits.workers)
                            : std::max(1U, std::thread::hardware_concurrency());
}

/// {validator: {$jsonSchema: …}} where the plan has a schema.
Document ItemsOptions(const ItemsPlan& items) {
  DocumentBuilder options;
  if (items.schema) {
    options.Append("validator", DocumentBuilder().Append("$jsonSchema", *items.schema).Finish());
  }
  return options.Finish();
}

/// Refuses a target that holds documents under the `_id`s of the source that are not ours.
Status PrepareTarget(Session& session) {
  const ItemsPlan& items = session.plan().items;
  REHOME_TRY(CreateTargetCollection(session, items.to, ItemsOptions(items)));
  return session.target().EnsureIndex(
      items.to, {.name = "item_id_unique", .paths = {"item_id"}, .unique = true}, session.call());
}

class ItemsScan {
 public:
  ItemsScan(Session& session, Ranges& journal, std::vector<RangeRecord> ranges)
      : session_(session), journal_(journal), ranges_(std::move(ranges)) {}

  Status Run(std::uint64_t total) {
    total_ = total;
    for (const RangeRecord& range : ranges_) {
      done_ += range.read;
    }
    std::vector<std::size_t> open;
    for (std::size_t i = 0; i < ranges_.size(); ++i) {
      if (!ranges_[i].done) {
        open.push_back(i);
      }
    }
    const std::size_t threads = WorkerCount(session_.plan().limits) - 1;
    return Pump<ItemsBatch>::Run(
        open.size(), {.threads = threads, .scheduler = session_.flow().scheduler},
        session_.call().stop, [&](std::size_t part) { return Open(open[part]); },
        [&](ItemsBatch batch) { return Write(std::move(batch)); });
  }

  [[nodiscard]] const std::vector<RangeRecord>& ranges() const { return ranges_; }

 private:
  Result<Pump<ItemsBatch>::Source> Open(std::size_t range) {
    REHOME_TRY_ASSIGN(auto opened, session_.source().Scan(session_.plan().items.from,
                                                          ranges_[range].Rest(), session_.call()));
    const std::shared_ptr<DocumentCursor> cursor = std::move(opened);
    return [this, range, cursor, ended = false]() mutable -> Result<std::optional<ItemsBatch>> {
      if (ended) {
        return std::nullopt;
      }
      REHOME_TRY_ASSIGN(auto documents, cursor->Next(kBatchCount, kBatchBytes));
      ended = documents.empty();
      return ItemsBatch{
          .range = range, .rows = MapRows(session_.mapper(), std::move(documents)), .last = ended};
    };
  }

  Status Write(ItemsBatch batch) {
    RangeRecord& range = ranges_[batch.range];
    if (batch.last) {
      range.done = true;
      return journal_.Save(range, session_.finishing_call());
    }
    REHOME_TRY_ASSIGN(const ItemsWritten written,
                      WriteItems(session_.flow(), batch.rows, session_.finishing_call()));
    if (!written.unresolved.empty()) {
      REHOME_TRY(Ledger::PrepareToFind(session_.target(), session_.finishing_call()));
    }
    REHOME_TRY_ASSIGN(const Reconciled reconciled,
                      Reconcile(session_.flow(), written.unresolved, VectorMode::kLater,
                                session_.finishing_call()));
    if (!written.unresolved
             .empty()) {  // durable before the checkpoint: their digests are not in the range's sum
      session_.run().items_reconciled = true;
      REHOME_TRY(session_.Save());
    }
    if (!reconciled.conflicts.empty()) {
      return Fail(
          ErrorCode::kFailedPrecondition,
          fmt::format("{} already holds {} documents that this run did not write, the first {}",
                      session_.plan().items.to, reconciled.conflicts.size(),
                      reconciled.conflicts.front()),
          "nothing of them was touched; remove or rename them, or give `items.to` another "
          "collection");
    }
    range.read += batch.rows.size();
    range.written.Add(written.written);
    range.counts["inserted"] += static_cast<std::int64_t>(written.inserted);
    range.reached = Value(batch.rows.back().source.Id());
    REHOME_TRY(journal_.Save(range, session_.finishing_call()));
    done_ += batch.rows.size();
    quarantined_ += written.quarantined + reconciled.quarantined;
    session_.events().Advanced({.phase = Phase::kItems,
                                .step = session_.plan().items.from,
                                .done = done_,
                                .total = total_,
                                .quarantined = quarantined_});
    return {};
  }

  Session& session_;
  Ranges& journal_;
  std::vector<RangeRecord> ranges_;
  std::uint64_t done_ = 0;
  std::uint64_t total_ = 0;
  std::uint64_t quarantined_ = 0;
};

/// The ranges of the phase, from the journal or cut now. The feed's position is saved before the
/// first read.
Result<std::vector<RangeRecord>> LoadOrCut(Session& session, Ranges& journal) {
  REHOME_TRY_ASSIGN(auto ranges, journal.Load(session.call()));
  if (!ranges.empty()) {
    return ranges;
  }
  REHOME_TRY(TakeForwardPosition(session));
  const std::size_t workers = WorkerCount(session.plan().limits);
  const std::size_t wanted = workers == 1 ? 1 : (workers - 1) * kRangesPerReader;
  REHOME_TRY_ASSIGN(const auto cut, session.source().SplitRanges(session.plan().items.from, wanted,
                                                                 session.call()));
  return journal.Start(cut, session.call());
}

/// About how many documents there are to read: what phase 0 counted, where it backed them up.
Result<std::uint64_t> ExpectedCount(Session& session) {
  const std::string& from = session.plan().items.from;
  for (const RestorePoint& point : session.run().restore_points) {
    const auto counted = point.counts.find(from);
    if (point.phase == Phase::kPrepare && counted != point.counts.end()) {
      return static_cast<std::uint64_t>(counted->second);
    }
  }
  return session.source().Count(from, session.call());
}

/// Names the documents that changed while the source was read, and applies them: the next run finds
/// them done.
Status RefuseChangedSource(Session& session, const Drained& drained) {
  if (drained.ids.empty()) {
    return {};
  }
  std::string named;
  for (std::size_t i = 0; i < std::min(drained.ids.size(), kIdsNamedMax); ++i) {
    named += fmt::format("{}{}", i == 0 ? "" : ", ",
                         ToExtendedJson(drained.ids[i].view(), JsonMode::kRelaxed));
  }
  return Fail(
      ErrorCode::kCheckFailed,
      fmt::format("{} documents of {} changed while phase 2 read them: {}{}", drained.ids.size(),
                  session.plan().items.from, named, drained.ids.size() > kIdsNamedMax ? ", …" : ""),
      "their items were brought up to date; run again to go on, or use `rehome run --online` "
      "beside a writing application");
}

}  // namespace

Result<PhaseOutcome> RunItems(Session& session, bool online) {
  const Call& call = session.call();
  REHOME_TRY(PrepareTarget(session));
  Ranges journal(session.target(), session.run().run_id, Phase::kItems);
  REHOME_TRY_ASSIGN(auto ranges, LoadOrCut(session, journal));
  REHOME_TRY_ASSIGN(const std::uint64_t expected, ExpectedCount(session));
  // An attempt that was cut off may have reconciled what its ranges do not tell.
  session.run().items_reconciled |= std::ranges::any_of(
      ranges, [](const RangeRecord& range) { return range.done || range.reached; });
  ItemsScan scan(session, journal, std::move(ranges));
  REHOME_TRY(scan.Run(expected));
  REHOME_TRY(Ledger::PrepareToFind(session.target(), call));
  REHOME_TRY_ASSIGN(const std::uint64_t stamped, RunStamps(session));
  REHOME_TRY_ASSIGN(const Drained drained, DrainForward(session, VectorMode::kLater));
  REHOME_TRY(session.SettleLeftOpen());
  SetDigest written;
  std::uint64_t total = 0;
  for (const RangeRecord& range : scan.ranges()) {
    written.Add(range.written);
    total += range.read;
  }
  // What was reconciled, now or in an earlier attempt, is not in the ranges' sums: then the items
  // are read back.
  session.run().items_reconciled |= !drained.ids.empty();
  REHOME_TRY(session.Save());
  if (!online) {
    REHOME_TRY(RefuseChangedSource(session, drained));
  }
  if (session.run().items_reconciled) {
    REHOME_TRY_ASSIGN(written, DigestOfItems(session));
  }
  REHOME_TRY_ASSIGN(const std::uint64_t quarantined, session.quarantine().Count(call));
  PhaseOutcome out{
      .digest = written.ToString(), .counts = {}, .positions = session.run().positions};
  out.counts["source"] = static_cast<std::int64_t>(total);
  out.counts["items"] = static_cast<std::int64_t>(written.count());
  out.counts["quarantined"] = static_cast<std::int64_t>(quarantined);
  if (!session.plan().stamps.empty()) {
    out.counts["stamped"] = static_cast<std::int64_t>(stamped);
  }
  return out;
}

Result<Counts> UndoItems(Session& session) {
  const std::string& collection = session.plan().items.to;
  REHOME_TRY(Ledger::PrepareToFind(session.target(), session.call()));
  REHOME_TRY_ASSIGN(const std::uint64_t unstamped, UndoStamps(session));
  REHOME_TRY_ASSIGN(const auto removed, RemoveAllOurs(session.flow(), collection,
                                                      "changed before rollback", session.call()));
  REHOME_TRY_ASSIGN(const auto quarantined, session.quarantine().List(session.call()));
  std::vector<Value> ids;
  for (const QuarantineRecord& record : quarantined) {
    ids.push_back(record.source_id);
  }
  REHOME_TRY(session.quarantine().Remove(ids, session.call()));
  REHOME_TRY(Ranges(session.target(), session.run().run_id, Phase::kItems).Clear(session.call()));
  REHOME_TRY(ForgetForward(session));
  session.run().items_reconciled = false;
  REHOME_TRY(DropIfOursAndEmpty(session, collection));
  return Counts{{"items removed", static_cast<std::int64_t>(removed.removed)},
                {"stamps taken off", static_cast<std::int64_t>(unstamped)},
                {"items saved", static_cast<std::int64_t>(removed.saved)},
                {"foreign, left", static_cast<std::int64_t>(removed.foreign)},
                {"quarantine cleared", static_cast<std::int64_t>(ids.size())}};
}

Result<SetDigest> DigestOfItems(Session& session) {
  SetDigest out;
  REHOME_TRY_ASSIGN(auto cursor,
                    session.target().Scan(session.plan().items.to, {}, session.call()));
  while (true) {
    REHOME_TRY_ASSIGN(const auto items, cursor->Next(kBatchCount, kBatchBytes));
    if (items.empty()) {
      return out;
    }
    std::vector<Value> ids;
    for (const Document& item : items) {
      ids.emplace_back(item.Id());
    }
    REHOME_TRY_ASSIGN(const auto histories,
                      session.ledger().Find(session.flow().ItemsTarget(), ids, session.call()));
    for (std::size_t i = 0; i < items.size(); ++i) {
      const Md5Digest digest = DocumentDigest(items[i].view());
      if (Judge(histories[i], digest) == Ownership::kOurs) {
        out.Add(digest);
      }
    }
  }
}

}  // namespace rehome
