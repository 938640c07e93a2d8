#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>
#include <ostream>

#include "checks/check.h"
#include "cli/console.h"
#include "cli/events.h"
#include "cli/exit_codes.h"
#include "cli/scratch_copy.h"
#include "cli/verbs.h"
#include "phases/engine.h"
#include "phases/verification.h"
#include "report/escape.h"
#include "report/table.h"

namespace rehome::cli {
namespace {

using Json = nlohmann::ordered_json;
using Digests = std::map<std::string, std::string>;

/// Whether a step takes longer the more documents move; a sample copies and backs up everything
/// else whole.
enum class Grows : std::uint8_t { kNo, kWithDocuments };

struct Step {
  std::string name;
  bool passed = true;
  double seconds = 0;
  double predicted = 0;  // with all documents
  std::string detail;
};

std::string Sentences(const RunReport& report) {
  return fmt::format("{}", fmt::join(report.done, "; "));
}

/// The names under which two states of the copy differ.
std::vector<std::string> Differences(const Digests& before, const Digests& after) {
  std::vector<std::string> out;
  for (const auto& [name, digest] : before) {
    const auto found = after.find(name);
    if (found == after.end() || found->second != digest) {
      out.push_back(fmt::format("{} is {}", name, found == after.end() ? "gone" : "not as before"));
    }
  }
  for (const auto& [name, digest] : after) {
    if (!before.contains(name)) {
      out.push_back(fmt::format("{} is left behind", name));
    }
  }
  return out;
}

class Rehearsal {
 public:
  Rehearsal(const Plan& plan, const RehearseOptions& options, EventSink& events,
            CliEnvironment& environment)
      : plan_(plan),
        options_(options),
        events_(events),
        environment_(environment),
        call_{.stop = environment.stop} {}

  /// Every step until one fails. What fails is data; an error means that the rehearsal could not be
  /// finished.
  Status Run() {
    REHOME_TRY(Do("copy", Grows::kNo, [this] { return Copy(); }));
    if (!steps.back().passed) {
      return {};
    }
    REHOME_TRY_ASSIGN(const auto session,
                      Session::Open(copy_->plan, PlanRule::kMustMatch, true, copy_->deps));
    for (const auto& [name, grows, body] : StepsOf(*session)) {
      REHOME_TRY(Do(name, grows, body));
      if (!steps.back().passed) {
        return {};
      }
    }
    return {};
  }

  [[nodiscard]] bool passed() const { return std::ranges::all_of(steps, &Step::passed); }
  [[nodiscard]] bool sampled() const { return copy_ && copy_->documents < copy_->documents_there; }
  [[nodiscard]] const std::optional<ScratchCopy>& copy() const { return copy_; }

  std::vector<Step> steps;
  std::int64_t write_pause_ms = 0;

 private:
  using Body = std::function<Result<std::string>()>;
  struct Planned {
    std::string name;
    Grows grows;
    Body body;
  };

  Result<std::string> Copy() {
    REHOME_TRY_ASSIGN(ScratchCopy made, CopyIntoScratch(plan_, options_, events_, environment_));
    copy_.emplace(std::move(made));
    REHOME_TRY_ASSIGN(before_, DigestsOf(*copy_, call_));
    return fmt::format("{} of {} documents of {}", copy_->documents, copy_->documents_there,
                       plan_.items.from);
  }

  std::vector<Planned> StepsOf(Session& session) {
    std::vector<Planned> out;
    for (const Phase phase : {Phase::kPrepare, Phase::kTenants, Phase::kItems, Phase::kVectors}) {
      out.push_back({fmt::format("phase {} {}", Number(phase), Name(phase)),
                     phase < Phase::kItems ? Grows::kNo : Grows::kWithDocuments,
                     [&session, phase] { return RunPhase(session, phase); }});
    }
    out.push_back({"verify", Grows::kWithDocuments,
                   [&session] { return VerifyNow(session, ChecksBeforeCutover()); }});
    out.push_back(
        {"phase 4 cutover", Grows::kWithDocuments, [this, &session]() -> Result<std::string> {
           REHOME_TRY_ASSIGN(const RunReport report, CutOver(session));
           write_pause_ms = session.run().cutover ? session.run().cutover->write_pause_ms : 0;
           return fmt::format("{}; write pause {}", Sentences(report),
                              FormatDuration(Millis{write_pause_ms}));
         }});
    out.push_back({"verify after cutover", Grows::kWithDocuments,
                   [&session] { return VerifyNow(session, {}); }});
    out.push_back({"revert", Grows::kNo, [&session] { return Told(Revert(session)); }});
    out.push_back({"rollback --all", Grows::kWithDocuments,
                   [&session] { return Told(Rollback(session, std::nullopt)); }});
    out.push_back({"compare with before", Grows::kNo, [this] { return Compare(); }});
    return out;
  }

  static Result<std::string> Told(Result<RunReport> report) {
    REHOME_TRY_ASSIGN(const RunReport done, std::move(report));
    return Sentences(done);
  }

  static Result<std::string> RunPhase(Session& session, Phase phase) {
    return Told(rehome::Run(session, {.only = phase}));
  }

  static Result<std::string> VerifyNow(Session& session, const std::vector<std::string>& names) {
    VerificationScope scope(session);
    REHOME_TRY_ASSIGN(const Verification verification, Verify(scope.context(), names));
    if (!verification.passed) {
      return Fail(ErrorCode::kCheckFailed, InWords(verification));
    }
    return fmt::format("{} checks passed", verification.checks.size());
  }

  Result<std::string> Compare() {
    REHOME_TRY_ASSIGN(const Digests after, DigestsOf(*copy_, call_));
    const auto differences = Differences(before_, after);
    if (!differences.empty()) {
      return Fail(ErrorCode::kCheckFailed, fmt::format("{}", fmt::join(differences, "; ")));
    }
    return fmt::format("all {} collections, namespaces and files are byte for byte as before",
                       before_.size());
  }

  Status Do(const std::string& name, Grows grows, const Body& body) {
    const SteadyTime start = environment_.clock.Steady();
    auto outcome = body();
    Step step{.name = name,
              .passed = outcome.has_value(),
              .seconds = std::chrono::duration<double>(environment_.clock.Steady() - start).count(),
              .detail = {}};
    const bool scale = grows == Grows::kWithDocuments && sampled() && copy_->documents > 0;
    step.predicted = step.seconds * (scale ? static_cast<double>(copy_->documents_there) /
                                                 static_cast<double>(copy_->documents)
                                           : 1.0);
    if (!outcome) {
      // Before the first step is through nothing was rehearsed: what refuses there is the caller's
      // to mend.
      if (outcome.error().code == ErrorCode::kCancelled ||
          outcome.error().code == ErrorCode::kInternal || steps.empty()) {
        return std::unexpected(std::move(outcome).error());
      }
      step.detail = outcome.error().message +
                    (outcome.error().hint.empty() ? "" : " — " + outcome.error().hint);
    } else {
      step.detail = *std::move(outcome);
    }
    steps.push_back(std::move(step));
    return {};
  }

  const Plan& plan_;
  const RehearseOptions& options_;
  EventSink& events_;
  CliEnvironment& environment_;
  const Call call_;
  std::optional<ScratchCopy> copy_;
  Digests before_;
};

void PrintAsJson(const Rehearsal& rehearsal, CliEnvironment& environment) {
  Json steps = Json::array();
  for (const Step& step : rehearsal.steps) {
    steps.push_back({{"step", step.name},
                     {"passed", step.passed},
                     {"seconds", step.seconds},
                     {"predicted_seconds", step.predicted},
                     {"detail", step.detail}});
  }
  PrintJson({{"passed", rehearsal.passed()},
             {"documents", rehearsal.copy()->documents},
             {"documents_there", rehearsal.copy()->documents_there},
             {"embedder", rehearsal.copy()->plan.index.embedder.provider},
             {"write_pause_ms", rehearsal.write_pause_ms},
             {"steps", std::move(steps)}},
            environment);
}

void PrintAsText(const Rehearsal& rehearsal, CliEnvironment& environment) {
  const bool sampled = rehearsal.sampled();
  TextTable table({{"step"},
                   {"result"},
                   {"seconds", TextTable::Align::kRight},
                   {sampled ? "predicted for all" : "", TextTable::Align::kRight}});
  for (const Step& step : rehearsal.steps) {
    table.Add({step.name, step.passed ? "passed" : "FAILED", fmt::format("{:.2f}", step.seconds),
               sampled ? fmt::format("{:.2f}", step.predicted) : ""});
  }
  environment.out << table.Render();
  if (!rehearsal.passed()) {
    const Step& failed = rehearsal.steps.back();
    environment.out << fmt::format(
        "The rehearsal failed in `{}`: {}\nProduction was only read; the copies are gone.\n",
        failed.name, EscapeLines(failed.detail));
    return;
  }
  environment.out << fmt::format(
      "Passed with the embedder {}: phases 0 to 4, revert and rollback, on copies of {} of {} "
      "documents; write pause {}.\n{}\nProduction was only read. Next: rehome run\n",
      rehearsal.copy()->plan.index.embedder.provider, FormatCount(rehearsal.copy()->documents),
      FormatCount(rehearsal.copy()->documents_there),
      FormatDuration(Millis{rehearsal.write_pause_ms}), Escape(rehearsal.steps.back().detail));
}

Result<int> Rehearse(const Plan& plan, const RehearseOptions& options,
                     CliEnvironment& environment) {
  REHOME_TRY_ASSIGN(const auto events, OpenEvents(plan, false, environment));
  Rehearsal rehearsal(plan, options, *events, environment);
  REHOME_TRY(rehearsal.Run());
  if (options.common.json) {
    PrintAsJson(rehearsal, environment);
  } else {
    PrintAsText(rehearsal, environment);
  }
  return rehearsal.passed() ? kExitDone : kExitCheckFailed;
}

}  // namespace

int RunVerb(const RehearseOptions& options, CliEnvironment& environment) {
  return WithPlan(options.common, environment,
                  [&](const Plan& plan) { return Rehearse(plan, options, environment); });
}

}  // namespace rehome::cli
