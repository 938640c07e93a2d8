#pragma once
// engine.h — what may run when, and the records of it: the verbs run, rollback, cutover, revert and
// retire.
#include <optional>
#include <string>
#include <vector>

#include "phases/phases.h"
#include "phases/session.h"

namespace rehome {

struct RunRequest {
  std::optional<Phase> only;  // --phase N
  Phase through = Phase::kCutover;
  bool online = false;
  bool follow = false;  // until stopped
  bool sweep = false;
};

struct RunReport {
  std::vector<std::string> done;  // sentences: what this call did
  bool nothing_to_do = false;     // it was already so
};

/// What every verb that changes something calls first: a cutover that was cut off is put back. A revert
/// that was cut off is completed, which whoever asked for the old side wants before anything else; then
/// kFailedPrecondition, so that what was called meanwhile does not leave it again.
[[nodiscard]] Status SettleFirst(Session& session);

/// Runs or resumes. Errors as the phases give them; the run's state says afterwards how it stands.
[[nodiscard]] Result<RunReport> Run(Session& session, const RunRequest& request);

/// Undoes `phase` and what came after it; absent: all, pointers included.
[[nodiscard]] Result<RunReport> Rollback(Session& session, std::optional<Phase> phase);

/// Flips the pointers (cutover.h) and leaves the restore point of phase 4.
[[nodiscard]] Result<RunReport> CutOver(Session& session);
/// Flips them back, keeping what was written since.
[[nodiscard]] Result<RunReport> Revert(Session& session);

struct RetireRequest {
  bool shorten_retention = false;  // accepts a retire.after under 24 h; audited
};
[[nodiscard]] Result<RunReport> Retire(Session& session, const RetireRequest& request);

}  // namespace rehome
