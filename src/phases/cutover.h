#pragma once
// cutover.h — phase 4 in both directions (design: "Cutover", "Fence", "After cutover", "Revert").
// One journaled decision: it completes, or the state before it is back, fence lifted too.
#include "phases/phases.h"
#include "phases/session.h"

namespace rehome {

/// What stands between the run and its cutover, or what a `cutover --dry-run` predicts.
struct CutoverForecast {
  std::vector<PointerRecord> pointers;  // old and new values
  std::string fence;                    // the strongest one possible, in words
  Millis write_pause{0};                // predicted
  std::vector<std::string> obstacles;   // gates that would refuse now
  bool cut_over = false;                // already: there is nothing to do
};
[[nodiscard]] Result<CutoverForecast> ForecastCutover(const ReadSession& read, const Deps& deps);

/// Drain → full verification → fence → drain to zero → delta verification → flip → full pass.
[[nodiscard]] Result<PhaseOutcome> RunCutover(Session& session);

/// The same in the other direction, with write-back of what was written on the new side.
[[nodiscard]] Result<Counts> UndoCutover(Session& session);

/// After a crash: rolls a cutover forward that had passed its delta verification under a fence that
/// still holds, else puts pointers and fence back. The next verb that changes something calls it
/// first. True if something was done.
[[nodiscard]] Result<bool> SettleCutover(Session& session);

/// Keeps carrying stragglers after cutover until the legacy side was quiet for cutover.quiet, or
/// until stopped.
[[nodiscard]] Result<Counts> CarryStragglers(Session& session, bool follow);

}  // namespace rehome
