// plan.cc — YAML → Plan. Input: the plan, then `--set` overrides, one a line.
#include <algorithm>

#include "plan/load.h"
#include "tests/fuzz/fuzz.h"

namespace {

using namespace rehome;  // NOLINT(google-build-using-namespace): one function's worth of names

std::optional<std::string> Variable(const std::string& name) {
  if (name.starts_with('U')) {
    return std::nullopt;
  }
  return name.starts_with('E') ? std::string() : "value-of-" + name;
}

std::vector<PlanOverride> Overrides(std::string_view lines) {
  std::vector<PlanOverride> overrides;
  while (!lines.empty()) {
    const std::string_view line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(std::min(line.size() + 1, lines.size()));
    if (const std::size_t equals = line.find('='); equals != std::string_view::npos) {
      overrides.push_back(
          {std::string(line.substr(0, equals)), std::string(line.substr(equals + 1))});
    }
  }
  return overrides;
}

/// The journal's copy of a plan is that plan.
void CheckResolved(const Plan& plan) {
  const std::string resolved = plan.ResolvedJson();
  const Result<Plan> back = ParseResolved(resolved);
  CHECK(back.has_value());
  CHECK(back->ResolvedJson() == resolved);
  CHECK(back->FingerprintText() == plan.FingerprintText());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto [yaml, lines] = fuzz::Parts<2>(fuzz::Text(data, size));
  const auto overrides = Overrides(lines);
  const LoadedPlan loaded = ParsePlan(yaml, "plan.yaml", overrides, Variable);
  CHECK(loaded.plan.has_value() == loaded.problems.empty());
  const auto line_count = std::ranges::count(yaml, '\n') + 1;
  for (const PlanProblem& problem : loaded.problems) {
    CHECK(!problem.message.empty());
    CHECK(problem.mark.line >= 0 && problem.mark.line <= line_count + 1);
  }
  if (loaded.plan) {
    CheckResolved(*loaded.plan);
  }
  return 0;
}
