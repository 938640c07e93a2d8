#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "plan/sections.h"
#include "plan/suggest.h"

namespace rehome {
namespace {

/// Ids and slugs stand in namespaces and metadata: printable ASCII without blanks, at most 128
/// bytes.
void CheckId(PlanReader& reader, const PlanNode& node, std::string_view what, std::string_view id) {
  const bool plain = std::ranges::all_of(id, [](char c) { return c > ' ' && c < '\x7f'; });
  if (id.empty() || id.size() > 128 || !plain) {
    reader.ProblemAt(node, what, "must be 1 to 128 printable ASCII characters without blanks");
  }
}

/// The document as inserted: `_id` first, then the plan's keys in plan order.
Document TenantDocument(PlanReader& reader, const PlanNode& node, std::string_view id) {
  DocumentBuilder document;
  document.String("_id", id);
  for (const PlanNode::Entry& entry : node.map) {
    if (entry.key == "_id" && (!entry.node.IsScalar() || entry.node.text != id)) {
      reader.Problem(entry.mark, "`_id` is always the org_id or profile_id; leave it out");
    } else if (entry.key != "_id") {
      if (const std::optional<Value> value = reader.Value(entry.node, entry.key)) {
        document.Append(entry.key, *value);
      }
    }
  }
  return document.Finish();
}

/// Calls `read(element, map)` for each map of the list `key`.
template <class Read>
void ReadEach(PlanReader& reader, const MapReader& tenants, std::string_view key,
              const KeySet& keys, const Read& read) {
  const PlanNode* list = tenants.Find(key);
  if (list == nullptr || !reader.Is(*list, key, PlanNode::Kind::kList)) {
    return;
  }
  if (list->list.empty()) {
    reader.ProblemAt(*list, key, "is empty; at least one is needed");
  }
  for (const PlanNode& element : list->list) {
    MapReader map(reader, element, keys);
    if (element.IsMap()) {
      read(element, map);
    }
  }
}

void ReadOrganizations(PlanReader& reader, const MapReader& tenants,
                       std::vector<Organization>& out) {
  std::set<std::string, std::less<>> ids;
  std::set<std::string, std::less<>> slugs;
  ReadEach(reader, tenants, "organizations", keys::kOrganization,
           [&](const PlanNode& node, MapReader& map) {
             Organization organization;
             map.Text("org_id", organization.org_id);
             map.Text("slug", organization.slug);
             if (const PlanNode* id = map.Find("org_id")) {
               CheckId(reader, *id, "org_id", organization.org_id);
               if (!ids.insert(organization.org_id).second) {
                 reader.ProblemAt(
                     *id, "org_id",
                     fmt::format("`{}` belongs to an organization above", organization.org_id));
               }
             }
             if (const PlanNode* slug = map.Find("slug")) {
               CheckId(reader, *slug, "slug", organization.slug);
               if (!slugs.insert(organization.slug).second) {
                 reader.ProblemAt(
                     *slug, "slug",
                     fmt::format("`{}` belongs to an organization above", organization.slug));
               }
             }
             organization.document = TenantDocument(reader, node, organization.org_id);
             out.push_back(std::move(organization));
           });
}

void ReadProfiles(PlanReader& reader, const MapReader& tenants, std::vector<Profile>& out) {
  std::set<std::string, std::less<>> ids;
  ReadEach(reader, tenants, "profiles", keys::kProfile, [&](const PlanNode& node, MapReader& map) {
    Profile profile;
    map.Text("profile_id", profile.profile_id);
    map.Text("org_id", profile.org_id);
    if (const PlanNode* id = map.Find("profile_id")) {
      CheckId(reader, *id, "profile_id", profile.profile_id);
      if (!ids.insert(profile.profile_id).second) {
        reader.ProblemAt(*id, "profile_id",
                         fmt::format("`{}` belongs to a profile above", profile.profile_id));
      }
    }
    profile.document = TenantDocument(reader, node, profile.profile_id);
    out.push_back(std::move(profile));
  });
}

void ReadTenantRef(MapReader& map, TenantRef& tenant) {
  map.Text("org_id", tenant.org_id);
  map.Text("profile_id", tenant.profile_id);
}

AssignRule::Lookup ReadLookup(PlanReader& reader, const PlanNode& node) {
  AssignRule::Lookup lookup;
  MapReader map(reader, node, keys::kLookup);
  map.Path("field", lookup.field);
  std::string file;
  map.Text("file", file);
  lookup.file = file;
  const PlanNode* rows = map.Find("rows");
  if (rows == nullptr && map.Find("file") != nullptr) {
    lookup.rows = ReadLookupFile(reader, *map.Find("file"), lookup.file);
  } else if (rows != nullptr && reader.Is(*rows, "rows", PlanNode::Kind::kMap)) {
    for (const PlanNode::Entry& row : rows->map) {
      MapReader tenant(reader, row.node, keys::kTenant);
      ReadTenantRef(tenant, lookup.rows[row.key]);
    }
  } else if (rows == nullptr && node.IsMap() && node.Find("file") == nullptr) {
    reader.ProblemAt(node, "lookup",
                     "needs `file`, a CSV with the header key,org_id,profile_id (or `rows`)");
  }
  return lookup;
}

AssignRule::Match ReadMatch(PlanReader& reader, const PlanNode& node) {
  AssignRule::Match match;
  MapReader map(reader, node, keys::kMatch);
  map.Path("field", match.field);
  if (const PlanNode* equals = map.Find("equals")) {
    match.equals = reader.Value(*equals, "equals").value_or(Value());
  }
  return match;
}

AssignRule ReadAssignRule(PlanReader& reader, const PlanNode& node) {
  AssignRule rule{.when = {}, .tenant = {}, .mark = node.mark};
  if (node.Find("lookup") != nullptr) {
    const MapReader map(reader, node, keys::kLookupRule);
    if (const PlanNode* lookup = map.Find("lookup")) {
      rule.when = ReadLookup(reader, *lookup);
    }
  } else if (node.Find("match") != nullptr) {
    MapReader map(reader, node, keys::kMatchRule);
    if (const PlanNode* match = map.Find("match")) {
      rule.when = ReadMatch(reader, *match);
    }
    ReadTenantRef(map, rule.tenant);
  } else if (node.Find("default") != nullptr) {
    const MapReader map(reader, node, keys::kDefaultRule);
    if (const PlanNode* tenant = map.Find("default")) {
      MapReader fields(reader, *tenant, keys::kTenant);
      ReadTenantRef(fields, rule.tenant);
    }
  } else {
    reader.ProblemAt(node, "assign", "holds rules: { match: … }, { lookup: … } or { default: … }");
  }
  return rule;
}

void ReadAssign(PlanReader& reader, const PlanNode& node, std::vector<AssignRule>& rules) {
  if (node.IsMap()) {
    MapReader map(reader, node, keys::kTenant);
    ReadTenantRef(
        map, rules.emplace_back(AssignRule{.when = {}, .tenant = {}, .mark = node.mark}).tenant);
    return;
  }
  if (!reader.Is(node, "assign", PlanNode::Kind::kList)) {
    return;
  }
  if (node.list.empty()) {
    reader.ProblemAt(node, "assign", "is empty; every document would be quarantined");
  }
  for (const PlanNode& element : node.list) {
    if (!rules.empty() && std::holds_alternative<std::monostate>(rules.back().when) &&
        element.Find("default") == nullptr) {
      reader.ProblemAt(
          element, "assign",
          "rule is never reached: the first that matches wins, and a default stands above it");
    }
    rules.push_back(ReadAssignRule(reader, element));
  }
}

/// Notes the first thing that is wrong with a reference to a tenant.
void CheckTenant(PlanReader& reader, PlanMark mark, const Plan& plan, const TenantRef& tenant,
                 std::string_view where) {
  const auto names = [](const auto& list, auto id) {
    std::vector<std::string_view> out;
    std::ranges::transform(list, std::back_inserter(out),
                           [&](const auto& one) -> std::string_view { return one.*id; });
    return out;
  };
  if (tenant.org_id.empty() || tenant.profile_id.empty()) {
    return;  // reported as missing
  }
  const bool known_org = plan.FindOrganization(tenant.org_id) != nullptr;
  if (!known_org) {
    reader.Problem(
        mark,
        fmt::format(
            "{} names the organization `{}`, which the plan does not have{}", where, tenant.org_id,
            DidYouMean(tenant.org_id, names(plan.tenants.organizations, &Organization::org_id))));
  }
  const Profile* profile = plan.FindProfile(tenant.profile_id);
  if (profile == nullptr) {
    reader.Problem(mark, fmt::format("{} names the profile `{}`, which the plan does not have{}",
                                     where, tenant.profile_id,
                                     DidYouMean(tenant.profile_id, names(plan.tenants.profiles,
                                                                         &Profile::profile_id))));
  } else if (known_org && profile->org_id != tenant.org_id) {
    reader.Problem(mark, fmt::format("{} gives the profile `{}` to `{}`, but it belongs to `{}`",
                                     where, tenant.profile_id, tenant.org_id, profile->org_id));
  }
}

void CheckLookupRows(PlanReader& reader, PlanMark mark, const Plan& plan,
                     const AssignRule::Lookup& lookup) {
  std::set<TenantRef> checked;  // a wrong tenant is said once, not once a row
  for (const auto& [key, tenant] : lookup.rows) {
    if (checked.insert(tenant).second) {
      CheckTenant(reader, mark, plan, tenant, fmt::format("the look-up's row `{}`", key));
    }
  }
}

}  // namespace

void ReadTenants(PlanReader& reader, const PlanNode& node, TenantsPlan& tenants) {
  MapReader map(reader, node, keys::kTenants);
  if (const PlanNode* collections = map.Find("collections")) {
    MapReader names(reader, *collections, keys::kTenantCollections);
    names.Collection("organizations", tenants.organizations_collection);
    names.Collection("profiles", tenants.profiles_collection);
  }
  ReadOrganizations(reader, map, tenants.organizations);
  ReadProfiles(reader, map, tenants.profiles);
  if (const PlanNode* assign = map.Find("assign")) {
    ReadAssign(reader, *assign, tenants.assign);
  }
}

void CheckTenantReferences(PlanReader& reader, const PlanNode& tenants_node, const Plan& plan) {
  const std::vector<PlanNode>& profile_nodes = NodeAt(tenants_node, {"profiles"}).list;
  for (const Profile& profile : plan.tenants.profiles) {
    if (!profile.org_id.empty() && plan.FindOrganization(profile.org_id) == nullptr) {
      const auto node = std::ranges::find_if(profile_nodes, [&](const PlanNode& one) {
        const PlanNode* org = one.Find("org_id");
        return org != nullptr && org->text == profile.org_id;
      });
      reader.Problem(
          node == profile_nodes.end() ? tenants_node.mark : node->Find("org_id")->mark,
          fmt::format("the profile `{}` names the organization `{}`, which the plan does not have",
                      profile.profile_id, profile.org_id));
    }
  }
  for (const AssignRule& rule : plan.tenants.assign) {
    if (const auto* lookup = std::get_if<AssignRule::Lookup>(&rule.when)) {
      CheckLookupRows(reader, rule.mark, plan, *lookup);
    } else {
      CheckTenant(reader, rule.mark, plan, rule.tenant, "the rule");
    }
  }
}

}  // namespace rehome
