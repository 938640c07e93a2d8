#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <ostream>
#include <sstream>

#include "cli/console.h"
#include "cli/demo_application.h"
#include "cli/exit_codes.h"
#include "cli/verbs.h"
#include "cli/wiring.h"
#include "model/item.h"
#include "report/escape.h"

namespace rehome::cli {
namespace {

using Json = nlohmann::ordered_json;

/// One verb of the walk, as a person would call it.
struct Stage {
  std::string said;           // "rehome run PLAN --yes"
  std::string why;            // what it is for, in a few words
  std::size_t lines_max = 0;  // of its output that a person is shown
  std::function<int(CliEnvironment&)> run;
};

struct Outcome {
  int exit_code = kExitDone;
  double seconds = 0;
  std::string out;
  std::string err;
};

/// Runs it with its output caught: the walk shows what matters of it.
Outcome RunCaught(const Stage& stage, CliEnvironment& environment) {
  std::ostringstream out;
  std::ostringstream err;
  CliEnvironment caught{.out = out,
                        .err = err,
                        .clock = environment.clock,
                        .variables = environment.variables,
                        .ask = environment.ask,
                        .stop = environment.stop,
                        .hangups = environment.hangups};
  const SteadyTime start = environment.clock.Steady();
  const int exit_code = stage.run(caught);
  const double seconds = std::chrono::duration<double>(environment.clock.Steady() - start).count();
  return {.exit_code = exit_code, .seconds = seconds, .out = out.str(), .err = err.str()};
}

std::string FirstLines(const std::string& text, std::size_t lines_max, const std::string& said) {
  std::istringstream in(text);
  std::string out;
  std::size_t count = 0;
  for (std::string line; std::getline(in, line); ++count) {
    if (count < lines_max) {
      out += "    " + line + "\n";
    }
  }
  if (count > lines_max) {
    out += fmt::format("    … {} more lines: {}\n", count - lines_max, said);
  }
  return out;
}

template <class Options>
Options With(const CommonOptions& common, Options options) {
  options.common = common;
  return options;
}

class Demo {
 public:
  Demo(const DemoOptions& options, CliEnvironment& environment)
      : options_(options), environment_(environment) {}

  Result<int> Run() {
    REHOME_TRY_ASSIGN(files_, WriteDemoApplication(options_.dir));
    common_.plan = files_.plan;
    common_.json = options_.json;
    common_.yes = true;
    const std::string state = StateBefore();
    Say(state == "new"
            ? fmt::format("A sample application now stands in {}: documents and vectors of one "
                          "tenant, as other tools exported them.\n",
                          Dir())
            : fmt::format("The demo in {} was made before; its run is {}. It goes on from there.\n",
                          Dir(), state));
    int exit_code = kExitDone;
    for (const Stage& stage : Stages(state)) {
      exit_code = Do(stage);
      if (exit_code != kExitDone) {
        break;
      }
    }
    Finish(exit_code);
    return exit_code;
  }

 private:
  [[nodiscard]] std::string Dir() const { return Escape(options_.dir.string()); }
  [[nodiscard]] std::string PlanFile() const { return Escape(files_.plan.string()); }

  void Say(const std::string& text) {
    if (!options_.json) {
      environment_.out << text;
    }
  }

  /// Where an earlier demo stopped; "new" where nothing ran yet.
  std::string StateBefore() {
    CommonOptions quiet = common_;
    quiet.json = true;
    const Outcome status = RunCaught(
        {.said = {},
         .why = {},
         .run =
             [&](CliEnvironment& inner) { return RunVerb(With(quiet, StatusOptions{}), inner); }},
        environment_);
    const Json parsed = Json::parse(status.out, nullptr, false);
    return status.exit_code == kExitDone && parsed.contains("state")
               ? parsed["state"].get<std::string>()
               : "new";
  }

  std::vector<Stage> Stages(const std::string& state) {
    const std::string plan = PlanFile();
    std::vector<Stage> out;
    if (state == "new") {
      out.push_back({.said = fmt::format("rehome load {} --from {} --yes", plan,
                                         Escape(files_.export_dir.string())),
                     .why = "the export goes into the old side's stores",
                     .lines_max = 8,
                     .run = [this](CliEnvironment& inner) {
                       return RunVerb(
                           With(common_, LoadOptions{.common = {}, .from = files_.export_dir}),
                           inner);
                     }});
    }
    if (state == "new" || state == "rolled_back") {
      out.push_back({.said = fmt::format("rehome check {}", plan),
                     .why = "what stands in the way",
                     .lines_max = 5,
                     .run = [this](CliEnvironment& inner) {
                       return RunVerb(With(common_, CheckOptions{}), inner);
                     }});
      out.push_back({.said = fmt::format("rehome plan {}", plan),
                     .why = "what a run would do; writes nothing",
                     .lines_max = 7,
                     .run = [this](CliEnvironment& inner) {
                       return RunVerb(With(common_, PlanOptions{}), inner);
                     }});
    }
    out.push_back({.said = fmt::format("rehome run {} --yes", plan),
                   .why = "backup, tenants, items, vectors, cutover",
                   .lines_max = 8,
                   .run = [this](CliEnvironment& inner) {
                     return RunVerb(With(common_, RunOptions{}), inner);
                   }});
    if (state != "retired") {
      out.push_back({.said = fmt::format("rehome verify {}", plan),
                     .why = "every check, over everything",
                     .lines_max = 13,
                     .run = [this](CliEnvironment& inner) {
                       return RunVerb(With(common_, VerifyOptions{}), inner);
                     }});
    }
    return out;
  }

  int Do(const Stage& stage) {
    Say(fmt::format("$ {}\n", stage.said));
    environment_.out.flush();
    const Outcome outcome = RunCaught(stage, environment_);
    seconds_ += outcome.seconds;
    steps_.push_back({{"command", stage.said},
                      {"exit", outcome.exit_code},
                      {"seconds", outcome.seconds},
                      {"output", Json::parse(outcome.out, nullptr, false)}});
    if (steps_.back()["output"].is_discarded()) {
      steps_.back()["output"] = nullptr;
    }
    Say(FirstLines(outcome.out, stage.lines_max, stage.said));
    if (outcome.exit_code == kExitDone) {
      Say(fmt::format("    ({}; {:.2f} s)\n", stage.why, outcome.seconds));
    } else {
      environment_.err << outcome.err;
    }
    return outcome.exit_code;
  }

  /// The item_id of some document, to try `explain` with; empty if there is none to be found.
  std::string SomeItemId() {
    const auto plan = LoadPlanFor(common_, environment_);
    const auto store =
        plan ? OpenDocuments(plan->documents.source, Access::kReadOnly, environment_.clock)
             : std::unexpected(Error{});
    const auto cursor = store ? (*store)->Scan(plan->items.from, {}, {}) : std::unexpected(Error{});
    const auto documents = cursor ? (*cursor)->Next(1, 1) : std::unexpected(Error{});
    return documents && !documents->empty() ? ItemId(plan->items.id, documents->front().Id())
                                            : std::string();
  }

  void Finish(int exit_code) {
    if (options_.json) {
      PrintJson({{"passed", exit_code == kExitDone},
                 {"dir", options_.dir.string()},
                 {"plan", files_.plan.string()},
                 {"seconds", seconds_},
                 {"steps", steps_}},
                environment_);
      return;
    }
    if (exit_code != kExitDone) {
      Say(fmt::format(
          "The demo stopped here (exit {}). `rehome demo --dir {}` goes on from where it stands.\n",
          exit_code, Dir()));
      return;
    }
    Say(fmt::format(
        "Done in {0:.1f} s: the application reads its organization's own collection and namespace "
        "now.\n"
        "Look at   {1}/.env (the pointer), {1}/app.db (documents, journal), {1}/backups, {2}\n"
        "Try next  rehome status {2}\n"
        "          rehome explain {2} {3}\n"
        "          rehome revert {2} --yes    back to the old side, nothing lost\n"
        "          rehome rollback {2} --all --yes, then rehome demo --dir {1} again\n",
        seconds_, Dir(), PlanFile(), Escape(SomeItemId())));
  }

  const DemoOptions& options_;
  CliEnvironment& environment_;
  DemoFiles files_;
  CommonOptions common_;
  Json steps_ = Json::array();
  double seconds_ = 0;
};

}  // namespace

int RunVerb(const DemoOptions& options, CliEnvironment& environment) {
  const Result<int> exit_code = Demo(options, environment).Run();
  return exit_code ? *exit_code : ReportError(exit_code.error(), options.json, environment);
}

}  // namespace rehome::cli
