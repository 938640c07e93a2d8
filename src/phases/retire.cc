// Phase 5. The only phase that destroys what is not ours, so each step proves the one before:
// gates, fence, a fresh backup of exactly what will go, that backup verified, then collection by
// collection renamed away, compared with the backup's digest, dropped. A namespace loses the
// backed-up vectors only. Every attempt makes a backup of what is still there, so after a crash or
// a refusal all of them together hold everything that went.
#include "phases/retire.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <ranges>
#include <set>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "backup/backup.h"
#include "backup/manifest.h"
#include "backup/names.h"
#include "backup/records.h"
#include "base/atomic_file.h"
#include "checks/check.h"
#include "flow/vector_writer.h"
#include "model/item.h"
#include "phases/feeds.h"
#include "phases/fences.h"
#include "phases/verification.h"
#include "ports/scan.h"

namespace rehome {
namespace {

constexpr Millis kRetentionMin{std::chrono::hours{24}};
constexpr std::size_t kRetiredPerBatchMax = 1000;

std::string RetiredName(const std::string& collection) {
  return "rehome_retired_" + collection;
}

Result<bool> Exists(Session& session, const std::string& collection) {
  REHOME_TRY_ASSIGN(const auto collections, session.source().Collections(session.call()));
  return std::ranges::find(collections, collection, &CollectionInfo::name) != collections.end();
}

/// What came since the cutover. Once the collection was dropped nothing there is a source any more.
Status RefuseStragglers(Session& session) {
  if (session.run().HasDropped(session.plan().items.from)) {
    return {};
  }
  // An attempt before may have renamed the collection, and a feed ends with a name.
  REHOME_TRY_ASSIGN(const Drained drained, session.run().retirements.empty()
                                               ? DrainForward(session, VectorMode::kNow)
                                               : SweepForward(session, VectorMode::kNow));
  const Reconciled& carried = drained.reconciled;
  if (carried.inserted + carried.replaced + carried.deleted + carried.saved.size() > 0) {
    session.run().last_straggler_at = session.clock().Now();
    REHOME_TRY(session.Save());
    return Fail(
        ErrorCode::kFailedPrecondition,
        fmt::format(
            "{} writes to {} came after the cutover: something still writes to the old side",
            drained.named, session.plan().items.from),
        "they were carried over; find that writer, stop it, and retire 24 h after its last write");
  }
  return {};
}

Status VerifyAll(Session& session) {
  VerificationScope scope(session, Phase::kRetire);
  REHOME_TRY_ASSIGN(const Verification verification, Verify(scope.context(), {}));
  if (!verification.passed) {
    return Fail(ErrorCode::kCheckFailed,
                fmt::format("the verification before retiring failed: {}; nothing was removed",
                            InWords(verification)),
                "`rehome verify` shows every discrepancy");
  }
  return session.Save();
}

Status FenceAll(Session& session) {
  auto& fences = session.run().cutover->fences;
  for (const std::string& collection : session.plan().retire.collections) {
    if (std::ranges::find(fences, collection, &FenceRecord::collection) == fences.end()) {
      REHOME_TRY_ASSIGN(FenceRecord fence, PlanFence(session, collection, false));
      fence.by_hooks = false;
      fences.push_back(std::move(fence));
    }
  }
  return RaiseFences(session);
}

/// The fences that retire added go down; that of the cutover stands again on the restored
/// collection.
Status KeepCutoverFence(Session& session) {
  std::vector<FenceRecord> kept;
  for (const FenceRecord& fence : session.run().cutover->fences) {
    if (fence.collection == session.plan().items.from) {
      kept.push_back(fence);
    } else if (fence.kind != FenceKind::kNone) {
      REHOME_TRY(
          session.source().LiftFence(fence.collection, fence.kind, fence.undo, session.call()));
    }
  }
  session.run().cutover->fences = std::move(kept);
  return RaiseFences(session);
}

/// A collection that was renamed away or dropped, and stands there again: somebody wrote to it since.
Status RefuseNew(Session& session, const std::string& collection) {
  REHOME_TRY_ASSIGN(const bool again, Exists(session, collection));
  if (!again) {
    return {};
  }
  REHOME_TRY_ASSIGN(const std::uint64_t count, session.source().Count(collection, session.call()));
  return Fail(
      ErrorCode::kFailedPrecondition,
      fmt::format("something made {} anew while it was removed, with {} documents: they are "
                  "on no new side and in no backup",
                  collection, count),
      "find that writer and stop it, keep or carry those documents by hand, drop the "
      "collection, then run this again");
}

/// An attempt that was cut off between renaming and dropping: its collections get their names back.
Status TakeBackRenamed(Session& session) {
  for (const std::string& collection : session.plan().retire.collections) {
    REHOME_TRY_ASSIGN(const bool renamed, Exists(session, RetiredName(collection)));
    if (renamed) {
      REHOME_TRY(RefuseNew(session, collection));
      // What an attempt before that one dropped was another collection of that name.
      if (auto& attempts = session.run().retirements; !attempts.empty()) {
        std::erase(attempts.back().dropped, collection);
      }
      REHOME_TRY(session.Save());
      REHOME_TRY(
          session.source().RenameCollection(RetiredName(collection), collection, session.call()));
    }
  }
  return {};
}

/// A verified backup of what is still there and will go.
Result<Manifest> BackUp(Session& session) {
  RunRecord& run = session.run();
  REHOME_TRY_ASSIGN(const BackupResult made,
                    CreateBackup({.documents = &session.source(),
                                  .vectors = &session.source_vectors(),
                                  .collections = session.plan().retire.collections,
                                  .namespaces = session.plan().retire.namespaces,
                                  .dir = session.plan().backup.dir,
                                  .notes = {{"plan", run.plan_name},
                                            {"run", run.run_id},
                                            {"phase", "retire"},
                                            {"audit_head", run.audit_hash}},
                                  .phase = Phase::kRetire,
                                  .zstd = session.plan().backup.zstd,
                                  .key = session.plan().backup.key,
                                  .read_ahead = session.ReadsAhead(),
                                  .resume = false},  // of what is there now, not of what was
                                 session.clock(), session.events(), session.call()));
  REHOME_TRY_ASSIGN(VerifyResult verified,
                    VerifyBackup(made.path, session.call().stop, session.plan().backup.key));
  if (!verified.passed()) {
    return Fail(ErrorCode::kCheckFailed,
                fmt::format("the backup {} does not verify: {}: {}", made.path.string(),
                            verified.problems.front().file, verified.problems.front().detail),
                "nothing more was removed; check the disk, then run `rehome retire` again");
  }
  run.retirements.push_back({.backup = made.path.string(),
                             .manifest_sha256 = made.manifest_sha256,
                             .dropped = {},
                             .emptied = {}});
  REHOME_TRY(session.Save());
  return *std::move(verified.manifest);
}

Result<SetDigest> DigestOf(Session& session, const std::string& collection) {
  SetDigest out;
  REHOME_TRY(ForEachBatch(session.source(), collection, {}, session.call(),
                          [&](const std::vector<Document>& documents) -> Status {
                            for (const Document& document : documents) {
                              out.Add(Md5(document.bytes()));
                            }
                            return {};
                          }));
  return out;
}

Status DropCollection(Session& session, const CollectionBackup& backup) {
  const std::string away = RetiredName(backup.name);
  REHOME_TRY_ASSIGN(const bool here, Exists(session, backup.name));
  if (here) {
    REHOME_TRY(session.source().RenameCollection(backup.name, away, session.call()));
  }
  REHOME_TRY_ASSIGN(const bool renamed, Exists(session, away));
  if (!renamed) {
    return {};
  }
  REHOME_TRY_ASSIGN(const SetDigest digest, DigestOf(session, away));
  if (digest != backup.content) {
    REHOME_TRY(session.source().RenameCollection(away, backup.name, session.call()));
    return Fail(ErrorCode::kCheckFailed,
                fmt::format("{} is not what its backup holds ({} against {}): it was written to "
                            "after the backup, and was kept",
                            backup.name, digest.ToString(), backup.content.ToString()),
                "find the writer, then run `rehome retire` again: it makes a new backup");
  }
  REHOME_TRY(session.Audit("drop collection",
                           fmt::format("{} {}, backup {}", backup.name, digest.ToString(),
                                       session.run().retirements.back().backup)));
  session.run().retirements.back().dropped.push_back(backup.name);
  REHOME_TRY(session.Save());
  return session.source().DropCollection(away, session.call());
}

using EachVectors = std::function<Status(const std::vector<VectorRecord>& records)>;

/// The vectors that a backup holds of a namespace, in batches.
Status ForEachBackedUp(const std::filesystem::path& dir, const Packing& packing,
                       const NamespaceBackup& backup, const EachVectors& each) {
  std::vector<VectorRecord> batch;
  for (const BackupFile& file : backup.files) {
    REHOME_TRY_ASSIGN(VectorReader records,
                      VectorReader::Open(dir / file.path, FileReader::Hash::kNo, packing));
    while (true) {
      REHOME_TRY_ASSIGN(std::optional<VectorRecord> record, records.Next());
      if (!record) {
        break;
      }
      batch.push_back(*std::move(record));
      if (batch.size() == kRetiredPerBatchMax) {
        REHOME_TRY(each(std::exchange(batch, {})));
      }
    }
  }
  return batch.empty() ? Status{} : each(batch);
}

/// The last delete of a namespace.
struct LastDelete {
  std::vector<std::string> ids;
  std::optional<Lsn> lsn;
};

/// Deletes one batch of backed-up vectors that stand there as they were backed up; counts what
/// differs and stays.
Status DeleteBatch(Session& session, const std::string& ns,
                   const std::vector<VectorRecord>& records, LastDelete& last, Counts& counts) {
  std::vector<std::string> ids;
  std::unordered_map<std::string_view, const VectorRecord*> backed_up;
  for (const VectorRecord& record : records) {
    ids.push_back(record.id);
    backed_up.emplace(record.id, &record);
  }
  REHOME_TRY_ASSIGN(const auto present, session.source_vectors().Fetch(ns, ids, session.call()));
  std::vector<std::string> doomed;
  for (const VectorRecord& now : present) {
    if (VectorDigest(now) == VectorDigest(*backed_up.at(now.id))) {
      doomed.push_back(now.id);
    } else {
      ++counts[fmt::format("changed vectors kept in {}", ns)];
      session.events().Warn(
          fmt::format("vector {} in {} changed after the backup and was kept", now.id, ns));
    }
  }
  counts[fmt::format("vectors removed from {}", ns)] += static_cast<std::int64_t>(doomed.size());
  if (!doomed.empty()) {
    REHOME_TRY_ASSIGN(last.lsn, session.source_vectors().Delete(ns, doomed, session.call()));
    last.ids = std::move(doomed);
  }
  return {};
}

Status EmptyNamespace(Session& session, const NamespaceBackup& backup, const Packing& packing,
                      Counts& counts) {
  Retirement& attempt = session.run().retirements.back();
  REHOME_TRY(session.Audit(
      "empty namespace",
      fmt::format("{} {}, backup {}", backup.name, backup.digest.ToString(), attempt.backup)));
  attempt.emptied.push_back(backup.name);
  REHOME_TRY(session.Save());
  LastDelete last;
  REHOME_TRY(ForEachBackedUp(attempt.backup, packing, backup,
                             [&](const std::vector<VectorRecord>& records) {
                               return DeleteBatch(session, backup.name, records, last, counts);
                             }));
  REHOME_TRY(ConfirmDeleted(session.flow(), session.source_vectors(), backup.name, last.ids,
                            last.lsn, session.call()));
  REHOME_TRY_ASSIGN(const IdPage left,
                    session.source_vectors().ListIds(backup.name, "", session.call()));
  if (!left.ids.empty()) {
    session.events().Warn(
        fmt::format("namespace {} still holds vectors that were not in the backup, the first {}: "
                    "they were kept",
                    backup.name, left.ids.front()));
  }
  return {};
}

/// The gates that refuse now, in words; empty: none.
std::vector<std::string> ClosedGates(const Plan& plan, const RunRecord& run, Clock& clock,
                                     bool shorten_retention) {
  std::vector<std::string> out;
  if (!run.cut_over_at) {
    out.emplace_back("phase 4 (cutover) has not run");
    return out;
  }
  if (plan.retire.after < kRetentionMin && !shorten_retention) {
    out.push_back(fmt::format("retire.after is {}, under 24 h, which needs --shorten-retention",
                              FormatDuration(plan.retire.after)));
  }
  const Millis since = clock.Now() - *run.cut_over_at;
  const Millis needed =
      shorten_retention ? plan.retire.after : std::max(plan.retire.after, kRetentionMin);
  if (since < needed) {
    out.push_back(fmt::format("the cutover was {} ago, and {} must pass: {} to go",
                              FormatDuration(since), FormatDuration(needed),
                              FormatDuration(needed - since)));
  }
  if (run.last_straggler_at && clock.Now() - *run.last_straggler_at < kRetentionMin) {
    out.push_back(fmt::format("something wrote to the old side at {}, within the last 24 h",
                              FormatTime(*run.last_straggler_at)));
  }
  return out;
}

/// What no fence kept out stands in this attempt's backup alone. From here on what comes is not as
/// the backup holds it, and is kept. An attempt that is refused so and removed nothing is none.
Status RefuseLateStragglers(Session& session) {
  Status refused = RefuseStragglers(session);
  if (!refused && refused.error().code == ErrorCode::kFailedPrecondition &&
      !session.run().HasRemoved()) {
    session.run().retirements.clear();
    REHOME_TRY(KeepCutoverFence(session));
    REHOME_TRY(session.Save());
  }
  return refused;
}

}  // namespace

Status RefuseRetire(Session& session, bool shorten_retention) {
  const auto gates = ClosedGates(session.plan(), session.run(), session.clock(), shorten_retention);
  if (gates.empty() || session.run().HasRemoved()) {
    return {};
  }
  return Fail(ErrorCode::kFailedPrecondition,
              fmt::format("retire is refused: {}", fmt::join(gates, "; ")),
              "nothing was removed; run it again when this no longer holds");
}

Result<PhaseOutcome> RunRetire(Session& session, bool shorten_retention) {
  if (shorten_retention && session.plan().retire.after < kRetentionMin) {
    REHOME_TRY(session.Audit("retention shortened", FormatDuration(session.plan().retire.after)));
  }
  REHOME_TRY(TakeBackRenamed(session));
  REHOME_TRY(RefuseStragglers(session));
  if (!session.run().HasRemoved()) {
    REHOME_TRY(VerifyAll(session));
  }
  REHOME_TRY(FenceAll(session));
  REHOME_TRY_ASSIGN(const Manifest manifest, BackUp(session));
  REHOME_TRY(RefuseLateStragglers(session));
  PhaseOutcome out;
  SetDigest total;
  for (const CollectionBackup& collection : manifest.collections) {
    REHOME_TRY(DropCollection(session, collection));
    REHOME_TRY(RefuseNew(session, collection.name));
    out.counts[fmt::format("documents removed from {}", collection.name)] =
        static_cast<std::int64_t>(collection.records);
    total.Add(collection.digest);
  }
  REHOME_TRY_ASSIGN(const Packing packing, PackingOf(manifest, session.plan().backup.key));
  for (const NamespaceBackup& ns : manifest.namespaces) {
    REHOME_TRY(EmptyNamespace(session, ns, packing, out.counts));
    total.Add(ns.digest);
  }
  out.digest = total.ToString();
  return out;
}

namespace {

/// The only copy of what was dropped is the one that the journal names.
Status RefuseOtherBackup(const Retirement& attempt) {
  REHOME_TRY_ASSIGN(const std::string text,
                    ReadFile(std::filesystem::path(attempt.backup) / kManifestFile));
  const std::string found = ManifestSha256(text);
  if (attempt.manifest_sha256.empty() || found == attempt.manifest_sha256) {
    return {};
  }
  return Fail(ErrorCode::kDataLoss,
              fmt::format("{} is not the backup that this run retired into: its manifest has {}, "
                          "the journal says {}; nothing was restored",
                          attempt.backup, found, attempt.manifest_sha256),
              "put the backup of that name back, then run the same command again");
}

/// A delete of the retirement that the index does not show yet would still take what stands there as
/// it was, and may have taken by now what the restore had found there and passed over: everything is
/// written once more, behind that delete, but what stands there otherwise.
Status WriteVectorsAgain(Session& session, const Retirement& attempt) {
  REHOME_TRY_ASSIGN(const Manifest manifest, ReadManifest(attempt.backup));
  REHOME_TRY_ASSIGN(const Packing packing, PackingOf(manifest, session.plan().backup.key));
  VectorStore& store = session.source_vectors();
  for (const NamespaceBackup& ns : manifest.namespaces) {
    if (std::ranges::find(attempt.emptied, ns.name) == attempt.emptied.end()) {
      continue;
    }
    const auto write_again = [&](const std::vector<VectorRecord>& records) -> Status {
      std::vector<std::string> ids;
      std::ranges::transform(records, std::back_inserter(ids), &VectorRecord::id);
      REHOME_TRY_ASSIGN(const auto present, store.Fetch(ns.name, ids, session.call()));
      const auto now = DigestsById(present);
      std::vector<VectorRecord> again;
      for (const VectorRecord& record : records) {
        const auto found = now.find(record.id);
        if (found == now.end() || found->second == VectorDigest(record)) {
          again.push_back(record);
        }
      }
      if (!again.empty()) {
        REHOME_TRY(store.Upsert(ns.name, again, session.call()));
      }
      return {};
    };
    REHOME_TRY(ForEachBackedUp(attempt.backup, packing, ns, write_again));
  }
  return {};
}

}  // namespace

Result<Counts> UndoRetire(Session& session) {
  RunRecord& run = session.run();
  Counts counts;
  std::set<std::string> brought_back;
  REHOME_TRY(TakeBackRenamed(session));
  // Only what an attempt removed, else what the application deleted meanwhile would be back. The
  // newest first: what stands there is kept, so the last version of all comes back.
  for (const Retirement& attempt : run.retirements | std::views::reverse) {
    if (attempt.dropped.empty() && attempt.emptied.empty()) {
      continue;
    }
    REHOME_TRY(RefuseOtherBackup(attempt));
    REHOME_TRY_ASSIGN(const RestoreResult restored,
                      RestoreBackup({.backup = attempt.backup,
                                     .documents = &session.source(),
                                     .vectors = &session.source_vectors(),
                                     .collections = attempt.dropped,
                                     .namespaces = attempt.emptied,
                                     .phase = Phase::kRetire,
                                     .key = session.plan().backup.key,
                                     .save_document = {},
                                     .save_vector = {}},
                                    session.clock(), session.events(), session.call()));
    REHOME_TRY(WriteVectorsAgain(session, attempt));
    for (const auto& [name, written] : restored.collections) {
      counts[fmt::format("documents restored to {}", name)] +=
          static_cast<std::int64_t>(written.inserted);
      if (!brought_back.insert(name).second || written.different == 0) {
        continue;  // of an older attempt, what the newer one held stands there
      }
      counts[fmt::format("documents kept as they stand in {}", name)] +=
          static_cast<std::int64_t>(written.different);
      session.events().Warn(fmt::format(
          "{} of {} were written anew since it was dropped and are kept so: {}; the backup's are "
          "in {}",
          written.different, name, fmt::join(written.different_ids, ", "), attempt.backup));
    }
    for (const auto& [name, written] : restored.namespaces) {
      counts[fmt::format("vectors restored to {}", name)] +=
          static_cast<std::int64_t>(written.inserted);
    }
  }
  if (run.cutover && run.IsCutOver()) {
    // A feed ends with its collection: the restored one is another to it.
    REHOME_TRY(SweepForward(session, VectorMode::kNow));
  }
  run.retirements.clear();
  REHOME_TRY(session.Save());
  if (run.cutover && run.IsCutOver()) {
    REHOME_TRY(KeepCutoverFence(session));
  }
  return counts;
}

}  // namespace rehome
