// What the journal in the target says: a run under way, its plan, its runner, a fence left up.
#include <fmt/format.h>

#include "phases/preflight_look.h"

namespace rehome {
namespace {

bool FenceLeftUp(const RunRecord& run) {
  if (!run.cutover || run.cutover->state == CutoverRecord::State::kComplete) {
    return false;
  }
  for (const FenceRecord& fence : run.cutover->fences) {
    if (fence.raised) {
      return true;
    }
  }
  return false;
}

}  // namespace

Status LookAtRun(Look& look) {
  if (look.run == nullptr) {
    look.Ok("journal", fmt::format("plan {} has no run here to go on with", look.plan.name));
    return {};
  }
  const RunRecord& run = *look.run;
  look.Ok("journal", fmt::format("run {} is {}", run.run_id, Name(run.state)));
  if (run.fingerprint == look.plan.Fingerprint() || run.IsOver()) {
    return {};
  }
  // The session knows how to name the difference.
  const auto session = ReadSession::Open(look.plan, PlanRule::kMustMatch, look.deps);
  return session ? Status() : std::unexpected(session.error());
}

Status LookAtLease(Look& look) {
  REHOME_TRY_ASSIGN(const auto holder,
                    Lease::Inspect(*look.deps.stores.target_documents, look.plan.name, look.call));
  const bool held = holder && !holder->released && !holder->IsDeadHere();
  if (held && holder->process != look.deps.self) {
    look.Ok("lease",
            fmt::format("held by process {} on {}: `run` would be refused (exit 7) while it lives",
                        holder->process.pid, holder->process.host));
  } else if (!held) {
    look.Ok("lease",
            holder && !holder->released
                ? fmt::format("free: its last holder, process {}, is gone", holder->process.pid)
                : "free");
  }
  if (!held && look.run != nullptr && FenceLeftUp(*look.run)) {
    look.Warn("fence",
              "a fence of a cutover that is not complete may still stand: the application's legacy "
              "writes fail",
              "`rehome run` or `rehome cutover` completes the cutover or puts everything back, the "
              "fence included");
  }
  return {};
}

}  // namespace rehome
