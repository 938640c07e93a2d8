#include "plan/plan.h"

#include <algorithm>
#include <thread>

#include "plan/namespace_template.h"
#include "plan/sections.h"

namespace rehome {
namespace {

NamespaceTemplate Template(const Plan& plan) {
  Result<NamespaceTemplate> parsed = ParseNamespaceTemplate(plan.index.namespace_template);
  CHECK(parsed.has_value());  // validated with the plan
  return *std::move(parsed);
}

}  // namespace

std::optional<std::string> FileAddress(std::string_view address) {
  for (const std::string_view scheme : {"sqlite:", "local:"}) {
    if (address.starts_with(scheme)) {
      std::error_code error;
      const std::filesystem::path path = address.substr(scheme.size());
      const std::filesystem::path absolute = std::filesystem::absolute(path, error);
      return std::string(scheme) + (error ? path : absolute).lexically_normal().string();
    }
  }
  return std::nullopt;
}

bool StorePair::same() const {
  const std::optional<std::string> file = FileAddress(source.address);
  return source.address == target.address || (file && file == FileAddress(target.address));
}

std::size_t LimitsPlan::WorkerCount() const {
  return workers > 0 ? static_cast<std::size_t>(workers)
                     : std::max(1U, std::thread::hardware_concurrency());
}

std::size_t CutoverPlan::PointerCount() const {
  std::size_t count = namespace_alias.size() + (env_file ? env_file->set.size() : 0);
  for (const PointerDocument& document : documents) {
    count += document.set.size();
  }
  return count;
}

const Organization* Plan::FindOrganization(std::string_view org_id) const {
  const auto found = std::ranges::find(tenants.organizations, org_id, &Organization::org_id);
  return found == tenants.organizations.end() ? nullptr : &*found;
}

const Profile* Plan::FindProfile(std::string_view profile_id) const {
  const auto found = std::ranges::find(tenants.profiles, profile_id, &Profile::profile_id);
  return found == tenants.profiles.end() ? nullptr : &*found;
}

TenantNamespace Plan::NamespaceOf(std::string_view org_id) const {
  const Organization* organization = FindOrganization(org_id);
  CHECK(organization != nullptr);
  return JournaledNamespace(Template(*this).Expand(organization->org_id, organization->slug));
}

TenantNamespace Plan::JournaledNamespace(std::string name) {
  CHECK(!name.empty() && name != "__default__");
  return TenantNamespace(std::move(name));
}

bool Plan::MatchesNamespaceTemplate(std::string_view ns) const {
  return Template(*this).Matches(ns);
}

}  // namespace rehome
