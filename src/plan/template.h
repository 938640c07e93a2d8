#pragma once
// template.h — the commented plan file that `rehome init` writes: plans/portfolio.yaml, built in.
#include <string>

namespace rehome {

[[nodiscard]] std::string PlanTemplate();

}  // namespace rehome
