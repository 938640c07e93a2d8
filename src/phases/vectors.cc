// Phase 3. The items are scanned by key ranges (range_scan.h); those that are ours and not marked are
// embedded on the reader's thread, upserted, confirmed and marked by the writer. An item that changed between
// its embedding and its mark is embedded again from what it says now.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "flow/reconcile.h"
#include "flow/vector_walk.h"
#include "flow/vector_writer.h"
#include "model/extended_json.h"
#include "model/fields.h"
#include "model/item.h"
#include "phases/phases.h"
#include "phases/range_scan.h"
#include "ports/listing.h"
#include "ports/scan.h"

namespace rehome {
namespace {

constexpr std::size_t kItemsPerBatchMax = 1000;
constexpr std::size_t kItemBytesPerBatchMax = std::size_t{4} << 20U;
constexpr const char* kTokens = "tokens";  // a count of each range, and of the phase

template <class Each>
Status ForEachRecords(Session& session, const TenantNamespace& ns, const Each& each) {
  return ForEachRead<std::vector<VectorRecord>>(
      session.flow(), session.target_vectors(), ns.name(), session.call(),
      [&](const std::vector<std::string>& ids) {
        return session.target_vectors().Fetch(ns.name(), ids, session.call());
      },
      each);
}

/// A namespace that already holds vectors without our stamp belongs to somebody else.
Status RefuseForeignNamespaces(Session& session) {
  for (const auto& [org_id, name] : session.run().namespaces) {
    const TenantNamespace ns = Plan::JournaledNamespace(name);
    REHOME_TRY(ForEachRecords(session, ns, [&](const std::vector<VectorRecord>& records) -> Status {
      const auto foreign = std::ranges::find_if(records, [](const VectorRecord& record) {
        return !record.metadata.contains(kStampContract);
      });
      if (foreign == records.end()) {
        return {};
      }
      return Fail(
          ErrorCode::kFailedPrecondition,
          fmt::format("namespace {} already holds vectors that rehome did not write, the first {}",
                      ns.name(), foreign->id),
          "they were not touched; give the organization another slug, or index.namespace "
          "another template");
    }));
  }
  return {};
}

/// What phase 3 makes of a batch of items, and what it adds up over all of them.
class VectorsWork {
 public:
  explicit VectorsWork(Session& session) : session_(session) {}

  /// Those of `items` that are ours and wait for their vector, embedded. On a reader's thread.
  [[nodiscard]] Result<EmbeddedBatch> Embed(std::vector<Document> items) const {
    REHOME_TRY_ASSIGN(auto ours, OursUnmarked(std::move(items)));
    return EmbedItems(session_.flow(), std::move(ours), session_.call());
  }

  /// Returns how many the embedder refuses.
  Result<std::uint64_t> Write(RangeRecord& range, const EmbeddedBatch& embedded) {
    const Call& call = session_.finishing_call();
    NoteEmbedded(embedded, range);
    REHOME_TRY(SetAside(session_.flow(), embedded.refused, QuarantineReason::kEmbedding,
                        embedded.refusal, call));
    REHOME_TRY_ASSIGN(const VectorsWritten written,
                      WriteVectors(session_.flow(), embedded.items, call));
    REHOME_TRY(Reconcile(session_.flow(), written.changed, VectorMode::kNow, call));
    upserted_ += written.upserted;
    return embedded.refused.size();
  }

  void AddTo(Counts& counts) const {
    counts["upserted"] = static_cast<std::int64_t>(upserted_);
    counts[kTokens] = static_cast<std::int64_t>(tokens_);
    if (cut_ > 0) {
      counts["texts cut"] = static_cast<std::int64_t>(cut_);
    }
  }

 private:
  [[nodiscard]] Result<std::vector<Document>> OursUnmarked(std::vector<Document> items) const {
    const std::vector<Value> ids = IdsOf(items);
    REHOME_TRY_ASSIGN(const auto histories,
                      session_.ledger().Find(session_.flow().ItemsTarget(), ids, session_.call()));
    std::vector<Document> out;
    for (std::size_t i = 0; i < items.size(); ++i) {
      const bool ours = Judge(histories[i], DocumentDigest(items[i].view())) == Ownership::kOurs;
      if (ours && !IsMarked(items[i].view())) {
        out.push_back(std::move(items[i]));
      }
    }
    return out;
  }

  void NoteEmbedded(const EmbeddedBatch& embedded, RangeRecord& range) {
    tokens_ += embedded.tokens;
    range.counts[kTokens] += static_cast<std::int64_t>(embedded.tokens);
    cut_ += embedded.cut.size();
    for (const Value& id : embedded.cut) {
      session_.events().Warn(fmt::format(
          "the text of item {} is longer than the model takes: only its beginning was embedded",
          ToExtendedJson(id.view(), JsonMode::kRelaxed)));
    }
  }

  Session& session_;
  std::uint64_t upserted_ = 0;
  std::uint64_t tokens_ = 0;
  std::uint64_t cut_ = 0;
};

std::int64_t TokensOf(const std::vector<RangeRecord>& ranges) {
  std::int64_t tokens = 0;
  for (const RangeRecord& range : ranges) {
    const auto found = range.counts.find(kTokens);
    tokens += found == range.counts.end() ? 0 : found->second;
  }
  return tokens;
}

/// What earlier attempts at these ranges paid counts towards the limit.
void CountSpent(const Session& session, const std::vector<RangeRecord>& ranges) {
  if (session.stores().spend != nullptr) {
    session.stores().spend->StartAt(static_cast<double>(TokensOf(ranges)) *
                                    session.stores().embedder->DollarsPerToken());
  }
}

/// What was paid for batches that an error kept from being written counts in the next attempt too.
Status KeepSpent(Session& session, Ranges& journal) {
  const double price = session.stores().embedder->DollarsPerToken();
  if (session.stores().spend == nullptr || price <= 0) {
    return {};
  }
  REHOME_TRY_ASSIGN(auto ranges, journal.Load(session.finishing_call()));
  const std::int64_t paid = std::llround(session.stores().spend->spent() / price);
  const std::int64_t uncounted = paid - TokensOf(ranges);
  if (ranges.empty() || uncounted <= 0) {
    return {};
  }
  ranges.front().counts[kTokens] += uncounted;
  return journal.Save(ranges.front(), session.finishing_call());
}

/// The ranges of an attempt that was interrupted, or new ones: a phase that is run again scans
/// again.
Result<std::vector<RangeRecord>> LoadOrCutItems(Session& session, Ranges& journal) {
  REHOME_TRY_ASSIGN(auto ranges, journal.Load(session.call()));
  const bool finished = std::ranges::all_of(ranges, &RangeRecord::done);
  if (!ranges.empty() && !finished) {
    return ranges;
  }
  constexpr std::size_t kRangesMax = 8;
  REHOME_TRY_ASSIGN(const auto cut, session.target().SplitRanges(session.plan().items.to,
                                                                 kRangesMax, session.call()));
  return journal.Start(cut, session.call());
}

}  // namespace

Result<PhaseOutcome> DescribeVectors(Session& session) {
  PhaseOutcome out;
  SetDigest digest;
  for (const auto& [org_id, name] : session.run().namespaces) {
    const TenantNamespace ns = Plan::JournaledNamespace(name);
    std::int64_t count = 0;
    REHOME_TRY(ForEachRecords(session, ns, [&](const std::vector<VectorRecord>& records) -> Status {
      for (const VectorRecord& record : records) {
        digest.Add(VectorDigest(record));
      }
      count += static_cast<std::int64_t>(records.size());
      return {};
    }));
    out.counts[name] = count;
    REHOME_TRY_ASSIGN(const auto lsn,
                      session.target_vectors().IndexedLsn(ns.name(), session.call()));
    if (lsn) {
      out.positions.insert_or_assign(fmt::format("lsn {}", name), std::to_string(*lsn));
    }
  }
  out.digest = digest.ToString();
  return out;
}

Status ReopenVectors(Session& session) {
  RunRecord& run = session.run();
  run.At(Phase::kVectors).state = PhaseState::kPending;
  std::erase_if(run.restore_points,
                [](const RestorePoint& point) { return point.phase == Phase::kVectors; });
  REHOME_TRY(session.Save());
  return Ranges(session.target(), run.run_id, Phase::kVectors).Clear(session.call());
}

Result<PhaseOutcome> RunVectors(Session& session) {
  Ranges journal(session.target(), session.run().run_id, Phase::kVectors);
  REHOME_TRY(RefuseForeignNamespaces(session));
  REHOME_TRY_ASSIGN(auto ranges, LoadOrCutItems(session, journal));
  REHOME_TRY_ASSIGN(const std::uint64_t total,
                    session.target().Count(session.plan().items.to, session.call()));
  CountSpent(session, ranges);
  const LimitsPlan& limits = session.plan().limits;
  RangeScan<EmbeddedBatch> scan(
      session, journal, std::move(ranges),
      {.phase = Phase::kVectors,
       .store = session.target(),
       .collection = session.plan().items.to,
       .threads = limits.ReadsAhead() ? 1U : 0U,
       .count_max = std::clamp<std::size_t>(limits.embed_in_flight, 1, kItemsPerBatchMax),
       .bytes_max = kItemBytesPerBatchMax});
  VectorsWork work(session);
  const Status scanned = scan.Run(
      total, [&](std::vector<Document> items) { return work.Embed(std::move(items)); },
      [&](RangeRecord& range, const EmbeddedBatch& embedded) {
        return work.Write(range, embedded);
      });
  if (!scanned) {
    REHOME_TRY(KeepSpent(session, journal));
    return std::unexpected(scanned.error());
  }
  REHOME_TRY(session.SettleLeftOpen());
  REHOME_TRY_ASSIGN(PhaseOutcome out, DescribeVectors(session));
  work.AddTo(out.counts);
  return out;
}

// What says that a vector is there goes before the vector: whatever a crash leaves of an undo, the
// phase run again makes whole.
Result<Counts> UndoVectors(Session& session) {
  Counts counts;
  REHOME_TRY(Ranges(session.target(), session.run().run_id, Phase::kVectors).Clear(session.call()));
  const std::string& collection = session.plan().items.to;
  const auto reset = [&](const std::vector<Document>& items) -> Status {
    std::vector<Write> resets;
    for (const Document& item : items) {
      if (IsMarked(item.view()) &&
          session.run().namespaces.contains(StringField(item.view(), "org_id"))) {
        resets.push_back(Write::Replace(item, WithMark(item.view(), "")));
      }
    }
    if (!resets.empty()) {
      REHOME_TRY(session.target().Apply(collection, resets, {}, session.call()));
      counts["marks reset"] += static_cast<std::int64_t>(resets.size());
    }
    return {};
  };
  REHOME_TRY(ForEachBatch(session.target(), collection, {}, session.call(), reset));
  for (const auto& [org_id, name] : session.run().namespaces) {
    const TenantNamespace ns = Plan::JournaledNamespace(name);
    REHOME_TRY(ForEachPage(
        session.target_vectors(), ns.name(), session.call(),
        [&](const std::vector<std::string>& ids) -> Status {
          REHOME_TRY_ASSIGN(const auto removed,
                            RemoveVectors(session.flow(), ns, ids, session.call()));
          counts["vectors removed"] += static_cast<std::int64_t>(removed.removed);
          counts["vectors saved"] += static_cast<std::int64_t>(removed.saved);
          counts["foreign vectors left"] += static_cast<std::int64_t>(removed.foreign.size());
          return {};
        }));
  }
  return counts;
}

}  // namespace rehome
