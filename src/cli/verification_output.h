#pragma once
// verification_output.h — a verification as text and as JSON: verify, repair and signed reports show
// the same.
#include <nlohmann/json_fwd.hpp>

#include "checks/check.h"
#include "cli/environment.h"

namespace rehome::cli {

[[nodiscard]] nlohmann::ordered_json ChecksJson(const Verification& verification);
void PrintVerification(const Verification& verification, CliEnvironment& environment);

}  // namespace rehome::cli
