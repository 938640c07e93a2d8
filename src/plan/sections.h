#pragma once
// sections.h — one reader per part of the plan, and the checks that concern more than one part.
// Private to this module.
#include "plan/plan_reader.h"

namespace rehome {

void ReadStores(PlanReader& reader, const MapReader& root, Plan& plan);
void ReadBackup(PlanReader& reader, const PlanNode& node, BackupPlan& backup);
void ReadTenants(PlanReader& reader, const PlanNode& node, TenantsPlan& tenants);
void ReadItems(PlanReader& reader, const PlanNode& node, ItemsPlan& items);
/// A rule in any position: a path, or a map of one kind.
[[nodiscard]] FieldRule ReadRule(PlanReader& reader, const PlanNode& node, std::string_view field);
void ReadStamps(PlanReader& reader, const PlanNode& node, std::vector<StampPlan>& stamps);
void ReadIndex(PlanReader& reader, const PlanNode& node, IndexPlan& index);
void ReadEmbedder(PlanReader& reader, const PlanNode& node, EmbedderPlan& embedder);
void ReadVerify(PlanReader& reader, const PlanNode& node, VerifyPlan& verify);
void ReadCutover(PlanReader& reader, const PlanNode& node, CutoverPlan& cutover);
void ReadRetire(PlanReader& reader, const PlanNode& node, RetirePlan& retire);
void ReadApplication(PlanReader& reader, const PlanNode& node,
                     std::optional<MaintenancePlan>& maintenance);
void ReadLimits(PlanReader& reader, const PlanNode& node, LimitsPlan& limits);

/// The rows of a look-up file: a header `key,org_id,profile_id`, then one row per key; fields may
/// be quoted. What is wrong with it is noted at `node`, with the row's number.
[[nodiscard]] std::map<std::string, TenantRef, std::less<>> ReadLookupFile(
    PlanReader& reader, const PlanNode& node, const std::filesystem::path& file);

/// What only the whole plan shows: references between its parts, namespaces, collections that would
/// meet.
void CheckReferences(PlanReader& reader, const PlanNode& root, const Plan& plan);
void CheckTenantReferences(PlanReader& reader, const PlanNode& tenants_node, const Plan& plan);
void CheckNamespaces(PlanReader& reader, const PlanNode& root, const Plan& plan);

/// The address of a store that is a file or directory, its path absolute; nothing for others.
[[nodiscard]] std::optional<std::string> FileAddress(std::string_view address);

/// The node at a path of keys; the deepest that exists, so that a problem can be marked.
[[nodiscard]] const PlanNode& NodeAt(const PlanNode& root,
                                     std::initializer_list<std::string_view> keys);

}  // namespace rehome
