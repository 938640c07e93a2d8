#include "plan/load.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/atomic_file.h"
#include "plan/default_extractors.h"
#include "plan/plan_file.h"
#include "plan/sections.h"

namespace rehome {
namespace {

constexpr std::size_t kPlanBytesMax = 4U << 20U;

bool IsPlanName(std::string_view name) {
  return !name.empty() && name.size() <= 64 && name[0] != '.' &&
         std::ranges::all_of(name, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '_' || c == '.';
         });
}

void ReadHead(PlanReader& reader, MapReader& root, Plan& plan) {
  if (const PlanNode* version = root.Find("rehome")) {
    static_cast<void>(reader.Whole(*version, "rehome", 1, 1));
  }
  const PlanNode* name = root.Find("name");
  const std::optional<std::string> text =
      name == nullptr ? std::nullopt : reader.Text(*name, "name");
  plan.name = text.value_or("");
  if (text && !IsPlanName(*text)) {
    reader.ProblemAt(*name, "name", "must be 1 to 64 of letters, digits, `-`, `_` and `.`");
  }
}

/// `read(reader, node, part)` if the part stands in the plan.
template <class Read, class Part>
void ReadPart(PlanReader& reader, const MapReader& root, std::string_view key, const Read& read,
              Part& part) {
  if (const PlanNode* node = root.Find(key)) {
    read(reader, *node, part);
  }
}

/// Extractors that rules name and the plan does not define.
void AddDefaultExtractors(ItemsPlan& items, const FieldRule& rule) {
  if (rule.kind == FieldRule::Kind::kExtract && !items.extractors.contains(rule.extractor)) {
    if (std::optional<Extractor> extractor = DefaultExtractor(rule.extractor)) {
      items.extractors.emplace(rule.extractor, *std::move(extractor));
    }
  }
  for (const FieldRule& alternative : rule.alternatives) {
    AddDefaultExtractors(items, alternative);
  }
}

Plan ReadSections(PlanReader& reader, const PlanNode& tree) {
  Plan plan;
  plan.backup.dir = "backups";
  MapReader root(reader, tree, keys::kPlan);
  ReadHead(reader, root, plan);
  ReadStores(reader, root, plan);
  ReadPart(reader, root, "backup", ReadBackup, plan.backup);
  ReadPart(reader, root, "tenants", ReadTenants, plan.tenants);
  ReadPart(reader, root, "items", ReadItems, plan.items);
  ReadPart(reader, root, "stamp", ReadStamps, plan.stamps);
  ReadPart(reader, root, "index", ReadIndex, plan.index);
  ReadPart(reader, root, "verify", ReadVerify, plan.verify);
  ReadPart(reader, root, "cutover", ReadCutover, plan.cutover);
  ReadPart(reader, root, "retire", ReadRetire, plan.retire);
  ReadPart(reader, root, "application", ReadApplication, plan.maintenance);
  ReadPart(reader, root, "limits", ReadLimits, plan.limits);
  if (const PlanNode* log = root.Find("log")) {
    std::string path;
    MapReader(reader, *log, keys::kLog).Text("file", path);
    plan.log_file = path;
  }
  for (const auto& [name, rule] : plan.items.fields) {
    AddDefaultExtractors(plan.items, rule);
  }
  return plan;
}

/// A mark of line 0 means an override: the message says which.
void NameOverrides(std::vector<PlanProblem>& problems, const std::vector<PlanOverride>& overrides) {
  for (PlanProblem& problem : problems) {
    const auto number = static_cast<std::size_t>(problem.mark.column);
    if (problem.mark.line == 0 && number >= 1 && number <= overrides.size()) {
      problem.message = fmt::format("--set {}: {}", overrides[number - 1].path, problem.message);
    }
  }
}

}  // namespace

LoadedPlan ReadPlanTree(const PlanNode& root, std::filesystem::path file,
                        std::vector<PlanProblem> problems, const PlanJudge& judge) {
  PlanReader reader;
  Plan plan = ReadSections(reader, root);
  if (root.IsMap()) {
    CheckReferences(reader, root, plan);
  }
  LoadedPlan loaded{.plan = std::nullopt, .problems = std::move(problems)};
  std::ranges::move(reader.TakeProblems(), std::back_inserter(loaded.problems));
  if (judge) {
    std::ranges::move(judge(plan), std::back_inserter(loaded.problems));
  }
  std::ranges::stable_sort(loaded.problems, {}, [](const PlanProblem& one) {
    return std::pair(one.mark.line, one.mark.column);
  });
  if (loaded.problems.empty()) {
    plan.file = std::move(file);
    loaded.plan = std::move(plan);
  }
  return loaded;
}

LoadedPlan ParsePlan(std::string_view yaml, const std::filesystem::path& file,
                     const std::vector<PlanOverride>& overrides, const Environment& environment,
                     const PlanJudge& judge) {
  std::vector<PlanProblem> problems;
  PlanNode root = ParseYaml(yaml, problems);
  if (!problems.empty() && root.IsNull()) {
    return {.plan = std::nullopt, .problems = std::move(problems)};  // there is no tree to look at
  }
  ApplyOverrides(root, overrides, problems);
  SubstituteEnvironment(root, environment, problems);
  LoadedPlan loaded = ReadPlanTree(root, file, std::move(problems), judge);
  NameOverrides(loaded.problems, overrides);
  return loaded;
}

Result<LoadedPlan> LoadPlan(const std::filesystem::path& file,
                            const std::vector<PlanOverride>& overrides,
                            const Environment& environment, const PlanJudge& judge) {
  Result<std::string> text = ReadFile(file, kPlanBytesMax);
  if (!text) {
    Error failed = std::move(text).error().In("plan");
    if (failed.code == ErrorCode::kNotFound) {
      failed.hint = fmt::format("write one with: rehome init {}", file.string());
    } else {
      failed.code = ErrorCode::kInvalidArgument;
    }
    return std::unexpected(std::move(failed));
  }
  return ParsePlan(*text, file, overrides, environment, judge);
}

}  // namespace rehome
