#include "phases/replay.h"

#include <fmt/format.h>

#include <algorithm>

#include "flow/reconcile.h"
#include "model/extended_json.h"
#include "phases/restore_points.h"

namespace rehome {
namespace {

Result<std::vector<Value>> AllQuarantined(Session& session) {
  REHOME_TRY_ASSIGN(const auto records, session.quarantine().List(session.call()));
  std::vector<Value> out;
  std::ranges::transform(records, std::back_inserter(out), &QuarantineRecord::source_id);
  return out;
}

Status RefuseUnknown(Session& session, const std::vector<Value>& ids) {
  REHOME_TRY_ASSIGN(const auto known, session.quarantine().Contains(ids, session.call()));
  const auto unknown = std::ranges::find(known, false);
  if (unknown == known.end()) {
    return {};
  }
  const Value& id = ids[static_cast<std::size_t>(unknown - known.begin())];
  return Fail(ErrorCode::kNotFound,
              fmt::format("{} is not in quarantine", ToExtendedJson(id.view(), JsonMode::kRelaxed)),
              "`rehome quarantine list` names what is; nothing was replayed");
}

void Report(const Reconciled& reconciled, std::size_t replayed, std::size_t staying,
            std::size_t gone, RunReport& report) {
  report.done.push_back(
      fmt::format("{} documents replayed: {} are items now, {} stay in quarantine", replayed,
                  replayed - staying - gone, staying));
  if (gone > 0) {
    report.done.push_back(
        fmt::format("{} are in the source no more, and no longer in quarantine", gone));
  }
  if (!reconciled.saved.empty()) {
    report.done.push_back(
        fmt::format("{} were kept in rehome_saved: the application has changed or deleted their "
                    "items since the cutover",
                    reconciled.saved.size()));
  }
  for (const std::string& id : reconciled.conflicts) {
    report.done.push_back(fmt::format("{} was left as it is: what stands there is not ours", id));
  }
}

}  // namespace

Result<RunReport> ReplayQuarantine(Session& session, std::vector<Value> ids) {
  if (!session.run().IsDone(Phase::kItems)) {
    return Fail(ErrorCode::kFailedPrecondition, "a replay needs phase 2 (items), which has not run",
                "`rehome run` maps every document again, quarantined ones too");
  }
  REHOME_TRY(SettleFirst(session));
  if (ids.empty()) {
    REHOME_TRY_ASSIGN(ids, AllQuarantined(session));
  } else {
    REHOME_TRY(RefuseUnknown(session, ids));
  }
  RunReport report;
  if (ids.empty()) {
    REHOME_TRY(RefreshRestorePoints(session));
    report.done.emplace_back("nothing is in quarantine");
    report.nothing_to_do = true;
    return report;
  }
  REHOME_TRY(session.Audit("quarantine replay", fmt::format("{} documents", ids.size())));
  REHOME_TRY_ASSIGN(const Reconciled reconciled,
                    Reconcile(session.flow(), ids, VectorModeOf(session.run()), session.call()));
  REHOME_TRY(session.SettleLeftOpen());
  REHOME_TRY(RefreshRestorePoints(session));
  REHOME_TRY_ASSIGN(const auto staying, session.quarantine().Contains(ids, session.call()));
  REHOME_TRY_ASSIGN(const auto sources,
                    session.source().FindByIds(session.plan().items.from, ids, session.call()));
  Report(reconciled, ids.size(), static_cast<std::size_t>(std::ranges::count(staying, true)),
         static_cast<std::size_t>(std::ranges::count_if(
             sources, [](const auto& source) { return !source.has_value(); })),
         report);
  return report;
}

}  // namespace rehome
