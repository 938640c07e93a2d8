#include "phases/restore_points.h"

#include <algorithm>

#include "phases/phases.h"

namespace rehome {
namespace {

/// Puts what a phase would report now into its record and its restore point.
void Refresh(RunRecord& run, Phase phase, const PhaseOutcome& now) {
  const auto point = std::ranges::find(run.restore_points, phase, &RestorePoint::phase);
  if (point == run.restore_points.end()) {
    return;
  }
  point->digest = now.digest;
  for (const auto& [what, count] : now.counts) {
    point->counts.insert_or_assign(what, count);
    run.At(phase).counts.insert_or_assign(what, count);
  }
  for (const auto& [what, position] : now.positions) {
    point->positions.insert_or_assign(what, position);
  }
}

}  // namespace

Status RefreshRestorePoints(Session& session) {
  REHOME_TRY_ASSIGN(const SetDigest items, DigestOfItems(session));
  REHOME_TRY_ASSIGN(const std::uint64_t source,
                    session.source().Count(session.plan().items.from, session.call()));
  REHOME_TRY_ASSIGN(const std::uint64_t quarantined, session.quarantine().Count(session.call()));
  Refresh(session.run(), Phase::kItems,
          {.digest = items.ToString(),
           .counts = {{"source", static_cast<std::int64_t>(source)},
                      {"items", static_cast<std::int64_t>(items.count())},
                      {"quarantined", static_cast<std::int64_t>(quarantined)}},
           .positions = {}});
  if (session.run().IsDone(Phase::kVectors)) {
    REHOME_TRY_ASSIGN(const PhaseOutcome vectors, DescribeVectors(session));
    Refresh(session.run(), Phase::kVectors, vectors);
  }
  return session.Save();
}

}  // namespace rehome
