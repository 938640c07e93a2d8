#pragma once
// all.h — the checks by name; check.cc has their order.
#include "checks/check.h"

namespace rehome {

[[nodiscard]] Result<CheckResult> CheckBackup(CheckContext& context);
[[nodiscard]] Result<CheckResult> CheckCounts(CheckContext& context);
[[nodiscard]] Result<CheckResult> CheckTenants(CheckContext& context);
[[nodiscard]] Result<CheckResult> CheckSchema(CheckContext& context);
[[nodiscard]] Result<CheckResult> CheckDigests(CheckContext& context);
[[nodiscard]] Result<CheckResult> CheckOrphans(CheckContext& context);
[[nodiscard]] Result<CheckResult> CheckVectors(CheckContext& context);
[[nodiscard]] Result<CheckResult> CheckIsolation(CheckContext& context);
[[nodiscard]] Result<CheckResult> CheckRetrieval(CheckContext& context);
[[nodiscard]] Result<CheckResult> CheckProposals(CheckContext& context);
[[nodiscard]] Result<CheckResult> CheckPointers(CheckContext& context);
[[nodiscard]] Result<CheckResult> CheckAudit(CheckContext& context);

}  // namespace rehome
