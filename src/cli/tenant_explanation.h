#pragma once
// tenant_explanation.h — an organization or a profile of the plan, gathered for `explain`. Reads only.
#include <optional>
#include <string>
#include <vector>

#include "cli/explanation.h"

namespace rehome::cli {

struct TenantExplanation {
  std::string kind;  // organization, profile
  std::string id;
  std::string collection;
  std::string org_id;
  Document planned;
  std::optional<Document> stored;
  std::optional<Ownership> owner;        // of what is stored
  std::string ns;                        // of its organization
  std::optional<std::uint64_t> vectors;  // an organization's; absent: of the profile nobody knows
  std::vector<DatumFinding> findings;    // none before the plan ever ran
};

/// Nothing where the plan has no tenant of that id.
[[nodiscard]] Result<std::optional<TenantExplanation>> ExplainTenant(const ReadSession& read,
                                                                     const Deps& deps,
                                                                     const std::string& id);

}  // namespace rehome::cli
