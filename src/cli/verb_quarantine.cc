#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <ostream>

#include "cli/console.h"
#include "cli/events.h"
#include "cli/exit_codes.h"
#include "cli/id_argument.h"
#include "cli/session_verb.h"
#include "cli/verbs.h"
#include "model/extended_json.h"
#include "phases/replay.h"
#include "report/escape.h"
#include "report/table.h"

namespace rehome::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string IdText(const QuarantineRecord& record) {
  return ToExtendedJson(record.source_id.view(), JsonMode::kRelaxed);
}

Json ToJson(const QuarantineRecord& record) {
  return {{"id", IdText(record)},
          {"reason", Name(record.reason)},
          {"detail", record.detail},
          {"digest", record.digest.Hex()}};
}

/// The record that a word of the command line names.
Result<QuarantineRecord> Find(const Quarantine& quarantine, const std::string& word,
                              const Call& call) {
  for (const Value& id : IdsNamed(word)) {
    REHOME_TRY_ASSIGN(auto found, quarantine.Find(id, call));
    if (found) {
      return *std::move(found);
    }
  }
  return Fail(ErrorCode::kNotFound, fmt::format("{} is not in quarantine", word),
              "`rehome quarantine list` names what is; an id is Extended JSON, a hexadecimal "
              "ObjectId or a string");
}

Result<int> List(Quarantine& quarantine, const QuarantineOptions& options, const Call& call,
                 CliEnvironment& environment) {
  REHOME_TRY_ASSIGN(const auto records, quarantine.List(call));
  if (options.common.json) {
    Json listed = Json::array();
    for (const QuarantineRecord& record : records) {
      listed.push_back(ToJson(record));
    }
    PrintJson({{"quarantined", records.size()}, {"records", std::move(listed)}}, environment);
    return kExitDone;
  }
  if (records.empty()) {
    environment.out << "Nothing is in quarantine.\n";
    return kExitDone;
  }
  TextTable table({{"_id"}, {"reason"}, {"detail"}});
  for (const QuarantineRecord& record : records) {
    table.Add({IdText(record), std::string(Name(record.reason)), record.detail});
  }
  environment.out << table.Render()
                  << fmt::format(
                         "{} documents are in quarantine. Next: rehome quarantine show ID; mend "
                         "the documents and rehome quarantine replay, or the plan and rehome "
                         "rollback --all, which starts anew\n",
                         FormatCount(records.size()));
  return kExitDone;
}

Result<int> Show(Quarantine& quarantine, const QuarantineOptions& options, const Call& call,
                 CliEnvironment& environment) {
  std::vector<QuarantineRecord> records;
  for (const std::string& word : options.ids) {
    REHOME_TRY_ASSIGN(records.emplace_back(), Find(quarantine, word, call));
  }
  if (options.ids.empty()) {
    REHOME_TRY_ASSIGN(records, quarantine.List(call));
  }
  Json shown = Json::array();
  for (const QuarantineRecord& record : records) {
    REHOME_TRY_ASSIGN(const auto document, quarantine.FindDocument(record.source_id, call));
    const std::string text =
        document ? ToExtendedJson(document->view(), JsonMode::kRelaxed) : std::string();
    if (options.common.json) {
      shown.push_back(ToJson(record));
      shown.back()["document"] = document ? Json::parse(text) : Json();
    } else {
      environment.out << fmt::format(
          "{}\n  reason: {}\n  detail: {}\n  digest: {}\n  document: {}\n", Escape(IdText(record)),
          Name(record.reason), Escape(record.detail), record.digest.Hex(),
          document ? Escape(text) : "(not kept)");
    }
  }
  if (options.common.json) {
    PrintJson({{"records", std::move(shown)}}, environment);
  } else if (records.empty()) {
    environment.out << "Nothing is in quarantine.\n";
  }
  return kExitDone;
}

Result<int> Look(const Plan& plan, const QuarantineOptions& options, CliEnvironment& environment) {
  REHOME_TRY_ASSIGN(const auto events, OpenEvents(plan, false, environment));
  REHOME_TRY_ASSIGN(const Deps deps, WireOfRun(plan, Access::kReadOnly, *events, environment));
  REHOME_TRY_ASSIGN(const ReadSession read, ReadSession::Open(plan, PlanRule::kUseJournaled, deps));
  if (!read.run) {
    return Fail(ErrorCode::kFailedPrecondition,
                fmt::format("phase {} ({}) of plan {} has not run: nothing was quarantined yet",
                            Number(Phase::kItems), Name(Phase::kItems), plan.name),
                "`rehome plan` forecasts what would be");
  }
  if (!read.plan_difference.empty()) {
    events->Warn(
        fmt::format("the plan file differs from the run's plan, whose quarantine this is:{}",
                    read.plan_difference));
  }
  Quarantine quarantine(*deps.stores.target_documents, read.run->run_id);
  const Call call{.stop = environment.stop};
  return options.action == QuarantineOptions::Action::kShow
             ? Show(quarantine, options, call, environment)
             : List(quarantine, options, call, environment);
}

Result<RunReport> Replay(Session& session, const std::vector<std::string>& words) {
  std::vector<Value> ids;
  for (const std::string& word : words) {
    REHOME_TRY_ASSIGN(QuarantineRecord record, Find(session.quarantine(), word, session.call()));
    ids.push_back(std::move(record.source_id));
  }
  return ReplayQuarantine(session, std::move(ids));
}

}  // namespace

int RunVerb(const QuarantineOptions& options, CliEnvironment& environment) {
  if (options.action != QuarantineOptions::Action::kReplay) {
    return WithPlan(options.common, environment,
                    [&](const Plan& plan) { return Look(plan, options, environment); });
  }
  return RunSessionVerb(options.common, environment, [&](const Plan& plan) {
    const std::string what = options.ids.empty()
                                 ? std::string("everything in quarantine")
                                 : fmt::format("{} documents in quarantine", options.ids.size());
    return SessionVerb{
        .announcement = fmt::format(
            "quarantine replay: reads {} again from {} and makes items in {} of what maps now",
            what, plan.items.from, plan.items.to),
        .rule = PlanRule::kMustMatch,
        .needs = Phase::kItems,
        .body = [&options](Session& session) { return Replay(session, options.ids); }};
  });
}

}  // namespace rehome::cli
