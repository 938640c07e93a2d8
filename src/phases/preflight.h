#pragma once
// preflight.h — everything that `rehome check` looks at before anything is written, all problems at
// once. Phase 0 refuses to start while one of them is an error.
#include <cstdint>
#include <string>
#include <vector>

#include "phases/session.h"

namespace rehome {

struct Finding {
  enum class Severity : std::uint8_t { kOk, kWarning, kError };
  Severity severity = Severity::kOk;
  std::string check;    // "documents source", "quota", "namespace portfolio_acme", …
  std::string message;  // what was found
  std::string hint;     // what to do; empty if nothing
};

/// Reads only. `run` is the latest run, if any: what it wrote is not foreign. An error only if the
/// preflight itself could not be made at all; a store that cannot be reached is a finding that
/// carries `unreachable`.
struct PreflightReport {
  std::vector<Finding> findings;
  bool unreachable = false;  // a store cannot be reached or refuses the credentials: exit 4
  [[nodiscard]] bool passed() const;
};
[[nodiscard]] Result<PreflightReport> RunPreflight(const Plan& plan, const Mapper& mapper,
                                                   const Deps& deps, const RunRecord* run);

}  // namespace rehome
