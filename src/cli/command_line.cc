#include "cli/command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "cli/exit_codes.h"
#include "cli/said_here.h"
#include "plan/suggest.h"
#include "report/escape.h"

namespace rehome::cli {
namespace {

const CLI::Range kPositive(1, std::numeric_limits<int>::max(), "POSITIVE");
const CLI::Range kNotNegative(0, std::numeric_limits<int>::max(), "NONNEGATIVE");

/// Shows words that are one or two by what they are, as in `[PLAN] ID`, instead of as `id(1x)`.
class HelpText final : public CLI::Formatter {
 public:
  std::string make_option_usage(const CLI::Option* option) const override {
    const bool some = option->get_expected_max() > 1 &&
                      option->get_expected_max() < CLI::detail::expected_max_vector_size;
    return some ? option->get_type_name() : CLI::Formatter::make_option_usage(option);
  }
};

/// Registers the verbs; each leaf's callback leaves its options in `command_`.
class Grammar {
 public:
  Grammar();
  CommandLineAnswer AnswerTo(const CLI::ParseError& error);
  CLI::App& app() { return app_; }
  Command& command() { return command_; }

 private:
  enum class Changes : std::uint8_t { kNothing, kSomething };

  template <class Options>
  Options& Leaf(CLI::App& app, std::function<void(Options&)> finish = [](Options&) {}) {
    auto options = std::make_shared<Options>();
    app.callback([this, options, finish = std::move(finish)] {
      finish(*options);
      command_ = *options;
    });
    return *options;
  }

  static void AddCommon(CLI::App& app, CommonOptions& common, Changes changes);
  static void AddPlanFile(CLI::App& app, CommonOptions& common);
  static void AddOnly(CLI::App& app, Only& only);
  static void AddPhase(CLI::App& app, const std::string& name, std::optional<int>& phase,
                       const std::string& help);
  void AddStart();
  void AddRun();
  void AddAfterRun();
  void AddReport();
  void AddBackup();
  void AddBackupAction(CLI::App& group, BackupOptions::Action action, const std::string& name,
                       const std::string& help);
  void AddVectors();
  void AddQuarantine();
  void AddExplain();
  void AddRehearse();
  void AddTorture();
  void AddServe();
  void AddDemo();

  [[nodiscard]] CLI::App* Deepest();
  [[nodiscard]] std::string Explain(const CLI::ParseError& error);
  [[nodiscard]] std::string ExplainUnknown(const std::string& word);

  CLI::App app_{
      "Moves a live single-tenant application (documents and vectors) to a multi-tenant one, and "
      "proves it."};
  Command command_ = WelcomeOptions{};
};

/// The words after a verb that takes ids: the first is the plan file if it looks like one.
void TakePlan(std::vector<std::string>& words, CommonOptions& common) {
  if (words.empty()) {
    return;
  }
  const std::filesystem::path first(words.front());
  std::error_code ignored;
  if (first.extension() == ".yaml" || first.extension() == ".yml" ||
      std::filesystem::is_regular_file(first, ignored)) {
    common.plan = first;
    words.erase(words.begin());
  }
}

PlanOverride ParseOverride(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw CLI::ValidationError("--set",
                               "wants path=value, as in --set tenants.assign.org_id=org_acme");
  }
  return {text.substr(0, equals), text.substr(equals + 1)};
}

Grammar::Grammar() {
  app_.name("rehome");
  app_.set_version_flag("--version", "rehome " REHOME_VERSION);
  app_.formatter(std::make_shared<HelpText>());
  app_.footer(std::string(ExitCodesHelp()));
  app_.require_subcommand(0, 1);
  AddStart();
  AddRun();
  AddAfterRun();
  AddReport();
  AddBackup();
  AddVectors();
  AddQuarantine();
  AddExplain();
  AddRehearse();
  AddTorture();
  AddServe();
  AddDemo();
}

void Grammar::AddPlanFile(CLI::App& app, CommonOptions& common) {
  app.add_option("plan", common.plan, "the plan file")->capture_default_str();
}

void Grammar::AddCommon(CLI::App& app, CommonOptions& common, Changes changes) {
  app.add_option_function<std::vector<std::string>>(
         "--set",
         [&common](const std::vector<std::string>& texts) {
           std::ranges::transform(texts, std::back_inserter(common.set), ParseOverride);
         },
         "one value of the plan for this call (repeatable)")
      ->type_name("PATH=VALUE")
      ->allow_extra_args(false);
  app.add_flag("--json", common.json, "one JSON document on stdout and nothing else there");
  if (changes == Changes::kSomething) {
    app.add_flag("--yes,-y", common.yes, "do not ask; needed where nobody can be asked");
  }
}

void Grammar::AddOnly(CLI::App& app, Only& only) {
  const std::map<std::string, Only> names{{"documents", Only::kDocuments},
                                          {"vectors", Only::kVectors}};
  app.add_option("--only", only, "documents or vectors; both without it")
      ->transform(CLI::CheckedTransformer(names))
      ->type_name("documents|vectors")
      ->option_text("documents|vectors");
}

void Grammar::AddPhase(CLI::App& app, const std::string& name, std::optional<int>& phase,
                       const std::string& help) {
  app.add_option(name, phase, help)->check(CLI::Range(0, 5))->type_name("0..5");
}

void Grammar::AddStart() {
  CLI::App& init = *app_.add_subcommand("init", "writes a commented plan file");
  init.add_option("file", Leaf<InitOptions>(init).file, "where")->capture_default_str();

  CLI::App& load =
      *app_.add_subcommand("load", "loads an exported application into the source stores");
  auto& load_options = Leaf<LoadOptions>(load);
  AddPlanFile(load, load_options.common);
  AddCommon(load, load_options.common, Changes::kSomething);
  load.add_option("--from", load_options.from,
                  "a directory with documents/*.json and vectors/vectors_NS.jsonl")
      ->required()
      ->type_name("DIR");
  AddOnly(load, load_options.only);

  CLI::App& check =
      *app_.add_subcommand("check", "preflight: everything that stands in the way, at once");
  auto& check_options = Leaf<CheckOptions>(check);
  AddPlanFile(check, check_options.common);
  AddCommon(check, check_options.common, Changes::kNothing);

  CLI::App& plan = *app_.add_subcommand("plan", "what a run would do; writes nothing anywhere");
  auto& plan_options = Leaf<PlanOptions>(plan);
  AddPlanFile(plan, plan_options.common);
  AddCommon(plan, plan_options.common, Changes::kNothing);
}

void Grammar::AddRun() {
  CLI::App& run = *app_.add_subcommand("run", "runs the plan or resumes it; all phases, 0 to 4");
  auto dry_run = std::make_shared<bool>(false);
  auto options = std::make_shared<RunOptions>();
  run.callback([this, options, dry_run] {
    if (*dry_run) {
      command_ = PlanOptions{options->common};
    } else {
      command_ = *options;
    }
  });
  AddPlanFile(run, options->common);
  AddCommon(run, options->common, Changes::kSomething);
  AddPhase(run, "--phase", options->phase, "this phase alone");
  AddPhase(run, "--through", options->through, "all phases up to this one");
  run.get_option("--phase")->excludes("--through");
  run.add_flag("--online", options->online,
               "the application goes on writing: its changes are carried");
  run.add_flag("--follow", options->follow, "with --online after cutover: until stopped")
      ->needs("--online");
  run.add_flag("--sweep", options->sweep,
               "with --online: a lost position is replaced by a comparison of both sides")
      ->needs("--online");
  run.add_flag("--dry-run", *dry_run, "the same as `rehome plan`");

  CLI::App& status =
      *app_.add_subcommand("status", "phases, progress, last error and what to do about it");
  auto& status_options = Leaf<StatusOptions>(status);
  AddPlanFile(status, status_options.common);
  AddCommon(status, status_options.common, Changes::kNothing);
  status.add_flag("--watch", status_options.watch, "again and again until stopped");
}

void Grammar::AddAfterRun() {
  CLI::App& verify =
      *app_.add_subcommand("verify", "proves what stands in the target; exit 1 when a check fails");
  auto& verify_options = Leaf<VerifyOptions>(verify);
  AddPlanFile(verify, verify_options.common);
  AddCommon(verify, verify_options.common, Changes::kNothing);
  verify.add_option("--phase", verify_options.phase, "backup or all")
      ->check(CLI::IsMember({"backup", "all"}))
      ->capture_default_str();
  verify.add_option("--check", verify_options.checks, "this check alone (repeatable)")
      ->allow_extra_args(false)
      ->check(
          CLI::IsMember({"backup", "counts", "tenants", "schema", "digests", "orphans", "vectors",
                         "isolation", "retrieval", "proposals", "pointers", "audit"}));
  verify.add_option("--sample", verify_options.sample, "percent of the items to look at")
      ->check(CLI::Range(0.000001, 100.0))
      ->type_name("PERCENT");
  verify.add_option("--report", verify_options.report, "writes a signed report to this file")
      ->type_name("FILE");

  CLI::App& repair = *app_.add_subcommand(
      "repair", "mends what verify confirms from the source of truth, then verifies again");
  auto& repair_options = Leaf<RepairOptions>(repair);
  AddPlanFile(repair, repair_options.common);
  AddCommon(repair, repair_options.common, Changes::kSomething);

  CLI::App& rollback =
      *app_.add_subcommand("rollback", "undoes a phase and what came after it, or all");
  auto all = std::make_shared<bool>(false);
  auto& rollback_options = Leaf<RollbackOptions>(rollback, [all](RollbackOptions& options) {
    if (*all == options.phase.has_value()) {
      throw CLI::ValidationError("rollback", "wants either --phase N or --all");
    }
  });
  AddPlanFile(rollback, rollback_options.common);
  AddCommon(rollback, rollback_options.common, Changes::kSomething);
  AddPhase(rollback, "--phase", rollback_options.phase, "this phase and what came after it");
  rollback.add_flag("--all", *all, "everything, pointers included");

  CLI::App& cutover =
      *app_.add_subcommand("cutover", "flips the application's pointers to the new side");
  auto& cutover_options = Leaf<CutoverOptions>(cutover);
  AddPlanFile(cutover, cutover_options.common);
  AddCommon(cutover, cutover_options.common, Changes::kSomething);
  cutover.add_flag("--dry-run", cutover_options.dry_run,
                   "says what would be flipped; writes nothing");

  CLI::App& revert =
      *app_.add_subcommand("revert", "flips the pointers back and keeps what was written since");
  auto& revert_options = Leaf<RevertOptions>(revert);
  AddPlanFile(revert, revert_options.common);
  AddCommon(revert, revert_options.common, Changes::kSomething);

  CLI::App& retire =
      *app_.add_subcommand("retire", "removes the legacy side, 24 h after cutover at the earliest");
  auto& retire_options = Leaf<RetireOptions>(retire);
  AddPlanFile(retire, retire_options.common);
  AddCommon(retire, retire_options.common, Changes::kSomething);
  retire.add_flag("--shorten-retention", retire_options.shorten_retention,
                  "allows a retire.after under 24 h; stands in the audit log");
}

void Grammar::AddReport() {
  CLI::App& report = *app_.add_subcommand("report", "signed verification reports");
  report.require_subcommand(1);
  CLI::App& check =
      *report.add_subcommand("check", "whether a report is as it was signed, and by whom");
  auto& check_options = Leaf<ReportOptions>(check);
  check.add_option("file", check_options.file, "what `verify --report` wrote")
      ->required()
      ->type_name("FILE");
  check.add_option("--key", check_options.key, "the public key that must have signed it")
      ->type_name("HEX");
  check.add_flag("--json", check_options.common.json,
                 "one JSON document on stdout and nothing else there");
  CLI::App& key = *report.add_subcommand("key", "the public key that signs this user's reports");
  auto& key_options = Leaf<ReportOptions>(key);
  key_options.action = ReportOptions::Action::kKey;
  AddPlanFile(key, key_options.common);
  AddCommon(key, key_options.common, Changes::kNothing);
}

void Grammar::AddBackup() {
  CLI::App& backup = *app_.add_subcommand("backup", "backups as a thing of their own");
  backup.require_subcommand(1);
  using Action = BackupOptions::Action;
  AddBackupAction(backup, Action::kCreate, "create", "makes one backup below the directory");
  AddBackupAction(backup, Action::kVerify, "verify", "reads every byte and names what is damaged");
  AddBackupAction(backup, Action::kRestore, "restore",
                  "puts back what is absent; never overwrites by itself");
  AddBackupAction(backup, Action::kList, "list", "the backups below the directory");
}

void Grammar::AddBackupAction(CLI::App& group, BackupOptions::Action action,
                              const std::string& name, const std::string& help) {
  CLI::App& app = *group.add_subcommand(name, help);
  auto& options = Leaf<BackupOptions>(app);
  options.action = action;
  const bool restores = action == BackupOptions::Action::kRestore;
  AddPlanFile(app, options.common);
  AddCommon(app, options.common, restores ? Changes::kSomething : Changes::kNothing);
  app.add_option("--dir", options.dir,
                 "the backup, or the directory of backups; the plan's without it")
      ->type_name("DIR");
  if (action == BackupOptions::Action::kCreate || restores) {
    AddOnly(app, options.only);
    app.add_option("--collections", options.collections,
                   "these collections; the plan's or all without it")
        ->delimiter(',')
        ->allow_extra_args(false)
        ->type_name("A,B");
  }
  if (restores) {
    app.add_option("--into", options.into, "another document store (sqlite:FILE)")
        ->type_name("STORE");
    app.add_flag("--overwrite", options.overwrite, "what differs is saved, then replaced");
    app.add_flag("--exact", options.exact, "what the backup does not hold is saved, then removed");
  }
}

void Grammar::AddVectors() {
  CLI::App& vectors = *app_.add_subcommand("vectors", "the vector steps alone");
  vectors.require_subcommand(1);
  const auto add = [&](VectorsOptions::Action action, const std::string& name,
                       const std::string& help) {
    CLI::App& app = *vectors.add_subcommand(name, help);
    auto& options = Leaf<VectorsOptions>(app);
    options.action = action;
    AddPlanFile(app, options.common);
    AddCommon(app, options.common, Changes::kSomething);
    app.add_option("--namespace", options.ns, "the namespace")->required()->type_name("NS");
  };
  add(VectorsOptions::Action::kBackup, "backup", "saves the namespace's vectors");
  add(VectorsOptions::Action::kClear, "clear", "removes the vectors that are ours, saves others");
  add(VectorsOptions::Action::kReembed, "reembed", "embeds the namespace's items again");
}

void Grammar::AddQuarantine() {
  CLI::App& quarantine = *app_.add_subcommand("quarantine", "what could not be moved, and why");
  quarantine.require_subcommand(1);
  using Action = QuarantineOptions::Action;
  const auto add = [&](Action action, const std::string& name, const std::string& help) {
    CLI::App& app = *quarantine.add_subcommand(name, help);
    auto& options = Leaf<QuarantineOptions>(
        app, [](QuarantineOptions& parsed) { TakePlan(parsed.ids, parsed.common); });
    options.action = action;
    AddCommon(app, options.common,
              action == Action::kReplay ? Changes::kSomething : Changes::kNothing);
    app.add_option("ids", options.ids, "the plan file (rehome.yaml without it), then ids")
        ->type_name("[PLAN] [ID]");
  };
  add(Action::kList, "list", "ids and reasons");
  add(Action::kShow, "show", "the documents too");
  add(Action::kReplay, "replay", "tries again after the documents were mended");
}

void Grammar::AddExplain() {
  CLI::App& explain = *app_.add_subcommand("explain", "one datum's whole way");
  auto words = std::make_shared<std::vector<std::string>>();
  auto& options = Leaf<ExplainOptions>(explain, [words](ExplainOptions& parsed) {
    if (words->size() == 2) {
      parsed.common.plan = words->front();
      words->erase(words->begin());
    }
    parsed.id = words->front();
  });
  AddCommon(explain, options.common, Changes::kNothing);
  explain
      .add_option("id", *words,
                  "the plan file (rehome.yaml without it), then an item_id or source _id")
      ->required()
      ->expected(1, 2)
      ->type_name("[PLAN] ID");
}

void Grammar::AddRehearse() {
  CLI::App& rehearse =
      *app_.add_subcommand("rehearse", "the whole plan, rollback included, on embedded copies");
  auto& rehearse_options = Leaf<RehearseOptions>(rehearse);
  AddPlanFile(rehearse, rehearse_options.common);
  AddCommon(rehearse, rehearse_options.common, Changes::kNothing);
  rehearse
      .add_option("--backup", rehearse_options.backup,
                  "from this backup instead of the source stores")
      ->type_name("DIR");
  rehearse.add_option("--sample", rehearse_options.sample, "only so many documents")
      ->check(kPositive)
      ->type_name("N");
  const std::map<std::string, bool> embedders{{"hashing", false}, {"real", true}};
  rehearse
      .add_option("--embedder", rehearse_options.real_embedder, "hashing, or real: the plan's own")
      ->transform(CLI::CheckedTransformer(embedders))
      ->option_text("hashing|real");
}

void Grammar::AddTorture() {
  CLI::App& torture = *app_.add_subcommand(
      "torture", "the plan in simulated worlds with crashes and faults at every step");
  auto& torture_options = Leaf<TortureOptions>(torture);
  AddPlanFile(torture, torture_options.common);
  AddCommon(torture, torture_options.common, Changes::kNothing);
  torture.add_option("--seed", torture_options.seed, "of the first world; the next has the next")
      ->capture_default_str()
      ->type_name("N");
  torture.add_option("--worlds", torture_options.worlds, "how many")
      ->check(kPositive)
      ->capture_default_str()
      ->type_name("M");
  torture
      .add_option("--sample", torture_options.sample,
                  "documents of the source that worlds draw from")
      ->check(kPositive)
      ->capture_default_str()
      ->type_name("N");
  const std::map<std::string, bool> torture_stores{{"memory", false}, {"sqlite", true}};
  torture.add_option("--stores", torture_options.on_files, "where worlds keep their documents")
      ->transform(CLI::CheckedTransformer(torture_stores))
      ->option_text("memory|sqlite");
}

void Grammar::AddServe() {
  CLI::App& serve =
      *app_.add_subcommand("pinecone-local", "the embedded Pinecone-compatible server on its own");
  auto key = std::make_shared<std::string>();
  auto& serve_options =
      Leaf<ServeOptions>(serve, [key](ServeOptions& parsed) { parsed.api_key = Secret(*key); });
  serve.add_option("--port", serve_options.port, "0: any free one")
      ->required()
      ->check(CLI::Range(0, 65'535))
      ->type_name("P");
  serve.add_option("--dir", serve_options.dir, "where the vectors lie")->required()->type_name("D");
  serve.add_option("--api-key", *key, "refuse requests with another key")->type_name("K");
  serve
      .add_option("--address", serve_options.address,
                  "listen there; an address that others reach needs --api-key")
      ->capture_default_str()
      ->type_name("A");
  serve
      .add_option("--index-lag", serve_options.index_lag_ms,
                  "milliseconds until a write is visible to readers")
      ->check(kNotNegative)
      ->type_name("MS");
  serve
      .add_option("--fault", serve_options.faults,
                  "429, 500, 503 …, slow, reset or drop, with ,path= ,every= ,times= ,delay= "
                  ",retry_after= ,effect=1; may be repeated")
      ->allow_extra_args(false)
      ->type_name("F");
  serve.add_flag("--rate-limits", serve_options.rate_limits,
                 "the service's documented rates per namespace and index");
  serve
      .add_option("--quota", serve_options.quota,
                  "starter, builder, standard or enterprise, with ,namespaces= and the like")
      ->type_name("Q");
  serve.add_flag("--admin", serve_options.admin, "POST /_admin/conditions changes these");
}

void Grammar::AddDemo() {
  CLI::App& demo =
      *app_.add_subcommand("demo", "moves a sample application on the embedded stores");
  auto& demo_options = Leaf<DemoOptions>(demo);
  demo.add_option("--dir", demo_options.dir, "where it is made")
      ->capture_default_str()
      ->type_name("D");
  demo.add_flag("--json", demo_options.json, "one JSON document on stdout and nothing else there");
}

CLI::App* Grammar::Deepest() {
  CLI::App* app = &app_;
  while (!app->get_subcommands().empty()) {
    app = app->get_subcommands().front();
  }
  return app;
}

std::string FullName(const CLI::App& app) {
  return app.get_parent() == nullptr ? app.get_name()
                                     : FullName(*app.get_parent()) + " " + app.get_name();
}

std::string Grammar::ExplainUnknown(const std::string& word) {
  CLI::App& app = *Deepest();
  std::vector<std::string> names;
  if (word.starts_with("-")) {
    for (const CLI::Option* option : app.get_options()) {
      std::ranges::transform(option->get_lnames(), std::back_inserter(names),
                             [](const std::string& name) { return "--" + name; });
    }
  } else {
    std::ranges::transform(app.get_subcommands([](CLI::App*) { return true; }),
                           std::back_inserter(names),
                           [](const CLI::App* verb) { return verb->get_name(); });
  }
  std::string text = fmt::format("`{}` does not take `{}`.", FullName(app), Escape(word));
  if (const std::string_view here = SaidHere(word); !here.empty()) {
    return text + fmt::format(" Here it is: {}", here);
  }
  const std::vector<std::string_view> known(names.begin(), names.end());
  if (const std::string_view nearest = Nearest(word.substr(0, word.find('=')), known);
      !nearest.empty()) {
    return text + fmt::format(" Did you mean: {} {}", FullName(app), nearest);
  }
  return text + fmt::format(" See: {} --help", FullName(app));
}

std::string Grammar::Explain(const CLI::ParseError& error) {
  const std::vector<std::string> unknown = app_.remaining(true);
  if (!unknown.empty()) {
    return ExplainUnknown(unknown.front());
  }
  return fmt::format("{}. See: {} --help", Escape(error.what()), FullName(*Deepest()));
}

CommandLineAnswer Grammar::AnswerTo(const CLI::ParseError& error) {
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) {
    const bool is_version = dynamic_cast<const CLI::CallForVersion*>(&error) != nullptr;
    return {kExitDone, is_version ? std::string(error.what()) + "\n" : app_.help(), {}};
  }
  return {kExitUsage, {}, Explain(error)};
}

}  // namespace

std::variant<Command, CommandLineAnswer> ParseCommandLine(std::span<const std::string> args) {
  Grammar grammar;
  try {
    // The parser takes them last first.
    grammar.app().parse(std::vector<std::string>(args.rbegin(), args.rend()));
    return std::move(grammar.command());
  } catch (const CLI::ParseError& error) {
    return grammar.AnswerTo(error);
  }
}

}  // namespace rehome::cli
