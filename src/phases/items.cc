// Phase 2. The source is cut into key ranges that cover everything; each is read in batches, mapped
// on the reader's thread and written by it, or by one writer for all where the store has room for
// one only. A range's checkpoint moves after its batch is closed in the ledger, so a resume reads at
// most one batch per range again, and finds it there. The change feed's position is taken before the
// first read: what changes meanwhile is named by it and reconciled after the ranges that hold it are
// durable.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <mutex>
#include <utility>

#include "flow/item_writer.h"
#include "flow/reconcile.h"
#include "flow/remover.h"
#include "flow/target_shape.h"
#include "journal/ranges.h"
#include "model/extended_json.h"
#include "model/fields.h"
#include "model/item.h"
#include "phases/feeds.h"
#include "phases/phases.h"
#include "phases/range_scan.h"
#include "phases/stamp.h"
#include "phases/target_collections.h"
#include "ports/scan.h"

namespace rehome {
namespace {

// Large batches pay fewer syncs; the byte bound keeps the queued ones small.
constexpr std::size_t kBatchCount = 4000;
constexpr std::size_t kBatchBytes = std::size_t{8} << 20U;
constexpr std::size_t kRangesPerReader = 4;
constexpr std::size_t kIdsNamedMax = 20;

/// Who works on the ranges: readers beside the one writer, or each for itself.
struct Crew {
  std::size_t threads = 0;  // beside the calling one
  bool each_writes = false;
};

Crew CrewFor(Session& session) {
  const std::size_t workers = session.plan().limits.WorkerCount();
  const bool each_writes = workers > 1 && session.target().WritesSideBySide();
  return {.threads = each_writes ? workers : workers - 1, .each_writes = each_writes};
}

/// Refuses a target that holds documents under the `_id`s of the source that are not ours.
Status PrepareTarget(Session& session) {
  const ItemsPlan& items = session.plan().items;
  REHOME_TRY(CreateTargetCollection(session, items.to, ItemsOptions(items)));
  return EnsureIndexes(session, items.to);
}

/// Makes items of a batch, the rare cases reconciled. Returns how many went to quarantine. `one`:
/// what is decided about single documents is decided by one thread at a time.
Result<std::uint64_t> WriteBatch(Session& session, std::mutex& one, RangeRecord& range,
                                 const ItemBatch& batch) {
  const Call& call = session.finishing_call();
  REHOME_TRY_ASSIGN(const ItemsWritten written, WriteItems(session.flow(), batch, call));
  Reconciled reconciled;
  if (!written.unresolved.empty()) {
    const std::scoped_lock lock(one);
    REHOME_TRY_ASSIGN(reconciled,
                      Reconcile(session.flow(), written.unresolved, VectorMode::kLater, call));
    // Durable before the checkpoint: their digests are not in the range's sum.
    session.run().items_reconciled = true;
    REHOME_TRY(session.Save());
  }
  if (!reconciled.conflicts.empty()) {
    return Fail(
        ErrorCode::kFailedPrecondition,
        fmt::format("{} already holds {} documents that this run did not write, the first {}",
                    session.plan().items.to, reconciled.conflicts.size(),
                    reconciled.conflicts.front()),
        "nothing of them was touched; remove or rename them, or give `items.to` another "
        "collection");
  }
  range.written.Add(written.written);
  range.counts["inserted"] += static_cast<std::int64_t>(written.inserted);
  return written.quarantined + reconciled.quarantined;
}

/// The ranges of the phase, from the journal or cut now. The feed's position is saved before the
/// first read.
Result<std::vector<RangeRecord>> LoadOrCut(Session& session, Ranges& journal, const Crew& crew) {
  REHOME_TRY_ASSIGN(auto ranges, journal.Load(session.call()));
  if (!ranges.empty()) {
    return ranges;
  }
  REHOME_TRY(TakeForwardPosition(session));
  // One reader alone reads one after the other however the ranges are cut.
  const std::size_t wanted = crew.threads <= 1 ? 1 : crew.threads * kRangesPerReader;
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

/// Keeps in the journal which documents changed while the source was read, until they were named.
Status NoteChanged(Session& session, const std::vector<Value>& ids) {
  std::vector<std::string>& noted = session.run().changed_while_read;
  for (const Value& id : ids) {
    std::string text = ToExtendedJson(id.view(), JsonMode::kRelaxed);
    if (noted.size() <= kIdsNamedMax && std::ranges::find(noted, text) == noted.end()) {
      noted.push_back(std::move(text));
    }
  }
  return session.Save();
}

/// Names them. They are done: the record of this error is the one that forgets them.
Status RefuseChangedSource(Session& session) {
  std::vector<std::string> noted = std::exchange(session.run().changed_while_read, {});
  if (noted.empty()) {
    return {};
  }
  const bool more = noted.size() > kIdsNamedMax;
  noted.resize(std::min(noted.size(), kIdsNamedMax));
  return Fail(
      ErrorCode::kCheckFailed,
      fmt::format("{}{} documents of {} changed while phase 2 read them: {}{}",
                  more ? "more than " : "", noted.size(), session.plan().items.from,
                  fmt::join(noted, ", "), more ? ", …" : ""),
      "their items were brought up to date; run again to go on, or use `rehome run --online` "
      "beside a writing application");
}

}  // namespace

Result<PhaseOutcome> RunItems(Session& session, bool online) {
  const Call& call = session.call();
  REHOME_TRY(PrepareTarget(session));
  Ranges journal(session.target(), session.run().run_id, Phase::kItems);
  const Crew crew = CrewFor(session);
  REHOME_TRY_ASSIGN(auto ranges, LoadOrCut(session, journal, crew));
  REHOME_TRY_ASSIGN(const std::uint64_t expected, ExpectedCount(session));
  // An attempt that was cut off may have reconciled what its ranges do not tell.
  session.run().items_reconciled |= std::ranges::any_of(
      ranges, [](const RangeRecord& range) { return range.done || range.reached; });
  RangeScan<ItemBatch> scan(session, journal, std::move(ranges),
                            {.phase = Phase::kItems,
                             .store = session.source(),
                             .collection = session.plan().items.from,
                             .threads = crew.threads,
                             .each_writes = crew.each_writes,
                             .count_max = kBatchCount,
                             .bytes_max = kBatchBytes});
  std::mutex one;
  REHOME_TRY(scan.Run(
      expected,
      [&](std::vector<Document> sources) -> Result<ItemBatch> {
        return PrepareItems(session.mapper(), std::move(sources));
      },
      [&](RangeRecord& range, const ItemBatch& batch) {
        return WriteBatch(session, one, range, batch);
      }));
  REHOME_TRY_ASSIGN(const std::uint64_t stamped, RunStamps(session));
  const ApplyIds note = [&](const std::vector<Value>& ids) { return NoteChanged(session, ids); };
  REHOME_TRY_ASSIGN(const Drained drained, DrainForward(session, VectorMode::kLater, Millis{0},
                                                        online ? ApplyIds() : note));
  REHOME_TRY(session.SettleLeftOpen());
  SetDigest written;
  std::uint64_t total = 0;
  for (const RangeRecord& range : scan.ranges()) {
    written.Add(range.written);
    total += range.read;
  }
  // What was reconciled, now or in an earlier attempt, is not in the ranges' sums: then the items
  // are read back.
  session.run().items_reconciled |= drained.named > 0;
  REHOME_TRY(session.Save());
  if (!online) {
    REHOME_TRY(RefuseChangedSource(session));
  }
  session.run().changed_while_read.clear();
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
  // First: an undo that was cut off, then run again as a phase, reads everything anew.
  REHOME_TRY(Ranges(session.target(), session.run().run_id, Phase::kItems).Clear(session.call()));
  REHOME_TRY_ASSIGN(const std::uint64_t unstamped, UndoStamps(session));
  REHOME_TRY_ASSIGN(const auto removed, RemoveAllOurs(session.flow(), collection,
                                                      "changed before rollback", session.call()));
  REHOME_TRY_ASSIGN(const std::vector<Value> ids, session.quarantine().ListIds(session.call()));
  REHOME_TRY(session.quarantine().Remove(ids, session.call()));
  REHOME_TRY(ForgetForward(session));
  session.run().items_reconciled = false;
  session.run().changed_while_read.clear();
  REHOME_TRY(DropIfOursAndEmpty(session, collection));
  return Counts{{"items removed", static_cast<std::int64_t>(removed.removed)},
                {"stamps taken off", static_cast<std::int64_t>(unstamped)},
                {"items saved", static_cast<std::int64_t>(removed.saved)},
                {"foreign items left", static_cast<std::int64_t>(removed.foreign)},
                {"quarantine cleared", static_cast<std::int64_t>(ids.size())}};
}

Result<SetDigest> DigestOfItems(Session& session) {
  SetDigest out;
  const auto add_ours = [&](const std::vector<Document>& items) -> Status {
    const std::vector<Value> ids = IdsOf(items);
    REHOME_TRY_ASSIGN(const auto histories,
                      session.ledger().Find(session.flow().ItemsTarget(), ids, session.call()));
    for (std::size_t i = 0; i < items.size(); ++i) {
      const Md5Digest digest = DocumentDigest(items[i].view());
      if (Judge(histories[i], digest) == Ownership::kOurs) {
        out.Add(digest);
      }
    }
    return {};
  };
  REHOME_TRY(ForEachBatch(session.target(), session.plan().items.to, {}, session.call(), add_ours));
  return out;
}

}  // namespace rehome
