#include <fmt/format.h>

#include "backup/backup.h"
#include "phases/phases.h"
#include "phases/preflight.h"

namespace rehome {
namespace {

Status RefuseFindings(Session& session) {
  REHOME_TRY_ASSIGN(const PreflightReport report,
                    RunPreflight(session.plan(), session.mapper(), session.deps(), &session.run()));
  std::string errors;
  std::string hint;
  for (const Finding& finding : report.findings) {
    if (finding.severity == Finding::Severity::kError) {
      errors += fmt::format("\n  {}: {}", finding.check, finding.message);
      hint = hint.empty() ? finding.hint : hint;
    } else if (finding.severity == Finding::Severity::kWarning) {
      session.events().Warn(fmt::format("{}: {}", finding.check, finding.message));
    }
  }
  if (errors.empty()) {
    return {};
  }
  return Fail(report.unreachable ? ErrorCode::kUnavailable : ErrorCode::kFailedPrecondition,
              fmt::format("the preflight found what must be mended first:{}", errors),
              fmt::format("{}{}`rehome check` shows everything", hint, hint.empty() ? "" : "; "));
}

/// Restores the backup into scratch stores and compares; returns how long the restore took.
Result<Millis> Prove(Session& session, const BackupResult& backup) {
  int dimension = 0;
  std::string metric = "cosine";
  for (const NamespaceBackup& ns : backup.manifest.namespaces) {
    dimension = static_cast<int>(ns.dimension);
    metric = ns.metric;
  }
  REHOME_TRY_ASSIGN(const ScratchStores scratch, session.deps().scratch(dimension, metric));
  RestoreRequest request;
  request.backup = backup.path;
  request.documents = scratch.documents.get();
  request.vectors = scratch.vectors.get();
  request.key = session.plan().backup.key;
  REHOME_TRY_ASSIGN(const ProofResult proof,
                    ProveRestore(request, session.clock(), session.events(), session.call()));
  if (proof.passed()) {
    return proof.took;
  }
  const BackupProblem& first = proof.problems.front();
  return Fail(
      ErrorCode::kCheckFailed,
      fmt::format(
          "the backup {} did not restore to what was read: {} problems, the first in {}: {}",
          backup.path.string(), proof.problems.size(), first.file, first.detail),
      "nothing was migrated; check the disk, then run phase 0 again");
}

}  // namespace

Result<PhaseOutcome> RunPrepare(Session& session) {
  REHOME_TRY(RefuseFindings(session));
  const BackupPlan& plan = session.plan().backup;
  REHOME_TRY_ASSIGN(const BackupResult backup,
                    CreateBackup({.documents = &session.source(),
                                  .vectors = &session.source_vectors(),
                                  .collections = plan.collections,
                                  .namespaces = plan.namespaces,
                                  .dir = plan.dir,
                                  .notes = {{"plan", session.plan().name},
                                            {"run", session.run().run_id},
                                            {"audit_head", session.run().audit_hash}},
                                  .phase = Phase::kPrepare,
                                  .zstd = plan.zstd,
                                  .key = plan.key,
                                  .read_ahead = session.ReadsAhead()},
                                 session.clock(), session.events(), session.call()));
  for (const std::string& warning : backup.warnings) {
    session.events().Warn(warning);
  }
  REHOME_TRY_ASSIGN(const Millis took, Prove(session, backup));
  session.run().backup = backup.path.string();
  PhaseOutcome out{.digest = backup.manifest_sha256, .counts = {}, .positions = {}};
  for (const CollectionBackup& collection : backup.manifest.collections) {
    out.counts[collection.name] = static_cast<std::int64_t>(collection.records);
    out.positions[collection.name] = collection.window.end_position;
  }
  for (const NamespaceBackup& ns : backup.manifest.namespaces) {
    out.counts[fmt::format("vectors {}", ns.name)] = static_cast<std::int64_t>(ns.records);
    if (ns.lsn) {
      out.positions[fmt::format("lsn {}", ns.name)] = std::to_string(*ns.lsn);
    }
  }
  out.counts["restore_ms"] = took.count();
  session.events().Note(fmt::format("backup {} verified and restored into scratch stores in {}",
                                    backup.path.string(), FormatDuration(took)));
  return out;
}

}  // namespace rehome
