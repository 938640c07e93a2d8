#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <ostream>
#include <thread>

#include "base/random.h"
#include "cli/console.h"
#include "cli/exit_codes.h"
#include "cli/verbs.h"
#include "cli/wiring.h"
#include "cli/wiring_lexical.h"
#include "report/escape.h"
#include "report/table.h"
#include "sim/torture.h"

namespace rehome::cli {
namespace {

using Json = nlohmann::ordered_json;

/// The one command that lives world `seed` again.
std::string ReplayCommand(const TortureOptions& options, std::uint64_t seed) {
  std::string out =
      fmt::format("rehome torture {} --seed {} --worlds 1", options.common.plan.string(), seed);
  for (const PlanOverride& value : options.common.set) {
    out += fmt::format(" --set '{}={}'", value.path, value.value);
  }
  if (options.sample != TortureOptions{}.sample) {
    out += fmt::format(" --sample {}", options.sample);
  }
  return options.on_files ? out + " --stores sqlite" : out;
}

/// On memory where the system offers that: the little that worlds write to files is not what is
/// tested.
std::filesystem::path ScratchRoot() {
  const std::filesystem::path memory = "/dev/shm";
  std::error_code ignored;
  return std::filesystem::is_directory(memory, ignored) ? memory
                                                        : std::filesystem::temp_directory_path();
}

/// One SQLite file, or two where the plan names two stores; emptied before.
Result<sim::WorldStores> OnFiles(const Plan& plan, const std::filesystem::path& directory,
                                 Clock& clock) {
  std::error_code failed;
  std::filesystem::remove_all(directory, failed);
  const auto open = [&](std::string_view name) {
    return OpenDocuments(
        {.address = fmt::format("sqlite:{}", (directory / name).string()), .secret = {}},
        Access::kReadWrite, clock);
  };
  REHOME_TRY_ASSIGN(auto source, open("source.db"));
  if (plan.documents.same()) {
    return sim::WorldStores{.source_documents = source, .target_documents = source};
  }
  REHOME_TRY_ASSIGN(auto target, open("target.db"));
  return sim::WorldStores{.source_documents = std::move(source),
                          .target_documents = std::move(target)};
}

class Certificate {
 public:
  Certificate(const TortureOptions& options, const sim::Sample& sample,
              const sim::TortureReport& report, double seconds)
      : options_(options), sample_(sample), report_(report), seconds_(seconds) {}

  void PrintAsJson(CliEnvironment& environment) const {
    Json failures = Json::array();
    for (const sim::WorldFailure& failure : report_.failures) {
      failures.push_back({{"seed", failure.seed},
                          {"what", failure.what},
                          {"replay", ReplayCommand(options_, failure.seed)}});
    }
    PrintJson({{"passed", report_.failures.empty()},
               {"seed", options_.seed},
               {"worlds", report_.worlds()},
               {"stores", options_.on_files ? "sqlite" : "memory"},
               {"sample", sample_.sources.size()},
               {"generated", sample_.generated},
               {"seconds", seconds_},
               {"survived", report_.survived},
               {"failures", std::move(failures)}},
              environment);
  }

  void PrintAsText(CliEnvironment& environment) const {
    TextTable table({{"what happened in them"}, {"times", TextTable::Align::kRight}});
    for (const auto& [what, count] : report_.survived) {
      if (what != "worlds") {
        table.Add({what, FormatCount(count)});
      }
    }
    environment.out << fmt::format(
        "{} worlds from seed {} on, each an application of up to 30 of {} {} documents, {}; {:.1f} "
        "s\n\n{}\n",
        FormatCount(report_.worlds()), options_.seed, FormatCount(sample_.sources.size()),
        sample_.generated ? "made-up" : "of the source's",
        options_.on_files ? "on SQLite files" : "in memory", seconds_, table.Render());
    for (const sim::WorldFailure& failure : report_.failures) {
      environment.out << fmt::format("seed {} was not survived: {}\n  again: {}\n", failure.seed,
                                     Escape(failure.what), ReplayCommand(options_, failure.seed));
    }
    if (report_.failures.empty()) {
      environment.out << "All of them ended as promised: nothing lost, nothing doubled, no datum "
                         "with another tenant.\n";
    }
  }

 private:
  const TortureOptions& options_;
  const sim::Sample& sample_;
  const sim::TortureReport& report_;
  const double seconds_;
};

Result<int> Torture(const Plan& plan, const TortureOptions& options, CliEnvironment& environment) {
  REHOME_TRY_ASSIGN(const auto source,
                    OpenDocuments(plan.documents.source, Access::kReadOnly, environment.clock));
  REHOME_TRY_ASSIGN(const sim::Sample sample,
                    sim::TakeSample(plan, *source, options.sample, Call{.stop = environment.stop}));
  const std::filesystem::path directory = ScratchRoot() / (".rehome-torture-" + RandomHex(8));
  REHOME_TRY_ASSIGN(const auto scratch, ScratchDirectory(directory));
  sim::WorldKind kind;
  if (options.on_files) {
    kind.stores = [&plan](const std::filesystem::path& below, Clock& clock) {
      return OnFiles(plan, below, clock);
    };
  }
  const SteadyTime start = environment.clock.Steady();
  REHOME_TRY_ASSIGN(const sim::TortureReport report,
                    sim::Torture(plan, sample, kind,
                                 {.seed = options.seed,
                                  .worlds = options.worlds,
                                  .threads = std::max(1U, std::thread::hardware_concurrency()),
                                  .directory = directory,
                                  .embedder = [] { return OpenLexicalEmbedder(sim::kDimension); },
                                  .stop = environment.stop}));
  const double seconds = std::chrono::duration<double>(environment.clock.Steady() - start).count();
  const Certificate certificate(options, sample, report, seconds);
  if (options.common.json) {
    certificate.PrintAsJson(environment);
  } else {
    certificate.PrintAsText(environment);
  }
  return report.failures.empty() ? kExitDone : kExitCheckFailed;
}

}  // namespace

int RunVerb(const TortureOptions& options, CliEnvironment& environment) {
  return WithPlan(options.common, environment,
                  [&](const Plan& plan) { return Torture(plan, options, environment); });
}

}  // namespace rehome::cli
