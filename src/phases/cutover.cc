// Phase 4, forward. The long work happens while the application still writes: drain, then the full
// verification. Under the fence only what a feed named since is looked at again, so that the write
// pause is short. Every step is journaled before it is made; what the journal says decides after a
// crash whether the next runner completes or puts back.
#include "phases/cutover.h"

#include <fmt/format.h>

#include <algorithm>

#include "checks/check.h"
#include "model/sort_key.h"
#include "phases/feeds.h"
#include "phases/fences.h"
#include "phases/pointers.h"
#include "phases/verification.h"

namespace rehome {
namespace {

/// The checks that judge documents one by one.
const std::vector<std::string> kChecksOfDocuments = {"tenants", "schema", "digests", "orphans",
                                                     "vectors"};

class WritePause {
 public:
  explicit WritePause(Session& session) : session_(session), start_(session.clock().Steady()) {}
  [[nodiscard]] Millis Elapsed() const {
    return std::chrono::duration_cast<Millis>(session_.clock().Steady() - start_);
  }
  /// kDeadlineExceeded once the budget is spent.
  [[nodiscard]] Status Check() const {
    const Millis budget = session_.plan().cutover.write_pause_max;
    if (Elapsed() <= budget) {
      return {};
    }
    return Fail(ErrorCode::kDeadlineExceeded,
                fmt::format("the write pause reached {}, cutover.write_pause_max is {}: the "
                            "cutover was cancelled and the application writes again",
                            FormatDuration(Elapsed()), FormatDuration(budget)),
                "try at a quieter time, or raise cutover.write_pause_max; `rehome cutover "
                "--dry-run` predicts the pause");
  }

 private:
  Session& session_;
  SteadyTime start_;
};

Status SaveState(Session& session, CutoverRecord::State state) {
  session.run().cutover->state = state;
  return session.Save();
}

Status FailedVerification(const Verification& verification, std::string_view when) {
  return Fail(
      ErrorCode::kCheckFailed,
      fmt::format("the verification {} failed: {}; the application still runs on the old side",
                  when, InWords(verification)),
      "`rehome verify` shows every discrepancy; mend them, then cut over again");
}

/// Keeps the ids that a drain names.
ApplyIds Collecting(std::vector<Value>& ids) {
  return [&ids](const std::vector<Value>& named) -> Status {
    ids.insert(ids.end(), named.begin(), named.end());
    return {};
  };
}

/// Under a fence this comes to zero lag. What no fence sees is carried up to the head as last read;
/// what comes later is a straggler.
Status DrainToZero(Session& session, const WritePause& pause, std::vector<Value>& ids) {
  const auto note = [&, collect = Collecting(ids)](const std::vector<Value>& named) -> Status {
    REHOME_TRY(pause.Check());
    return collect(named);
  };
  const auto lap = [&]() -> Result<std::size_t> {
    REHOME_TRY_ASSIGN(const Drained drained,
                      DrainForward(session, VectorMode::kNow, Millis{0}, note));
    REHOME_TRY(pause.Check());
    return drained.named;
  };
  REHOME_TRY(RunLaps(session.clock(), Millis::max(), lap));
  return {};
}

Status FlipAll(Session& session) {
  for (PointerRecord& pointer : session.run().cutover->pointers) {
    REHOME_TRY(Flip(pointer, session.stores(), session.call()));
    pointer.flipped = true;
    REHOME_TRY(session.Save());
  }
  return {};
}

Status Complete(Session& session) {
  session.run().cutover->state = CutoverRecord::State::kComplete;
  session.run().cut_over_at = session.clock().Now();
  return session.Save();
}

/// Once; after a crash the next attempt at phase 4 runs them.
Status RunAfterHooks(Session& session) {
  if (session.run().cutover->after_hooks_ran) {
    return {};
  }
  REHOME_TRY(RunHooks(session, "after", session.plan().cutover.hooks.after));
  session.run().cutover->after_hooks_ran = true;
  return session.Save();
}

/// What was written to the new collection since the reverse position: nothing of ours should be.
Status NamedByReverse(Session& session, std::vector<Value>& ids) {
  REHOME_TRY(DrainReverse(session, Collecting(ids)));
  return {};
}

/// What the flip needs: nothing is left to carry, and what was carried is right.
Status ProveUnderFence(Session& session, const WritePause& pause) {
  const Session::Patience patience(session, [&pause] { return pause.Check(); });
  std::vector<Value> ids;
  REHOME_TRY(DrainToZero(session, pause, ids));
  REHOME_TRY(NamedByReverse(session, ids));
  VerificationScope scope = VerificationScope::OfCutover(session);
  scope.context().only = EachOnce(ids);
  REHOME_TRY_ASSIGN(const Verification delta, VerifyDelta(scope.context()));
  if (!delta.passed) {
    return FailedVerification(delta, "under the fence");
  }
  return pause.Check();
}

Status UnderFence(Session& session, const WritePause& pause) {
  REHOME_TRY(RaiseFences(session));
  REHOME_TRY(SaveState(session, CutoverRecord::State::kFenced));
  REHOME_TRY(ProveUnderFence(session, pause));
  REHOME_TRY(SaveState(session, CutoverRecord::State::kVerified));
  REHOME_TRY(FlipAll(session));
  session.run().cutover->write_pause_ms = pause.Elapsed().count();
  return Complete(session);
}

/// What the application writes to the old side: before the flip its work, after it a straggler.
class Stragglers {
 public:
  explicit Stragglers(Session& session) : session_(session) {}

  /// Carries what there is; past the flip it is noted when that was.
  Result<Drained> Drain(Millis wait) {
    REHOME_TRY_ASSIGN(Drained drained, DrainForward(session_, VectorMode::kNow, wait));
    const Reconciled& carried = drained.reconciled;
    const std::size_t written = carried.inserted + carried.replaced + carried.deleted;
    changed_ = written + carried.saved.size();
    if (changed_ > 0 && session_.run().IsCutOver()) {
      session_.run().last_straggler_at = session_.clock().Now();
      REHOME_TRY(session_.Save());
    }
    counts_["stragglers carried"] += static_cast<std::int64_t>(written);
    counts_["stragglers saved"] += static_cast<std::int64_t>(carried.saved.size());
    return drained;
  }

  /// Of the last drain.
  [[nodiscard]] std::size_t changed() const { return changed_; }
  [[nodiscard]] const Counts& counts() const { return counts_; }
  [[nodiscard]] std::int64_t carried() const { return counts_.at("stragglers carried"); }

 private:
  Session& session_;
  std::size_t changed_ = 0;
  Counts counts_ = {{"stragglers carried", 0}, {"stragglers saved", 0}};
};

/// Carries what the feed names, lap by lap.
Result<LastLap> CatchUp(Session& session, Millis longest) {
  Stragglers stragglers(session);
  return RunLaps(session.clock(), longest, [&]() -> Result<std::size_t> {
    REHOME_TRY_ASSIGN(const Drained drained, stragglers.Drain(Millis{0}));
    return drained.named;
  });
}

/// A lap that is proved as well: what the write pause will be made of.
Result<std::size_t> ProvedLap(Session& session) {
  std::vector<Value> ids;
  REHOME_TRY(DrainForward(session, VectorMode::kNow, Millis{0}, Collecting(ids)));
  const std::size_t named = ids.size();
  if (named == 0) {
    return named;
  }
  VerificationScope scope = VerificationScope::OfCutover(session);
  scope.context().only = EachOnce(ids);
  REHOME_TRY_ASSIGN(const Verification delta, Verify(scope.context(), kChecksOfDocuments));
  if (!delta.passed) {
    return std::unexpected(FailedVerification(delta, "before the fence").error());
  }
  session.run().watermarks.insert_or_assign("verified_through", session.run().positions["forward"]);
  return named;
}

/// A pause over budget is foreseen rather than begun.
Status RefuseLongPause(Session& session, const LastLap& last) {
  const Millis budget = session.plan().cutover.write_pause_max;
  if (last.named == 0 || last.took <= budget) {
    return {};
  }
  return Fail(
      ErrorCode::kDeadlineExceeded,
      fmt::format("the write pause would last {} or longer, cutover.write_pause_max is {}: {} was "
                  "written to {} documents in the time that it took to carry the writes before "
                  "them, and that does not get less; nothing was fenced or flipped, the "
                  "application writes on",
                  FormatDuration(last.took), FormatDuration(budget), session.plan().items.from,
                  last.named),
      HasForwardFeed(session.run())
          ? "try at a quieter time (`rehome run --online --follow` keeps the new side close until "
            "then), or raise cutover.write_pause_max"
          : "each lap is a sweep of both sides, since the source has no change feed (a replica set "
            "has one): try when nothing is written, or raise cutover.write_pause_max");
}

/// Everything that needs no fence: drain, positions, the full verification.
Status BeforeFence(Session& session) {
  const Millis budget = session.plan().cutover.write_pause_max;
  REHOME_TRY_ASSIGN(const LastLap carried, CatchUp(session, budget));
  REHOME_TRY(RefuseLongPause(session, carried));
  REHOME_TRY(session.SettleLeftOpen());
  REHOME_TRY(TakeReversePosition(session));
  VerificationScope scope = VerificationScope::OfCutover(session);
  REHOME_TRY_ASSIGN(const Verification full, Verify(scope.context(), ChecksBeforeCutover()));
  if (!full.passed) {
    return FailedVerification(full, "before the fence");
  }
  session.run().watermarks.insert_or_assign("verified_through", session.run().positions["forward"]);
  REHOME_TRY_ASSIGN(const LastLap proved,
                    RunLaps(session.clock(), budget, [&] { return ProvedLap(session); }));
  REHOME_TRY(RefuseLongPause(session, proved));
  return session.Save();
}

Status Intend(Session& session) {
  REHOME_TRY_ASSIGN(auto pointers, ReadPointers(session.plan(), session.stores(), session.call()));
  REHOME_TRY_ASSIGN(FenceRecord fence, PlanFence(session, session.plan().items.from, false));
  std::vector<FenceRecord> fences = {std::move(fence)};
  REHOME_TRY_ASSIGN(auto write_block, PlanWriteBlock(session));
  if (write_block) {
    fences.push_back(*std::move(write_block));
  }
  std::string named;
  for (const PointerRecord& pointer : pointers) {
    named += fmt::format(" {} in {}: {} → {};", pointer.key, pointer.where,
                         pointer.old_value.value_or("(absent)"), pointer.new_value);
  }
  session.run().cutover = CutoverRecord{.state = CutoverRecord::State::kIntended,
                                        .reverse = false,
                                        .pointers = std::move(pointers),
                                        .fences = std::move(fences),
                                        .write_pause_ms = 0,
                                        .after_hooks_ran = false};
  REHOME_TRY(session.Save());
  return session.Audit("cutover intended", named);
}

/// Whether an interrupted cutover may be completed: its delta was proved, the fence held all along,
/// nothing came since.
Result<bool> MayRollForward(Session& session) {
  const auto& cutover = session.run().cutover;
  if (!cutover || cutover->reverse || cutover->state != CutoverRecord::State::kVerified) {
    return false;
  }
  REHOME_TRY_ASSIGN(const bool fenced, FencesHold(session));
  if (!fenced) {
    return false;
  }
  // Since the first flip the application may have written on the new side. A feed's drain leaves
  // that alone; a sweep would take it for a difference. Without a feed the fence is the proof.
  if (!HasForwardFeed(session.run())) {
    return true;
  }
  REHOME_TRY_ASSIGN(const Drained drained, DrainForward(session, VectorMode::kNow));
  return drained.named == 0;
}

PhaseOutcome Outcome(Session& session) {
  const RunRecord& run = session.run();
  PhaseOutcome out;
  const RestorePoint* items = run.FindRestorePoint(Phase::kItems);
  out.digest = items == nullptr ? "" : items->digest;
  out.counts["pointers flipped"] = static_cast<std::int64_t>(run.cutover->pointers.size());
  out.counts["write_pause_ms"] = run.cutover->write_pause_ms;
  out.positions = run.positions;
  return out;
}

/// The pass after the flip: the application is on the new side whatever it finds. What nothing
/// fenced off meanwhile is carried before, else it would be found missing, now and at every
/// attempt.
Result<PhaseOutcome> FullPass(Session& session) {
  REHOME_TRY(LiftWriteBlock(session));
  REHOME_TRY(RunAfterHooks(session));
  REHOME_TRY(CatchUp(session, Millis::max()));
  REHOME_TRY(session.SettleLeftOpen());
  VerificationScope scope = VerificationScope::OfCutover(session);
  REHOME_TRY_ASSIGN(const Verification after, Verify(scope.context(), {}));
  if (!after.passed) {
    return Fail(
        ErrorCode::kCheckFailed,
        fmt::format(
            "the application is on the new side, but the full pass after the flip found: {}",
            InWords(after)),
        "`rehome verify` shows every discrepancy; `rehome revert` goes back to the old side, "
        "keeping what was written since");
  }
  return Outcome(session);
}

}  // namespace

Result<PhaseOutcome> RunCutover(Session& session) {
  if (session.run().IsCutOver()) {  // only the full pass after the flip is owed
    return FullPass(session);
  }
  REHOME_TRY_ASSIGN(const bool forward, MayRollForward(session));
  if (forward) {
    session.events().Note(
        "the interrupted cutover had been proved under its fence, which still holds: completing "
        "it");
    REHOME_TRY(FlipAll(session));
    REHOME_TRY(Complete(session));
    return FullPass(session);
  }
  REHOME_TRY(SettleCutover(session));
  REHOME_TRY(RunHooks(session, "before", session.plan().cutover.hooks.before));
  REHOME_TRY(BeforeFence(session));
  REHOME_TRY(Intend(session));
  const WritePause pause(session);
  if (Status flipped = UnderFence(session, pause); !flipped) {
    // The lease gone or the store away: then the next runner puts back what this one cannot.
    const Session::StopMask mask(session);
    if (auto back = SettleCutover(session); !back) {
      session.events().Warn(
          fmt::format("the cutover could not be put back now ({}); the next `rehome run`, "
                      "`cutover` or `revert` does it",
                      back.error().message));
    }
    return std::unexpected(std::move(flipped).error());
  }
  const CutoverRecord& done = *session.run().cutover;
  const bool fenced = std::ranges::any_of(done.fences, &FenceRecord::pauses_writes);
  const std::string took = FormatDuration(Millis{done.write_pause_ms});
  session.events().Note(
      fenced ? "cut over; writes were paused for " + took
             : "cut over; nothing paused the writes, the last changes and the flip took " + took);
  return FullPass(session);
}

Result<bool> SettleCutover(Session& session) {
  const auto& cutover = session.run().cutover;
  if (!cutover || cutover->state == CutoverRecord::State::kComplete) {
    return false;
  }
  REHOME_TRY(session.Audit("interrupted cutover settled", Name(cutover->state)));
  // What the application wrote on the new side while some pointers were flipped goes back with it.
  REHOME_TRY(UndoCutover(session));
  return true;
}

Result<Counts> CarryStragglers(Session& session, bool follow) {
  Stragglers stragglers(session);
  const Millis quiet = session.plan().cutover.quiet;
  while (true) {
    const auto drained = stragglers.Drain(quiet);
    if (!drained && drained.error().code != ErrorCode::kCancelled) {
      return std::unexpected(drained.error());
    }
    if (!drained || session.call().stop.stop_requested()) {
      return Fail(
          ErrorCode::kCancelled,
          fmt::format("stopped on request; what the feed named so far is carried ({} in this call)",
                      stragglers.carried()),
          "`rehome run --online` goes on from here");
    }
    const bool quiet_now = drained->swept ? stragglers.changed() == 0 : drained->named == 0;
    if (quiet_now && !follow) {
      return stragglers.counts();
    }
  }
}

Result<CutoverForecast> ForecastCutover(const ReadSession& read, const Deps& deps) {
  CutoverForecast out;
  const Call call{.stop = deps.stop};
  const Plan& plan = *read.compiled->plan;
  const SteadyTime start = deps.clock.Steady();
  auto pointers = ReadPointers(plan, deps.stores, call);
  if (pointers) {
    out.pointers = *std::move(pointers);
  } else {
    out.obstacles.push_back(pointers.error().message);
  }
  for (const std::string& collection : {plan.items.from, plan.items.to}) {
    REHOME_TRY_ASSIGN(const auto ignored,
                      (collection == plan.items.from ? deps.stores.source_documents
                                                     : deps.stores.target_documents)
                          ->Count(collection, call));
    static_cast<void>(ignored);
  }
  // Under the fence stand the same reads, the delta (nothing, if the feeds are quiet) and one
  // durable write a pointer.
  out.write_pause = std::chrono::duration_cast<Millis>(deps.clock.Steady() - start) * 2 +
                    Millis{20} * static_cast<int>(out.pointers.size() + 2);
  REHOME_TRY_ASSIGN(const FenceKind kind,
                    deps.stores.source_documents->PossibleFence(plan.items.from, call));
  out.fence = plan.cutover.fence == CutoverPlan::Fence::kNone ? "none (the plan wants none)"
                                                              : std::string(Name(kind));
  if (!plan.cutover.hooks.fence.empty()) {
    out.fence += ", after cutover.hooks.fence";
  }
  if (!read.run || read.run->At(Phase::kVectors).state != PhaseState::kDone) {
    out.obstacles.emplace_back("phase 3 (vectors) has not run");
  } else {
    out.cut_over = read.run->IsCutOver();
  }
  return out;
}

}  // namespace rehome
