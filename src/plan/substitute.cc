#include <fmt/format.h>

#include <algorithm>

#include "model/json_text.h"
#include "plan/plan_node.h"

namespace rehome {
namespace {

constexpr int kDefaultsDepthMax = 16;  // ${A:-${B:-…}}

bool IsNameCharacter(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/// The position of the brace that closes the one before `at`; npos if none does.
std::size_t ClosingBrace(std::string_view text, std::size_t at) {
  for (int open = 1; at < text.size(); ++at) {
    open += text[at] == '{' ? 1 : text[at] == '}' ? -1 : 0;
    if (open == 0) {
      return at;
    }
  }
  return std::string_view::npos;
}

class Substitution {
 public:
  explicit Substitution(const Environment& environment) : environment_(environment) {}

  /// `text` with its variables replaced. A default may itself hold variables.
  std::string Expand(std::string_view text, int depth = 0) {
    std::string out;
    if (depth > kDefaultsDepthMax) {
      problem_ = fmt::format("more than {} defaults inside each other", kDefaultsDepthMax);
      return out;
    }
    while (!text.empty()) {
      const std::size_t at = text.find("${");
      if (at == std::string_view::npos) {
        return out.append(text);
      }
      if (at > 0 && text[at - 1] == '$') {  // $${ : an escaped ${
        out.append(text.substr(0, at - 1)).append("${");
        text.remove_prefix(at + 2);
        continue;
      }
      const std::size_t end = ClosingBrace(text, at + 2);
      if (end == std::string_view::npos) {
        problem_ = "`${` without its `}`";
        return out;
      }
      out.append(text.substr(0, at)).append(Lookup(text.substr(at + 2, end - at - 2), depth));
      text.remove_prefix(end + 1);
    }
    return out;
  }
  [[nodiscard]] const std::string& problem() const { return problem_; }

 private:
  std::string Lookup(std::string_view inside, int depth) {
    const std::size_t colon = inside.find(":-");
    const std::string name(inside.substr(0, colon));
    if (name.empty() || !std::ranges::all_of(name, IsNameCharacter)) {
      problem_ = fmt::format(
          "`${{{}}}` names no variable; the forms are ${{NAME}} and ${{NAME:-default}}", inside);
      return {};
    }
    std::optional<std::string> value = environment_(name);
    if (colon != std::string_view::npos && (!value || value->empty())) {
      return Expand(inside.substr(colon + 2), depth + 1);
    }
    if (!value) {
      problem_ =
          fmt::format("the variable {0} is not set; set it, or write ${{{0}:-default}}", name);
      return {};
    }
    if (!IsUtf8(*value)) {
      problem_ = fmt::format("the value of the variable {} is not UTF-8 text", name);
      return {};
    }
    return *std::move(value);
  }

  const Environment& environment_;
  std::string problem_;
};

void SubstituteScalar(PlanNode& node, const Environment& environment,
                      std::vector<PlanProblem>& problems) {
  if (node.text.find("${") == std::string::npos) {
    return;
  }
  Substitution substitution(environment);
  node.text = substitution.Expand(node.written);
  if (!substitution.problem().empty()) {
    problems.push_back({node.mark, substitution.problem()});
    node.unresolved = true;
  }
  if (node.unresolved || node.text.empty()) {
    node.kind = PlanNode::Kind::kNull;
  }
}

}  // namespace

void SubstituteEnvironment(PlanNode& node, const Environment& environment,
                           std::vector<PlanProblem>& problems) {
  if (node.IsScalar()) {
    SubstituteScalar(node, environment, problems);
  }
  for (PlanNode& element : node.list) {
    SubstituteEnvironment(element, environment, problems);
  }
  for (PlanNode::Entry& entry : node.map) {
    SubstituteEnvironment(entry.node, environment, problems);
  }
}

}  // namespace rehome
