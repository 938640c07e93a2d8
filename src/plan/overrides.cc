#include <fmt/format.h>

#include "plan/plan_node.h"

namespace rehome {
namespace {

/// Every mark of an override's value says which override it came from: {0, number}.
void SetMarks(PlanNode& node, PlanMark mark) {
  node.mark = mark;
  for (PlanNode& element : node.list) {
    SetMarks(element, mark);
  }
  for (PlanNode::Entry& entry : node.map) {
    entry.mark = mark;
    SetMarks(entry.node, mark);
  }
}

/// The node that one more step leads to; an absent key of a map (or of nothing) is made. Empty: why
/// not.
Result<PlanNode*> Step(PlanNode& node, const std::variant<std::string, std::size_t>& step,
                       PlanMark mark) {
  if (const auto* position = std::get_if<std::size_t>(&step)) {
    if (!node.IsList() || *position >= node.list.size()) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("there is no element [{}] in the plan", *position));
    }
    return &node.list[*position];
  }
  const auto& key = std::get<std::string>(step);
  if (node.IsNull()) {
    node.kind = PlanNode::Kind::kMap;
  }
  if (!node.IsMap()) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("`{}` cannot be set, because what should hold it is {} in the plan",
                            key, Name(node.kind)));
  }
  if (PlanNode* found = node.Find(key)) {
    return found;
  }
  return &node.map.emplace_back(PlanNode::Entry{key, mark, PlanNode::At(mark)}).node;
}

Status Apply(PlanNode& root, const PlanOverride& one, PlanMark mark,
             std::vector<PlanProblem>& problems) {
  REHOME_TRY_ASSIGN(const FieldPath path, ParseFieldPath(one.path));
  PlanNode* node = &root;
  for (const auto& step : path.steps) {
    REHOME_TRY_ASSIGN(node, Step(*node, step, mark));
  }
  std::vector<PlanProblem> value_problems;
  *node = ParseYaml(one.value, value_problems);
  SetMarks(*node, mark);
  node->unresolved = !value_problems.empty();
  for (PlanProblem& problem : value_problems) {
    problems.push_back(
        {mark, fmt::format("{}; text with braces or colons in it wants quotes that reach the "
                           "plan: --set '{}=\"…\"'",
                           problem.message, one.path)});
  }
  return {};
}

}  // namespace

void ApplyOverrides(PlanNode& root, const std::vector<PlanOverride>& overrides,
                    std::vector<PlanProblem>& problems) {
  int number = 0;
  for (const PlanOverride& one : overrides) {
    const PlanMark mark{0, ++number};
    if (const Status applied = Apply(root, one, mark, problems); !applied) {
      problems.push_back({mark, applied.error().message});
    }
  }
}

}  // namespace rehome
