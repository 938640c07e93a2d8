#include "flow/context.h"

#include <fmt/format.h>

#include "model/embedding.h"

namespace rehome {

Result<TenantNamespace> FlowContext::NamespaceOf(std::string_view org_id) const {
  const auto found = run.namespaces.find(org_id);
  if (found == run.namespaces.end()) {
    return Fail(ErrorCode::kNotFound,
                fmt::format("no namespace is journaled for organization {}", org_id),
                "run phase 1 first: `rehome run --phase 1`");
  }
  return Plan::JournaledNamespace(found->second);
}

std::string ContractHash(const Plan& plan, const Embedder& embedder) {
  return EmbeddingContract{.provider = embedder.Provider(),
                           .model = embedder.Model(),
                           .dimension = embedder.Dimension(),
                           .metric = plan.index.metric,
                           .normalised = embedder.Normalised(),
                           .text_template = plan.index.text}
      .Hash();
}

}  // namespace rehome
