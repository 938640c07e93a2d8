#pragma once
// load.h — plan file → Plan, all problems at once.
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plan/plan.h"

namespace rehome {

struct PlanProblem {
  PlanMark mark;
  std::string message;  // what is wrong and what would be right
};

/// One `--set path=value`: `tenants.assign.org_id=org_acme`, `index.namespace=…`,
/// `limits.workers=2`; list elements by [n].
struct PlanOverride {
  std::string path;
  std::string value;  // read as YAML
};

using Environment = std::function<std::optional<std::string>(const std::string& name)>;

struct LoadedPlan {
  std::optional<Plan> plan;           // only if there is no problem
  std::vector<PlanProblem> problems;  // in file order
};

/// What only another module can tell of a plan; it may hold mistakes already.
using PlanJudge = std::function<std::vector<PlanProblem>(const Plan& plan)>;

/// Reads, substitutes ${NAME} and ${NAME:-default}, applies overrides, resolves, validates.
/// kNotFound / kInvalidArgument only if the file cannot be read at all; mistakes in it are
/// `problems`.
[[nodiscard]] Result<LoadedPlan> LoadPlan(const std::filesystem::path& file,
                                          const std::vector<PlanOverride>& overrides,
                                          const Environment& environment,
                                          const PlanJudge& judge = {});
/// The same on text (tests, fuzzing, `init`).
[[nodiscard]] LoadedPlan ParsePlan(std::string_view yaml, const std::filesystem::path& file,
                                   const std::vector<PlanOverride>& overrides,
                                   const Environment& environment, const PlanJudge& judge = {});
/// Reads Plan::ResolvedJson() back (secrets empty).
[[nodiscard]] Result<Plan> ParseResolved(std::string_view json);

}  // namespace rehome
