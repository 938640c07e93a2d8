#include "phases/engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "journal/counts_text.h"
#include "phases/cutover.h"
#include "phases/feeds.h"
#include "phases/retire.h"

namespace rehome {
namespace {

/// The state in which a run rests, from what its phases say.
RunState RestingState(const RunRecord& run) {
  if (run.IsDone(Phase::kRetire)) {
    return RunState::kRetired;
  }
  if (run.IsCutOver()) {
    return RunState::kCutOver;
  }
  if (run.IsDone(Phase::kVectors)) {
    return RunState::kMigrated;
  }
  const bool any = std::ranges::any_of(kPhases, [&](Phase phase) {
    const PhaseState state = run.At(phase).state;
    return phase != Phase::kPrepare && state != PhaseState::kPending &&
           state != PhaseState::kUndone;
  });
  const bool undone = run.At(Phase::kTenants).state == PhaseState::kUndone;
  return undone && !any ? RunState::kRolledBack : RunState::kInterrupted;
}

/// Found so under a new lease: a runner died before it could record that the run rests.
bool WasCutOff(const RunRecord& run) {
  return run.state == RunState::kRunning;
}

bool HasEffects(const RunRecord& run, Phase phase) {
  const PhaseState state = run.At(phase).state;
  return state == PhaseState::kRunning || state == PhaseState::kDone ||
         state == PhaseState::kUndoing;
}

/// Records how a verb ended: the run rests, or it holds the error that the next status shows.
Status Settle(Session& session, const Status& outcome) {
  RunRecord& run = session.run();
  if (outcome) {
    run.last_error.clear();
    run.last_hint.clear();
    return session.MoveTo(RestingState(run));
  }
  run.last_error = outcome.error().message;
  run.last_hint = outcome.error().hint;
  const ErrorCode code = outcome.error().code;
  const bool resumable = code == ErrorCode::kCancelled || IsRetryable(code) ||
                         code == ErrorCode::kAborted || code == ErrorCode::kUnauthenticated;
  const RunState resting = RestingState(run);
  // Where the application stands does not change because something later failed: a cutover that was
  // put back leaves a migrated run, a cut-over run stays one.
  const bool keeps = resting == RunState::kMigrated || resting == RunState::kCutOver ||
                     resting == RunState::kRetired;
  return session.MoveTo(keeps ? resting : resumable ? RunState::kInterrupted : RunState::kFailed);
}

/// Makes the last record of a verb whose runner died just before it.
Status Rest(Session& session) {
  return WasCutOff(session.run()) ? session.MoveTo(RestingState(session.run())) : Status{};
}

/// Runs `body` between kRunning and the state in which the run rests; the body's error wins over a
/// failed record, unless the lease is gone: what such a runner found may be another one's doing.
Result<RunReport> Attempt(Session& session, const std::function<Status(RunReport&)>& body) {
  REHOME_TRY(session.MoveTo(RunState::kRunning));
  RunReport report;
  const Status outcome = body(report);
  const Status settled = Settle(session, outcome);
  const bool lost_lease = !settled && settled.error().code == ErrorCode::kLeaseHeld;
  if (!outcome && !lost_lease) {
    return std::unexpected(outcome.error());
  }
  REHOME_TRY(settled);
  return report;
}

std::string UndoCommand(Phase phase) {
  return phase == Phase::kCutover ? "rehome revert"
                                  : fmt::format("rehome rollback --phase {}", Number(phase));
}

std::string Done(const Counts& counts) {
  return counts.empty() ? "nothing to do" : InWords(counts);
}

void LeaveRestorePoint(Session& session, Phase phase, const PhaseOutcome& outcome) {
  RunRecord& run = session.run();
  std::erase_if(run.restore_points,
                [&](const RestorePoint& point) { return point.phase == phase; });
  RestorePoint point{.phase = phase,
                     .at = session.clock().Now(),
                     .digest = outcome.digest,
                     .counts = outcome.counts,
                     .positions = outcome.positions,
                     .pointers = {},
                     .undo = UndoCommand(phase)};
  if (run.cutover) {
    for (const PointerRecord& pointer : run.cutover->pointers) {
      point.pointers.insert_or_assign(
          fmt::format("{} {}", pointer.where, pointer.key),
          pointer.flipped ? pointer.new_value : pointer.old_value.value_or(""));
    }
  }
  run.restore_points.push_back(std::move(point));
  std::ranges::sort(run.restore_points, {}, &RestorePoint::phase);
}

/// One phase from its start to its restore point.
Status RunPhase(Session& session, Phase phase, const std::function<Result<PhaseOutcome>()>& body,
                RunReport& report) {
  PhaseRecord& record = session.run().At(phase);
  record.state = PhaseState::kRunning;
  record.started_at = session.clock().Now();
  REHOME_TRY(session.Audit("phase start", fmt::format("{} {}", Number(phase), Name(phase))));
  session.events().PhaseStarted(phase);
  const SteadyTime start = session.clock().Steady();
  auto outcome = body();
  const double seconds = std::chrono::duration<double>(session.clock().Steady() - start).count();
  record.seconds += seconds;
  session.events().PhaseFinished(phase, outcome ? PhaseState::kDone : PhaseState::kRunning,
                                 seconds);
  if (!outcome) {
    return std::unexpected(
        std::move(outcome).error().In(fmt::format("phase {} ({})", Number(phase), Name(phase))));
  }
  record.counts = outcome->counts;
  record.state = PhaseState::kDone;
  LeaveRestorePoint(session, phase, *outcome);
  REHOME_TRY(session.Audit("phase done",
                           fmt::format("{} {}: {}", Number(phase), Name(phase), outcome->digest)));
  report.done.push_back(
      fmt::format("phase {} {}: {}", Number(phase), Name(phase), Done(outcome->counts)));
  return {};
}

Result<PhaseOutcome> Body(Session& session, Phase phase, const RunRequest& request) {
  switch (phase) {
    case Phase::kPrepare:
      return RunPrepare(session);
    case Phase::kTenants:
      return RunTenants(session);
    case Phase::kItems:
      return RunItems(session, request.online);
    case Phase::kVectors:
      return RunVectors(session);
    case Phase::kCutover:
      return RunCutover(session);
    case Phase::kRetire:
      return RunRetire(session, false);
  }
  return Fail(ErrorCode::kInternal, "unknown phase");
}

/// The phases this call is to run, in order.
std::vector<Phase> Owed(const RunRecord& run, const RunRequest& request) {
  if (request.only) {
    return {*request.only};
  }
  std::vector<Phase> out;
  for (const Phase phase : kPhases) {
    if (phase <= request.through && !run.IsDone(phase)) {
      out.push_back(phase);
    }
  }
  return out;
}

/// Refuses a phase by itself whose forerunner has not run.
Status RefuseTooEarly(const RunRecord& run, const RunRequest& request) {
  for (const Phase before : kPhases) {
    if (request.only && before < *request.only && !run.IsDone(before)) {
      return Fail(
          ErrorCode::kFailedPrecondition,
          fmt::format("phase {} ({}) needs phase {} ({}), which has not run", Number(*request.only),
                      Name(*request.only), Number(before), Name(before)),
          fmt::format("`rehome run --phase {}` first, or `rehome run` for all of them",
                      Number(before)));
    }
  }
  return {};
}

Status RefuseQuarantine(Session& session) {
  REHOME_TRY_ASSIGN(const std::uint64_t count, session.quarantine().Count(session.call()));
  const std::uint64_t allowed = session.plan().items.quarantine_max;
  if (count <= allowed) {
    return {};
  }
  return Fail(ErrorCode::kTooManyQuarantined,
              fmt::format("{} documents are in quarantine, the plan allows {}; everything else is "
                          "migrated, and the application still runs on the old side",
                          count, allowed),
              "`rehome quarantine list` says why each of them; mend the documents and `rehome "
              "quarantine replay`, or mend the plan and `rehome rollback --all`, or raise "
              "items.quarantine_max");
}

/// Before the phases of a call with --sweep: a new feed position, and what differs mended.
Status SweepFirst(Session& session, RunReport& report) {
  REHOME_TRY_ASSIGN(const Drained swept, SweepForward(session, VectorModeOf(session.run())));
  report.done.push_back(
      fmt::format("sweep: {} documents differed and were reconciled", swept.named));
  return {};
}

/// After the phases of an online call: before cutover what the feed names is carried once, or until
/// stopped with
/// --follow; after it until the legacy side is quiet.
Status CarryAfter(Session& session, const RunRequest& request, RunReport& report) {
  if (!session.run().IsDone(Phase::kVectors)) {
    return {};
  }
  if (!session.run().IsCutOver() && !request.follow) {
    REHOME_TRY_ASSIGN(const Drained drained, DrainForward(session, VectorMode::kNow));
    report.done.push_back(fmt::format("carried {} changes of the source", drained.named));
    return {};
  }
  REHOME_TRY_ASSIGN(const Counts carried, CarryStragglers(session, request.follow));
  report.done.push_back(fmt::format("after the phases: {}", Done(carried)));
  return {};
}

Status RunSelected(Session& session, const std::vector<Phase>& phases, const RunRequest& request,
                   RunReport& report) {
  for (const Phase phase : phases) {
    if (phase == Phase::kCutover) {
      REHOME_TRY(RefuseQuarantine(session));
    } else if (phase == Phase::kRetire) {
      REHOME_TRY(RefuseRetire(session, false));
    }
    if (phase == Phase::kItems && HasEffects(session.run(), Phase::kVectors)) {
      // Run again, phase 2 may write items anew: phase 3 embeds what is not marked.
      REHOME_TRY(ReopenVectors(session));
    }
    REHOME_TRY(RunPhase(session, phase, [&] { return Body(session, phase, request); }, report));
  }
  const bool moved_items =
      !phases.empty() && phases.back() >= Phase::kItems && !session.run().IsCutOver();
  return moved_items ? RefuseQuarantine(session) : Status{};
}

}  // namespace

Status SettleFirst(Session& session) {
  if (session.run().At(Phase::kCutover).state != PhaseState::kUndoing) {
    REHOME_TRY(SettleCutover(session));
    return {};
  }
  REHOME_TRY_ASSIGN(const RunReport report, Revert(session));
  for (const std::string& done : report.done) {
    session.events().Note(done);
  }
  return Fail(ErrorCode::kFailedPrecondition,
              "a revert had been interrupted: it was completed now, and the application is on the "
              "old side; this call did nothing else",
              "`rehome run` or `rehome cutover` once more moves it to the new side again; `rehome "
              "rollback` goes on with a rollback");
}

Result<RunReport> Run(Session& session, const RunRequest& request) {
  RunRecord& run = session.run();
  const std::vector<Phase> phases = Owed(run, request);
  // Phase 4 may complete an interrupted cutover.
  const bool completes = !phases.empty() && phases.front() == Phase::kCutover &&
                         run.At(Phase::kCutover).state != PhaseState::kUndoing;
  if (!completes) {
    REHOME_TRY(SettleFirst(session));
  }
  if (run.state == RunState::kRetired && !request.only) {
    return RunReport{.done = {"this run is retired: there is nothing left to move"},
                     .nothing_to_do = true};
  }
  if (run.IsCutOver() && request.only && *request.only < Phase::kCutover) {
    return Fail(
        ErrorCode::kFailedPrecondition,
        fmt::format("the run is cut over: phase {} would overwrite what the application writes now",
                    Number(*request.only)),
        "`rehome run --online` carries stragglers; `rehome revert` goes back to the old side");
  }
  REHOME_TRY(RefuseTooEarly(run, request));
  const bool live = request.online || request.sweep;
  if (phases.empty() && !live) {
    REHOME_TRY(Rest(session));
    return RunReport{.done = {fmt::format("nothing to do: the run is {}", Name(run.state))},
                     .nothing_to_do = true};
  }
  if (request.only == Phase::kCutover && run.IsDone(Phase::kCutover)) {
    REHOME_TRY(Rest(session));
    return RunReport{.done = {"nothing to do: the run is cut over already"}, .nothing_to_do = true};
  }
  if (!run.retirements.empty()) {
    return Fail(ErrorCode::kFailedPrecondition,
                "phase 5 (retire) was interrupted: part of the old side is gone, and what is gone "
                "there is not to be followed",
                "`rehome retire` goes on with it, `rehome rollback --phase 5` puts it back");
  }
  return Attempt(session, [&](RunReport& report) -> Status {
    if (request.sweep && run.positions.contains("forward")) {
      REHOME_TRY(SweepFirst(session, report));
    }
    REHOME_TRY(RunSelected(session, phases, request, report));
    return request.online ? CarryAfter(session, request, report) : Status{};
  });
}

namespace {

Result<Counts> Undo(Session& session, Phase phase) {
  switch (phase) {
    case Phase::kPrepare:
      return Counts{{"backup kept", 1}};
    case Phase::kTenants:
      return UndoTenants(session);
    case Phase::kItems:
      return UndoItems(session);
    case Phase::kVectors:
      return UndoVectors(session);
    case Phase::kCutover:
      return UndoCutover(session);
    case Phase::kRetire:
      return UndoRetire(session);
  }
  return Fail(ErrorCode::kInternal, "unknown phase");
}

Status UndoPhase(Session& session, Phase phase, RunReport& report) {
  RunRecord& run = session.run();
  const PhaseState before = std::exchange(run.At(phase).state, PhaseState::kUndoing);
  REHOME_TRY(session.Audit("undo start", fmt::format("{} {}", Number(phase), Name(phase))));
  session.events().Note(fmt::format("undoing phase {} ({})", Number(phase), Name(phase)));
  auto counts = Undo(session, phase);
  if (!counts) {
    if (phase == Phase::kCutover && run.cutover && !run.cutover->reverse) {
      // Refused before anything moved: what comes next is not to complete what did not begin.
      run.At(phase).state = before;
    }
    return std::unexpected(std::move(counts).error().In(
        fmt::format("undo of phase {} ({})", Number(phase), Name(phase))));
  }
  REHOME_TRY(session.SettleLeftOpen());
  // A backup is kept, so phase 0 stays done: the next run makes a fresh one all the same when it is
  // asked for.
  run.At(phase) =
      PhaseRecord{.state = phase == Phase::kPrepare ? PhaseState::kDone : PhaseState::kUndone,
                  .started_at = {},
                  .seconds = 0,
                  .counts = {}};
  std::erase_if(run.restore_points, [&](const RestorePoint& point) {
    return point.phase == phase && phase != Phase::kPrepare;
  });
  REHOME_TRY(session.Audit("undo done",
                           fmt::format("{} {}: {}", Number(phase), Name(phase), Done(*counts))));
  report.done.push_back(
      fmt::format("phase {} {} undone: {}", Number(phase), Name(phase), Done(*counts)));
  return {};
}

}  // namespace

Result<RunReport> Rollback(Session& session, std::optional<Phase> phase) {
  const Phase first = phase.value_or(Phase::kTenants);
  if (first > Phase::kCutover) {
    REHOME_TRY(SettleFirst(session));
  }
  std::vector<Phase> doomed;
  for (const Phase candidate : kPhases) {
    if (candidate >= std::max(first, Phase::kTenants) && HasEffects(session.run(), candidate)) {
      doomed.insert(doomed.begin(), candidate);
    }
  }
  // A run that wrote nothing yet is over too once all of it was to be undone: a changed plan may begin.
  RunRecord& run = session.run();
  const bool ends = doomed.empty() && first <= Phase::kTenants && !run.IsOver();
  if (doomed.empty() && !ends && !WasCutOff(run)) {
    return RunReport{.done = {"nothing to undo: nothing of this run is left"},
                     .nothing_to_do = true};
  }
  return Attempt(session, [&](RunReport& report) -> Status {
    for (const Phase one : doomed) {
      REHOME_TRY(UndoPhase(session, one, report));
    }
    if (ends) {
      run.At(Phase::kTenants).state = PhaseState::kUndone;
    }
    if (doomed.empty()) {
      report.done.emplace_back("nothing was left to undo");
    }
    REHOME_TRY_ASSIGN(const std::string file, ExportSaved(session));
    if (!file.empty()) {
      report.done.push_back(
          fmt::format("what others had changed was saved to {} before it was removed", file));
    }
    return {};
  });
}

Result<RunReport> CutOver(Session& session) {
  return Run(session, {.only = Phase::kCutover,
                       .through = Phase::kCutover,
                       .online = false,
                       .follow = false,
                       .sweep = false});
}

Result<RunReport> Revert(Session& session) {
  if (!HasEffects(session.run(), Phase::kCutover) && !WasCutOff(session.run())) {
    return RunReport{.done = {"nothing to revert: the application is on the old side"},
                     .nothing_to_do = true};
  }
  return Rollback(session, Phase::kCutover);
}

Result<RunReport> Retire(Session& session, const RetireRequest& request) {
  REHOME_TRY(SettleFirst(session));
  if (session.run().IsDone(Phase::kRetire)) {
    REHOME_TRY(Rest(session));
    return RunReport{.done = {"nothing to do: this run is retired already"}, .nothing_to_do = true};
  }
  if (!session.run().IsCutOver()) {
    return Fail(ErrorCode::kFailedPrecondition,
                "retire removes the old side, but phase 4 (cutover) has not run: the application "
                "still reads it",
                "`rehome cutover` first");
  }
  REHOME_TRY(RefuseRetire(session, request.shorten_retention));
  return Attempt(session, [&](RunReport& report) {
    return RunPhase(
        session, Phase::kRetire, [&] { return RunRetire(session, request.shorten_retention); },
        report);
  });
}

}  // namespace rehome
