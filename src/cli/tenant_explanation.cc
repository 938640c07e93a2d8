#include "cli/tenant_explanation.h"

#include <fmt/format.h>

#include "model/item.h"

namespace rehome::cli {
namespace {

std::optional<TenantExplanation> Planned(const Plan& plan, const std::string& id) {
  TenantExplanation out;
  out.id = id;
  if (const Organization* organization = plan.FindOrganization(id)) {
    out.kind = "organization";
    out.collection = plan.tenants.organizations_collection;
    out.org_id = id;
    out.planned = organization->document;
    return out;
  }
  if (const Profile* profile = plan.FindProfile(id)) {
    out.kind = "profile";
    out.collection = plan.tenants.profiles_collection;
    out.org_id = profile->org_id;
    out.planned = profile->document;
    return out;
  }
  return std::nullopt;
}

/// The namespace as the run resolved it, else as the plan would.
std::string NamespaceOf(const ReadSession& read, const Plan& plan, const std::string& org_id) {
  if (read.run) {
    if (const auto found = read.run->namespaces.find(org_id); found != read.run->namespaces.end()) {
      return found->second;
    }
  }
  return plan.NamespaceOf(org_id).name();
}

DatumFinding Judged(const RunRecord& run, const TenantExplanation& tenant) {
  DatumFinding out{.check = "tenants", .passed = true, .detail = "stands as the plan says"};
  if (!tenant.stored) {
    out.passed = !run.IsDone(Phase::kTenants);
    out.detail = out.passed ? "phase 1 has not inserted it yet" : "is missing";
  } else if (*tenant.stored != tenant.planned) {
    out.passed = run.IsCutOver();
    out.detail =
        out.passed ? "the application changed it after the cutover" : "is not what the plan says";
  }
  return out;
}

}  // namespace

Result<std::optional<TenantExplanation>> ExplainTenant(const ReadSession& read, const Deps& deps,
                                                       const std::string& id) {
  const Plan& plan = *read.compiled->plan;
  const Call call{.stop = deps.stop};
  std::optional<TenantExplanation> out = Planned(plan, id);
  if (!out) {
    return out;
  }
  const Value key = Value::String(id);
  REHOME_TRY_ASSIGN(auto found,
                    deps.stores.target_documents->FindByIds(out->collection, {&key, 1}, call));
  out->stored = std::move(found.front());
  if (out->stored) {
    REHOME_TRY_ASSIGN(out->owner,
                      OwnerOf(read, deps, {LedgerTarget::Store::kDocuments, out->collection}, key,
                              DocumentDigest(out->stored->view())));
  }
  out->ns = NamespaceOf(read, plan, out->org_id);
  if (out->id == out->org_id) {
    REHOME_TRY_ASSIGN(const IndexInfo index, deps.stores.target_vectors->Describe(call));
    const auto space = index.namespaces.find(out->ns);
    out->vectors = space == index.namespaces.end() ? 0 : space->second;
  }
  if (read.run) {
    out->findings.push_back(Judged(*read.run, *out));
  }
  return out;
}

}  // namespace rehome::cli
