#pragma once
// vector_steps.h — the vector steps alone, one namespace at a time: back up, clear, embed again.
#include <string>
#include <string_view>

#include "backup/backup.h"
#include "phases/engine.h"

namespace rehome {

/// What a namespace is to a plan.
struct KnownNamespace {
  enum class Role : std::uint8_t {
    kTenant,  // an organization's, in the target
    kLegacy,  // the old side's, in the source: only retire removes from it
  };
  Role role = Role::kTenant;
  std::string org_id;  // kTenant
};
/// kInvalidArgument: the plan does not know it; the hint lists those it knows.
[[nodiscard]] Result<KnownNamespace> FindNamespace(const Plan& plan, std::string_view ns);
/// The same where something will be changed: a legacy one is kFailedPrecondition.
[[nodiscard]] Result<KnownNamespace> FindTenantNamespace(const Plan& plan, std::string_view ns);

/// A backup of that namespace alone, from the store that has it, below plan.backup.dir.
[[nodiscard]] Result<BackupResult> BackUpNamespace(const Plan& plan, const Deps& deps,
                                                   const std::string& ns);

/// Resets the marks of the organization's items, then removes its vectors that are ours (changed
/// ones saved first, foreign ones left): phase 3 is to be run again. kFailedPrecondition: the
/// application reads there.
[[nodiscard]] Result<RunReport> ClearNamespace(Session& session, const std::string& ns);

/// Embeds every item of the organization that is ours again, in place: upsert, confirm, mark.
[[nodiscard]] Result<RunReport> ReembedNamespace(Session& session, const std::string& ns);

}  // namespace rehome
