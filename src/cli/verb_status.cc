#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <ostream>

#include "cli/attention.h"
#include "cli/console.h"
#include "cli/events.h"
#include "cli/exit_codes.h"
#include "cli/session_verb.h"
#include "cli/verbs.h"
#include "journal/audit.h"
#include "journal/counts_text.h"
#include "journal/ranges.h"
#include "phases/feeds.h"
#include "phases/session.h"
#include "report/escape.h"
#include "report/table.h"

namespace rehome::cli {
namespace {

using Json = nlohmann::ordered_json;
constexpr Millis kWatchInterval{1'000};

/// Everything that a status shows, read at one moment.
struct Snapshot {
  std::optional<RunRecord> run;
  RunState state = RunState::kNew;
  std::optional<Lease::Holder> holder;
  std::uint64_t quarantined = 0;
  std::uint64_t read = 0;            // documents that the running phase has done …
  std::uint64_t total = 0;           // … of so many
  std::optional<std::uint64_t> lag;  // documents of the source written and not applied yet
  AuditHead audit;
  std::string plan_difference;
};

Result<Snapshot> Take(const Plan& plan, const Deps& deps) {
  const Call call{.stop = deps.stop};
  DocumentStore& target = *deps.stores.target_documents;
  Snapshot out;
  REHOME_TRY_ASSIGN(ReadSession read, ReadSession::Open(plan, PlanRule::kUseJournaled, deps));
  const Plan& of_run = *read.compiled->plan;
  out.run = std::move(read.run);
  out.plan_difference = std::move(read.plan_difference);
  REHOME_TRY_ASSIGN(out.audit, ReadAuditHead(target, call));
  REHOME_TRY_ASSIGN(out.holder, Lease::Inspect(target, plan.name, call));
  if (!out.run) {
    return out;
  }
  out.state = out.run->state;
  // A run that says running under a lease that nobody holds any more is not.
  if (out.state == RunState::kRunning &&
      (!out.holder || out.holder->released || out.holder->IsDeadHere())) {
    const bool retired = out.run->IsDone(Phase::kRetire);
    out.state = retired                ? RunState::kRetired
                : out.run->IsCutOver() ? RunState::kCutOver
                                       : RunState::kInterrupted;
  }
  REHOME_TRY_ASSIGN(out.quarantined, Quarantine(target, out.run->run_id).Count(call));
  for (const Phase phase : {Phase::kItems, Phase::kVectors}) {
    if (out.run->At(phase).state == PhaseState::kRunning) {
      REHOME_TRY_ASSIGN(const auto ranges, Ranges(target, out.run->run_id, phase).Load(call));
      for (const RangeRecord& range : ranges) {
        out.read += range.read;
      }
      const bool items = phase == Phase::kItems;
      DocumentStore& walked = items ? *deps.stores.source_documents : target;
      REHOME_TRY_ASSIGN(out.total, walked.Count(items ? of_run.items.from : of_run.items.to, call));
    }
  }
  // A position that the feed no longer holds is the next run's matter: it says so loudly.
  out.lag = PendingChanges(of_run, *out.run, deps.stores).Count(call).value_or(std::nullopt);
  return out;
}

/// "1,200 of 5,000 (24 %), 400/s, about 9.5 s to go"; the rate is this attempt's so far.
std::string ProgressInWords(const Snapshot& now, const PhaseRecord& record, WallTime time) {
  std::string out = FormatCount(now.read) + " done";
  if (now.total > 0) {
    out = fmt::format("{} of {} ({} %)", FormatCount(now.read), FormatCount(now.total),
                      std::min<std::uint64_t>(now.read * 100 / now.total, 100));
  }
  const double seconds =
      record.started_at ? std::chrono::duration<double>(time - *record.started_at).count() : 0;
  if (now.state == RunState::kRunning && seconds > 0 && now.read > 0) {
    const double rate = static_cast<double>(now.read) / seconds;
    out += fmt::format(", {:.0f}/s", rate);
    if (now.total > now.read) {
      const double left = static_cast<double>(now.total - now.read) / rate;
      out += fmt::format(", about {} to go", FormatDuration(Millis{std::llround(left * 1000)}));
    }
  }
  return out;
}

/// Quarantine stops a cutover; a phase 5 that was cut off has removed some and not all.
std::string NextOf(const Plan& plan, const Snapshot& now) {
  const bool retiring = now.run && now.state == RunState::kCutOver &&
                        now.run->At(Phase::kRetire).state == PhaseState::kRunning &&
                        !now.run->retirements.empty();
  return retiring ? "rehome retire (goes on where it stopped), or rehome rollback --phase 5 (puts "
                    "back what it removed)"
                  : NextStep(now.state, now.quarantined > plan.items.quarantine_max);
}

Json CountsOf(const Counts& counts) {
  Json out = Json::object();
  for (const auto& [key, value] : counts) {
    out[key] = value;
  }
  return out;
}

/// A phase that was cut off is not running while its run rests.
std::string_view StateOf(const PhaseRecord& record, RunState run) {
  return IsUnderWay(record) && run != RunState::kRunning ? Name(RunState::kInterrupted)
                                                         : Name(record.state);
}

Json PhasesJson(const RunRecord& run, RunState state) {
  Json out = Json::array();
  for (const Phase phase : kPhases) {
    const PhaseRecord& record = run.At(phase);
    out.push_back(
        {{"phase", Number(phase)},
         {"name", Name(phase)},
         {"state", StateOf(record, state)},
         {"started_at", record.started_at ? Json(FormatTime(*record.started_at)) : Json()},
         {"seconds", record.seconds},
         {"counts", CountsOf(record.counts)}});
  }
  return out;
}

Json PointsJson(const RunRecord& run) {
  Json out = Json::array();
  for (const RestorePoint& point : run.restore_points) {
    out.push_back({{"phase", Number(point.phase)},
                   {"at", FormatTime(point.at)},
                   {"digest", point.digest},
                   {"counts", CountsOf(point.counts)},
                   {"positions", point.positions},
                   {"pointers", point.pointers},
                   {"undo", point.undo}});
  }
  return out;
}

Json PointersJson(const RunRecord& run) {
  Json out = Json::object();
  if (run.cutover) {
    for (const PointerRecord& pointer : run.cutover->pointers) {
      out[pointer.key] = {{"where", pointer.where},
                          {"old", pointer.old_value ? Json(*pointer.old_value) : Json()},
                          {"new", pointer.new_value},
                          {"flipped", pointer.flipped}};
    }
  }
  return out;
}

Json FenceJson(const RunRecord& run) {
  if (run.cutover) {
    for (const FenceRecord& fence : run.cutover->fences) {
      if (fence.raised && (fence.by_hooks || fence.kind != FenceKind::kNone)) {
        return {{"collection", fence.collection},
                {"kind", fence.by_hooks ? "hooks" : Name(fence.kind)}};
      }
    }
  }
  return {};
}

Json ToJson(const Plan& plan, const Snapshot& now) {
  Json out{{"plan", plan.name}, {"run_id", nullptr}, {"state", Name(now.state)}};
  const RunRecord run = now.run.value_or(RunRecord{});
  if (now.run) {
    out["run_id"] = run.run_id;
  }
  out["phases"] = PhasesJson(run, now.state);
  out["restore_points"] = PointsJson(run);
  out["quarantined"] = now.quarantined;
  out["pointers"] = PointersJson(run);
  out["watermarks"] = run.watermarks;
  out["lag"] = now.lag ? Json(*now.lag) : Json();
  out["fence"] = FenceJson(run);
  out["backup"] = run.backup;
  out["namespaces"] = run.namespaces;
  out["last_error"] = run.last_error.empty()
                          ? Json()
                          : Json({{"message", run.last_error}, {"hint", run.last_hint}});
  out["audit_head"] = now.audit.hash;
  out["plan_difference"] = now.plan_difference;
  out["next"] = NextOf(plan, now);
  return out;
}

void PrintText(const Plan& plan, const Snapshot& now, CliEnvironment& environment) {
  if (!now.run) {
    environment.out << fmt::format("Plan {} never ran in {}. Next: {}\n", Escape(plan.name),
                                   Escape(plan.documents.target.address), NextStep(RunState::kNew));
    return;
  }
  const RunRecord& run = *now.run;
  environment.out << fmt::format("Run {} of plan {} is {}\n", run.run_id, Escape(plan.name),
                                 StateInWords(run, now.state));
  TextTable table({{"phase"}, {"state"}, {"seconds", TextTable::Align::kRight}, {"counts"}});
  for (const Phase phase : kPhases) {
    const PhaseRecord& record = run.At(phase);
    std::string counts = InWords(record.counts);
    if (record.state == PhaseState::kRunning && now.read > 0) {
      counts = ProgressInWords(now, record, environment.clock.Now());
    }
    table.Add({fmt::format("{} {}", Number(phase), Name(phase)),
               std::string(StateOf(record, now.state)), fmt::format("{:.1f}", record.seconds),
               counts});
  }
  environment.out << table.Render();
  if (now.quarantined > 0) {
    environment.out << fmt::format("  quarantined: {} (rehome quarantine list)\n", now.quarantined);
  }
  if (run.cutover) {
    for (const PointerRecord& pointer : run.cutover->pointers) {
      environment.out << Escape(fmt::format("  pointer {} in {}: {}", pointer.key, pointer.where,
                                            pointer.flipped
                                                ? pointer.new_value
                                                : pointer.old_value.value_or("(absent)")))
                      << "\n";
    }
  }
  for (const auto& [what, position] : run.watermarks) {
    environment.out << Escape(fmt::format("  {}: {}", what, position)) << "\n";
  }
  if (now.lag) {
    environment.out << fmt::format("  lag: {} documents of the source written and not applied\n",
                                   FormatCount(*now.lag));
  }
  if (const Json fence = FenceJson(run); !fence.is_null()) {
    environment.out << Escape(fmt::format("  fence up on {}: it refuses the application's writes",
                                          fence["collection"].get<std::string>()))
                    << "\n";
  }
  if (now.holder && !now.holder->released && !now.holder->IsDeadHere()) {
    environment.out << Escape(fmt::format("  runner: process {} on {}", now.holder->process.pid,
                                          now.holder->process.host))
                    << "\n";
  }
  if (!run.last_error.empty()) {
    environment.out << "  last error: " << EscapeLines(run.last_error) << "\n";
    if (!run.last_hint.empty()) {
      environment.out << "  what to do: " << Escape(run.last_hint) << "\n";
    }
  }
  if (!now.plan_difference.empty()) {
    environment.out << "  the plan file differs from this run's plan:"
                    << EscapeLines(now.plan_difference) << "\n";
  }
  environment.out << "Next: " << NextOf(plan, now) << "\n";
}

Result<int> ShowStatus(const Plan& plan, const StatusOptions& options,
                       CliEnvironment& environment) {
  REHOME_TRY_ASSIGN(const auto events, OpenEvents(plan, false, environment));
  REHOME_TRY_ASSIGN(const Deps deps, WireOfRun(plan, Access::kReadOnly, *events, environment));
  while (true) {
    REHOME_TRY_ASSIGN(const Snapshot now, Take(plan, deps));
    if (now.run) {
      ShoutAtFence(*now.run, now.holder, environment);
    }
    const bool last = !options.watch || now.state != RunState::kRunning;
    if (options.common.json && last) {  // one document, however long it watched
      PrintJson(ToJson(plan, now), environment);
    } else if (!options.common.json) {
      PrintText(plan, now, environment);
    }
    environment.out.flush();
    if (last) {
      return kExitDone;
    }
    if (!environment.clock.SleepFor(kWatchInterval, environment.stop)) {
      return Fail(ErrorCode::kCancelled, "stopped watching; the run goes on",
                  "`rehome status` looks again");
    }
  }
}

}  // namespace

int RunVerb(const StatusOptions& options, CliEnvironment& environment) {
  return WithPlan(options.common, environment,
                  [&](const Plan& plan) { return ShowStatus(plan, options, environment); });
}

}  // namespace rehome::cli
