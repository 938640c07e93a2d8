#pragma once
// plan_file.h — from the tree to the Plan; what YAML and the journal's JSON share.
#include "plan/plan_node.h"

namespace rehome {

/// Reads and validates a whole tree. `problems` may hold what was found before; the plan is set
/// only if there is none.
[[nodiscard]] LoadedPlan ReadPlanTree(const PlanNode& root, std::filesystem::path file,
                                      std::vector<PlanProblem> problems,
                                      const PlanJudge& judge = {});

}  // namespace rehome
