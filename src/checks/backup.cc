// The backups that the run leans on: whole, and the very ones that the journal means.
#include "backup/backup.h"

#include <fmt/format.h>

#include "backup/names.h"
#include "base/atomic_file.h"
#include "checks/all.h"
#include "checks/findings.h"

namespace rehome {
namespace {

DiscrepancyClass ClassOf(BackupProblem::Kind kind) {
  switch (kind) {
    case BackupProblem::Kind::kMissing:
      return DiscrepancyClass::kMissing;
    case BackupProblem::Kind::kExtra:
      return DiscrepancyClass::kExtra;
    case BackupProblem::Kind::kSwapped:
      return DiscrepancyClass::kMisplaced;
    case BackupProblem::Kind::kManifest:
    case BackupProblem::Kind::kNotRegular:
    case BackupProblem::Kind::kTruncated:
    case BackupProblem::Kind::kChecksum:
    case BackupProblem::Kind::kRecord:
    case BackupProblem::Kind::kCount:
    case BackupProblem::Kind::kDigest:
    case BackupProblem::Kind::kUnreadable:
      return DiscrepancyClass::kDiffering;
  }
  return DiscrepancyClass::kDiffering;
}

std::string InWords(const BackupProblem& problem) {
  return problem.line == 0
             ? fmt::format("{}: {}", Name(problem.kind), problem.detail)
             : fmt::format("{}: line {}: {}", Name(problem.kind), problem.line, problem.detail);
}

/// Reads every byte of one backup; the number of its records. Its manifest is the one that the phase
/// left in the journal, since a whole backup of another run is not ours: `journaled`, empty where the
/// journal says none.
Result<std::uint64_t> Inspect(const std::filesystem::path& backup, const std::string& journaled,
                              const CheckContext& context, CheckResult& result) {
  auto verified = VerifyBackup(backup, context.call.stop, context.flow.plan.backup.key);
  if (!verified) {
    if (verified.error().code != ErrorCode::kNotFound) {
      return std::unexpected(std::move(verified).error());
    }
    result.Add({DiscrepancyClass::kMissing, backup.string(), "", verified.error().message});
    return 0;
  }
  for (const BackupProblem& problem : verified->problems) {
    result.Add({ClassOf(problem.kind), problem.file, "",
                fmt::format("{} (in {})", InWords(problem), backup.string())});
  }
  if (journaled.empty() || !verified->passed()) {
    return verified->records;  // what is damaged was named already
  }
  REHOME_TRY_ASSIGN(const std::string text, ReadFile(backup / kManifestFile));
  if (const std::string found = ManifestSha256(text); found != journaled) {
    result.Add(
        {DiscrepancyClass::kDiffering, std::string(kManifestFile), "sha256",
         fmt::format("the journal says {} of {}, found {}", journaled, backup.string(), found)});
  }
  return verified->records;
}

}  // namespace

Result<CheckResult> CheckBackup(CheckContext& context) {
  if (context.run.backup.empty()) {
    return Skip("backup", NotDone(context.run, Phase::kPrepare).value_or("the run has no backup"));
  }
  CheckResult result;
  const RestorePoint* point = context.run.FindRestorePoint(Phase::kPrepare);
  REHOME_TRY_ASSIGN(
      std::uint64_t records,
      Inspect(context.run.backup, point == nullptr ? "" : point->digest, context, result));
  for (const Retirement& attempt : context.run.retirements) {
    REHOME_TRY_ASSIGN(const std::uint64_t more,
                      Inspect(attempt.backup, attempt.manifest_sha256, context, result));
    records += more;
  }
  result.expected = "every file as its manifest says, the manifest as the journal says";
  result.found = fmt::format("{} backups, {} records", 1 + context.run.retirements.size(), records);
  return result;
}

}  // namespace rehome
