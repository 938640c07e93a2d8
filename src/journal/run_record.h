#pragma once
// run_record.h — what the journal remembers of one run: one document, replaced as a whole by the
// runner that holds the lease. Per-datum memory is elsewhere (ledger.h, ranges.h, quarantine.h).
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "model/document.h"
#include "model/phase.h"
#include "ports/document_store.h"

namespace rehome {

using Counts = std::map<std::string, std::int64_t, std::less<>>;
using Texts = std::map<std::string, std::string, std::less<>>;

struct PhaseRecord {
  PhaseState state = PhaseState::kPending;
  std::optional<WallTime> started_at;
  double seconds = 0;  // over all attempts
  Counts counts;
};

/// What a finished phase leaves.
struct RestorePoint {
  Phase phase = Phase::kPrepare;
  WallTime at{};
  std::string digest;  // "COUNT:hex" over what the phase wrote; of phase 0: the manifest's SHA-256
  Counts counts;
  Texts positions;   // change positions and LSNs: "feed", "lsn portfolio_acme"
  Texts pointers;    // as they stood
  std::string undo;  // the command that undoes it
};

/// One thing that tells the application where to read: a key of an env file, a field of a document,
/// an alias.
struct PointerRecord {
  std::string kind;   // env_file, document, namespace_alias
  std::string where;  // file; collection; index
  std::string id;     // of a document pointer: its _id as canonical Extended JSON
  std::string key;    // key, field or alias
  std::optional<std::string>
      old_value;  // absent: the key or alias did not exist. Document pointers: Extended JSON
  std::string new_value;
  std::string old_written;  // env_file: the old value as it is written there, so that a revert
                            // gives the same bytes
  bool flipped = false;
};

struct FenceRecord {
  std::string collection;
  bool on_target = false;  // revert fences the new collections
  FenceKind kind = FenceKind::kNone;
  Document undo;
  bool raised = false;
  bool by_hooks = false;
  /// Whether anything holds the application's writes back while it is up.
  [[nodiscard]] bool pauses_writes() const { return kind != FenceKind::kNone || by_hooks; }
};

/// The one journaled decision of phase 4, and of revert in the other direction.
struct CutoverRecord {
  enum class State : std::uint8_t { kIntended, kFenced, kVerified, kComplete };
  State state = State::kIntended;
  bool reverse = false;
  std::vector<PointerRecord> pointers;
  std::vector<FenceRecord> fences;
  std::int64_t write_pause_ms = 0;
  bool after_hooks_ran = false;
};
[[nodiscard]] std::string_view Name(CutoverRecord::State state);

/// One attempt at phase 5.
struct Retirement {
  std::string backup;                // directory; made anew by each attempt
  std::string manifest_sha256;       // of that backup
  std::vector<std::string> dropped;  // collections that it dropped, as that backup holds them
  std::vector<std::string> emptied;  // namespaces that it began to empty of what that backup holds
};

struct RunRecord {
  std::string run_id;
  std::string plan_name;
  std::string fingerprint;
  std::string fingerprint_text;
  std::string resolved_plan;  // Plan::ResolvedJson(): without secrets
  RunState state = RunState::kNew;
  std::int64_t epoch = 0;
  WallTime created_at{};
  WallTime updated_at{};
  std::array<PhaseRecord, kPhases.size()> phases;
  std::vector<RestorePoint> restore_points;      // in phase order
  Texts namespaces;                              // org_id → namespace, resolved once
  std::vector<std::string> created_collections;  // in the target, by this run
  std::optional<CutoverRecord> cutover;          // the latest one, either direction
  Texts positions;                               // saved feed positions: "forward", "reverse"
  Texts watermarks;                              // applied_through, verified_through
  std::string backup;                            // directory of phase 0's backup
  std::vector<Retirement> retirements;           // oldest first
  bool items_reconciled = false;  // the ranges' sums no longer tell what phase 2 wrote
  /// Source ids, relaxed Extended JSON, that changed while an offline phase 2 read them and that
  /// nobody was told of yet.
  std::vector<std::string> changed_while_read;
  std::optional<WallTime> cut_over_at;
  std::optional<WallTime> last_straggler_at;
  std::int64_t audit_number =
      0;  // the audit log's head when this run last added to it: it must still be there
  std::string audit_hash;
  std::string last_error;
  std::string last_hint;

  [[nodiscard]] PhaseRecord& At(Phase phase) {
    return phases.at(static_cast<std::size_t>(Number(phase)));
  }
  [[nodiscard]] const PhaseRecord& At(Phase phase) const {
    return phases.at(static_cast<std::size_t>(Number(phase)));
  }
  [[nodiscard]] bool IsDone(Phase phase) const { return At(phase).state == PhaseState::kDone; }
  [[nodiscard]] const RestorePoint* FindRestorePoint(Phase phase) const;
  /// The items that stood there when phase 2 was done; 0 before.
  [[nodiscard]] std::int64_t MovedItems() const;
  [[nodiscard]] bool IsOver() const {
    return state == RunState::kRolledBack || state == RunState::kRetired;
  }
  /// The application reads the new side: between a completed cutover and a completed revert or
  /// rollback.
  [[nodiscard]] bool IsCutOver() const;
  /// Whether phase 5 has dropped that collection of the old side.
  [[nodiscard]] bool HasDropped(std::string_view collection) const;
  /// Whether phase 5 has removed anything of the old side.
  [[nodiscard]] bool HasRemoved() const;
  /// Of the samples that checks take: another one for each run, the same for all of one run's.
  [[nodiscard]] std::uint64_t SampleSeed() const;

  [[nodiscard]] Document ToDocument() const;
  [[nodiscard]] static Result<RunRecord> FromDocument(DocumentView document);
};

/// The newest run of a plan in that target; nothing if there is none.
[[nodiscard]] Result<std::optional<RunRecord>> LatestRun(DocumentStore& store,
                                                         std::string_view plan_name,
                                                         const Call& call);
/// Writes it in the place of `stands`, which is what was read or saved last, and becomes what stands.
/// kLeaseHeld, nothing written: a runner with a later lease has written it. The lease refuses such a
/// runner by the clock, which a machine that was suspended reads too late. kAborted: one with an
/// earlier lease has, since it was read.
[[nodiscard]] Status SaveRun(DocumentStore& store, const RunRecord& run,
                             std::optional<Document>& stands, const Call& call);

}  // namespace rehome
