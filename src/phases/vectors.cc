// Phase 3. The items are scanned by key ranges; those that are ours and not marked are embedded on
// the reader's thread, upserted, confirmed and marked by the writer. An item that changed between
// its embedding and its mark is embedded again from what it says now.
#include <fmt/format.h>

#include <algorithm>

#include "flow/pump.h"
#include "flow/reconcile.h"
#include "flow/vector_writer.h"
#include "journal/ranges.h"
#include "model/extended_json.h"
#include "model/fields.h"
#include "model/item.h"
#include "phases/phases.h"
#include "phases/vector_pages.h"

namespace rehome {
namespace {

constexpr std::size_t kBatchCount = 250;
constexpr std::size_t kBatchBytes = std::size_t{4} << 20U;
constexpr const char* kTokens = "tokens";  // a count of each range, and of the phase

struct VectorsBatch {
  std::size_t range = 0;
  std::optional<Value> reached;  // absent: the range is at its end
  EmbeddedBatch embedded;
  std::size_t read = 0;
};

/// A namespace that already holds vectors without our stamp belongs to somebody else.
Status RefuseForeignNamespaces(Session& session) {
  for (const auto& [org_id, name] : session.run().namespaces) {
    const TenantNamespace ns = Plan::JournaledNamespace(name);
    REHOME_TRY(ForEachPage(
        session.target_vectors(), ns.name(), session.call(),
        [&](const std::vector<std::string>& ids) -> Status {
          REHOME_TRY_ASSIGN(const auto records,
                            session.target_vectors().Fetch(ns.name(), ids, session.call()));
          const auto foreign = std::ranges::find_if(records, [](const VectorRecord& record) {
            return !record.metadata.contains(kStampContract);
          });
          if (foreign == records.end()) {
            return {};
          }
          return Fail(
              ErrorCode::kFailedPrecondition,
              fmt::format(
                  "namespace {} already holds vectors that rehome did not write, the first {}",
                  ns.name(), foreign->id),
              "they were not touched; give the organization another slug, or index.namespace "
              "another template");
        }));
  }
  return {};
}

class VectorsScan {
 public:
  VectorsScan(Session& session, Ranges& journal, std::vector<RangeRecord> ranges)
      : session_(session), journal_(journal), ranges_(std::move(ranges)) {}

  Status Run(std::uint64_t total) {
    total_ = total;
    std::vector<std::size_t> open;
    for (std::size_t i = 0; i < ranges_.size(); ++i) {
      if (!ranges_[i].done) {
        open.push_back(i);
      }
    }
    const std::size_t threads = session_.plan().limits.workers == 1 ? 0 : 1;
    return Pump<VectorsBatch>::Run(
        open.size(), {.threads = threads, .scheduler = session_.flow().scheduler},
        session_.call().stop, [&](std::size_t part) { return Open(open[part]); },
        [&](VectorsBatch batch) { return Write(std::move(batch)); });
  }

  [[nodiscard]] std::uint64_t upserted() const { return upserted_; }
  [[nodiscard]] std::uint64_t tokens() const { return tokens_; }
  [[nodiscard]] std::uint64_t cut() const { return cut_; }

 private:
  Result<Pump<VectorsBatch>::Source> Open(std::size_t range) {
    REHOME_TRY_ASSIGN(auto opened, session_.target().Scan(session_.plan().items.to,
                                                          ranges_[range].Rest(), session_.call()));
    const std::shared_ptr<DocumentCursor> cursor = std::move(opened);
    return [this, range, cursor, ended = false]() mutable -> Result<std::optional<VectorsBatch>> {
      if (ended) {
        return std::nullopt;
      }
      REHOME_TRY_ASSIGN(VectorsBatch batch, Read(range, *cursor));
      ended = !batch.reached;
      return batch;
    };
  }

  Result<VectorsBatch> Read(std::size_t range, DocumentCursor& cursor) {
    const std::size_t count =
        std::clamp<std::size_t>(session_.plan().limits.embed_in_flight, 1, kBatchCount);
    REHOME_TRY_ASSIGN(auto items, cursor.Next(count, kBatchBytes));
    VectorsBatch batch{.range = range, .reached = {}, .embedded = {}, .read = items.size()};
    if (items.empty()) {
      return batch;
    }
    batch.reached = Value(items.back().Id());
    REHOME_TRY_ASSIGN(auto ours, OursUnmarked(std::move(items)));
    REHOME_TRY_ASSIGN(batch.embedded,
                      EmbedItems(session_.flow(), std::move(ours), session_.call()));
    return batch;
  }

  Result<std::vector<Document>> OursUnmarked(std::vector<Document> items) {
    std::vector<Value> ids;
    for (const Document& item : items) {
      ids.emplace_back(item.Id());
    }
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

  Status Write(VectorsBatch batch) {
    RangeRecord& range = ranges_[batch.range];
    if (!batch.reached) {
      range.done = true;
      return journal_.Save(range, session_.finishing_call());
    }
    NoteEmbedded(batch.embedded, range);
    REHOME_TRY(SetAside(session_.flow(), batch.embedded.refused, QuarantineReason::kEmbedding,
                        batch.embedded.refusal, session_.finishing_call()));
    REHOME_TRY_ASSIGN(
        const VectorsWritten written,
        WriteVectors(session_.flow(), batch.embedded.items, session_.finishing_call()));
    REHOME_TRY(
        Reconcile(session_.flow(), written.changed, VectorMode::kNow, session_.finishing_call()));
    upserted_ += written.upserted;
    done_ += batch.read;
    range.reached = batch.reached;
    REHOME_TRY(journal_.Save(range, session_.finishing_call()));
    session_.events().Advanced({.phase = Phase::kVectors,
                                .step = session_.plan().items.to,
                                .done = done_,
                                .total = total_,
                                .quarantined = 0});
    return {};
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
  Ranges& journal_;
  std::vector<RangeRecord> ranges_;
  std::uint64_t done_ = 0;
  std::uint64_t total_ = 0;
  std::uint64_t upserted_ = 0;
  std::uint64_t tokens_ = 0;
  std::uint64_t cut_ = 0;
};

/// What earlier attempts at these ranges paid counts towards the limit.
void CountSpent(const Session& session, const std::vector<RangeRecord>& ranges) {
  constexpr double kTokensPerPrice = 1e6;
  if (session.stores().spend == nullptr) {
    return;
  }
  std::int64_t tokens = 0;
  for (const RangeRecord& range : ranges) {
    const auto found = range.counts.find(kTokens);
    tokens += found == range.counts.end() ? 0 : found->second;
  }
  session.stores().spend->StartAt(static_cast<double>(tokens) *
                                  session.stores().embedder->DollarsPerMillionTokens() /
                                  kTokensPerPrice);
}

/// The ranges of an attempt that was interrupted, or new ones: a phase that is run again scans
/// again.
Result<std::vector<RangeRecord>> LoadOrCut(Session& session, Ranges& journal) {
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
    REHOME_TRY(ForEachPage(session.target_vectors(), ns.name(), session.call(),
                           [&](const std::vector<std::string>& ids) -> Status {
                             REHOME_TRY_ASSIGN(
                                 const auto records,
                                 session.target_vectors().Fetch(ns.name(), ids, session.call()));
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

Result<PhaseOutcome> RunVectors(Session& session) {
  Ranges journal(session.target(), session.run().run_id, Phase::kVectors);
  REHOME_TRY(RefuseForeignNamespaces(session));
  REHOME_TRY_ASSIGN(auto ranges, LoadOrCut(session, journal));
  REHOME_TRY_ASSIGN(const std::uint64_t total,
                    session.target().Count(session.plan().items.to, session.call()));
  CountSpent(session, ranges);
  VectorsScan scan(session, journal, std::move(ranges));
  REHOME_TRY(scan.Run(total));
  REHOME_TRY(session.SettleLeftOpen());
  REHOME_TRY_ASSIGN(PhaseOutcome out, DescribeVectors(session));
  out.counts["upserted"] = static_cast<std::int64_t>(scan.upserted());
  out.counts[kTokens] = static_cast<std::int64_t>(scan.tokens());
  if (scan.cut() > 0) {
    out.counts["texts cut"] = static_cast<std::int64_t>(scan.cut());
  }
  return out;
}

Result<Counts> UndoVectors(Session& session) {
  Counts counts;
  for (const auto& [org_id, name] : session.run().namespaces) {
    const TenantNamespace ns = Plan::JournaledNamespace(name);
    REHOME_TRY(
        ForEachPage(session.target_vectors(), ns.name(), session.call(),
                    [&](const std::vector<std::string>& ids) -> Status {
                      REHOME_TRY_ASSIGN(const auto removed,
                                        RemoveVectors(session.flow(), ns, ids, session.call()));
                      counts["vectors removed"] += static_cast<std::int64_t>(removed.removed);
                      counts["vectors saved"] += static_cast<std::int64_t>(removed.saved);
                      counts["foreign, left"] += static_cast<std::int64_t>(removed.foreign.size());
                      return {};
                    }));
  }
  REHOME_TRY_ASSIGN(auto cursor,
                    session.target().Scan(session.plan().items.to, {}, session.call()));
  while (true) {
    REHOME_TRY_ASSIGN(const auto items, cursor->Next(kBatchCount, kBatchBytes));
    if (items.empty()) {
      break;
    }
    std::vector<Write> resets;
    for (const Document& item : items) {
      if (IsMarked(item.view()) &&
          session.run().namespaces.contains(StringField(item.view(), "org_id"))) {
        resets.push_back(Write::Replace(item, WithMark(item.view(), "")));
      }
    }
    if (!resets.empty()) {
      REHOME_TRY(session.target().Apply(session.plan().items.to, resets, {}, session.call()));
      counts["marks reset"] += static_cast<std::int64_t>(resets.size());
    }
  }
  REHOME_TRY(Ranges(session.target(), session.run().run_id, Phase::kVectors).Clear(session.call()));
  return counts;
}

}  // namespace rehome
