#pragma once
// phases.h — what each phase does, and how it is undone. All of them are idempotent: after an
// interruption the same call goes on from the journal. The engine (engine.h) decides what may run
// when and keeps the records.
#include "journal/run_record.h"
#include "phases/session.h"

namespace rehome {

/// What a phase reports for its restore point.
struct PhaseOutcome {
  std::string digest;
  Counts counts;
  Texts positions;
};

/// 0: backups of documents and vectors, proved by restoring them into scratch stores.
[[nodiscard]] Result<PhaseOutcome> RunPrepare(Session& session);

/// 1: organizations, profiles, unique indexes; the namespace of each organization is journaled
/// here.
[[nodiscard]] Result<PhaseOutcome> RunTenants(Session& session);
[[nodiscard]] Result<Counts> UndoTenants(Session& session);

/// 2: scan → map → insert, by key ranges; then what the feed named meanwhile. Offline (no
/// `online`), a source that changed while it was read is kCheckFailed with the ids; running again
/// applies them.
[[nodiscard]] Result<PhaseOutcome> RunItems(Session& session, bool online);
[[nodiscard]] Result<Counts> UndoItems(Session& session);

/// 3: every item that is not marked is embedded, upserted, confirmed and marked.
[[nodiscard]] Result<PhaseOutcome> RunVectors(Session& session);
[[nodiscard]] Result<Counts> UndoVectors(Session& session);
/// From here on phase 3 is not done, nor any part of it: whatever interrupts what follows, `rehome
/// run` looks for items without a mark from the start.
[[nodiscard]] Status ReopenVectors(Session& session);

/// What stands in the run's namespaces now: counts by namespace, the digest over all vectors, the
/// positions.
[[nodiscard]] Result<PhaseOutcome> DescribeVectors(Session& session);

/// The digest of all items that are ours, read back from the target.
[[nodiscard]] Result<SetDigest> DigestOfItems(Session& session);

/// Writes what undo, stragglers and revert saved to a file beside the backups; its path, or empty
/// if nothing is saved.
[[nodiscard]] Result<std::string> ExportSaved(Session& session);

}  // namespace rehome
