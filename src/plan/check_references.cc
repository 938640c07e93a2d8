#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "plan/namespace_template.h"
#include "plan/sections.h"
#include "plan/suggest.h"

namespace rehome {
namespace {

/// The fields of an item that text and metadata may name.
std::vector<std::string_view> ItemFields(const ItemsPlan& items) {
  std::vector<std::string_view> fields{"item_id", "org_id", "profile_id"};
  for (const auto& [name, rule] : items.fields) {
    fields.push_back(name);
  }
  return fields;
}

void CheckExtractors(PlanReader& reader, const ItemsPlan& items, const FieldRule& rule) {
  if (rule.kind == FieldRule::Kind::kExtract && !rule.extractor.empty() &&
      !items.extractors.contains(rule.extractor)) {
    std::vector<std::string_view> known;
    for (const auto& [name, extractor] : items.extractors) {
      known.push_back(name);
    }
    reader.Problem(
        rule.mark,
        fmt::format("no extractor is named `{}`{}; one is defined under items.extractors",
                    rule.extractor, DidYouMean(rule.extractor, known)));
  }
  for (const FieldRule& alternative : rule.alternatives) {
    CheckExtractors(reader, items, alternative);
  }
}

void CheckText(PlanReader& reader, const PlanNode& node, const Plan& plan) {
  const std::vector<std::string_view> fields = ItemFields(plan.items);
  const Result<std::vector<std::string>> names = PlaceholdersOf(plan.index.text);
  if (!names) {
    reader.ProblemAt(node, "text", fmt::format("is wrong: {}", names.error().message));
    return;
  }
  for (const std::string& name : *names) {
    if (std::ranges::find(fields, name) == fields.end()) {
      reader.ProblemAt(
          node, "text",
          fmt::format("names `{{{}}}`, which no item has{}", name, DidYouMean(name, fields)));
    }
  }
  if (names->empty() && node.IsScalar()) {
    reader.ProblemAt(node, "text", "names no field, so that every vector would be the same");
  }
}

void CheckMetadata(PlanReader& reader, const PlanNode& node, const Plan& plan) {
  const std::vector<std::string_view> fields = ItemFields(plan.items);
  std::set<std::string_view> seen;
  for (const PlanNode& element : node.list) {
    if (element.IsScalar() && std::ranges::find(fields, element.text) == fields.end()) {
      reader.ProblemAt(element, "metadata",
                       fmt::format("names `{}`, which no item has{}", element.text,
                                   DidYouMean(element.text, fields)));
    } else if (!seen.insert(element.text).second) {
      reader.ProblemAt(element, "metadata", fmt::format("names `{}` twice", element.text));
    }
  }
}

/// Collections that phase 1 and 2 write must not be each other's, nor legacy ones of the same
/// store.
void CheckCollections(PlanReader& reader, const PlanNode& root, const Plan& plan) {
  const PlanNode& to = NodeAt(root, {"items", "to"});
  const TenantsPlan& tenants = plan.tenants;
  if (tenants.organizations_collection == tenants.profiles_collection) {
    reader.ProblemAt(NodeAt(root, {"tenants", "collections"}), "collections",
                     "gives organizations and profiles the same collection");
  }
  if (plan.items.to == tenants.organizations_collection ||
      plan.items.to == tenants.profiles_collection) {
    reader.ProblemAt(to, "to", "is a collection of the tenants");
  }
  const std::set<std::string_view> written{plan.items.to, tenants.organizations_collection,
                                           tenants.profiles_collection};
  if (plan.documents.same() && written.contains(plan.items.from) && !plan.items.from.empty()) {
    reader.ProblemAt(
        to, "to", "and the tenants' collections must be others than `from`, which stays as it is");
  }
  for (const PlanNode& element : NodeAt(root, {"retire", "collections"}).list) {
    if (plan.documents.same() && element.IsScalar() && written.contains(element.text)) {
      reader.ProblemAt(element, "collections",
                       fmt::format("would retire `{}`, which this plan fills", element.text));
    }
  }
  for (const StampPlan& stamp : plan.stamps) {
    const auto& retired = plan.retire.collections;
    if (written.contains(stamp.collection) || stamp.collection == plan.items.from ||
        std::ranges::find(retired, stamp.collection) != retired.end()) {
      reader.ProblemAt(
          NodeAt(root, {"stamp", stamp.collection}), stamp.collection,
          "cannot be stamped: a stamp is for a collection that stays as it is otherwise");
    }
  }
}

void CheckStampTenants(PlanReader& reader, const PlanNode& root, const Plan& plan) {
  for (const StampPlan& stamp : plan.stamps) {
    for (const auto& [field, value] : stamp.set) {
      const bool known =
          !value.view().IsString() ||
          (field == "org_id"
               ? plan.FindOrganization(value.view().AsString()) != nullptr
               : field != "profile_id" || plan.FindProfile(value.view().AsString()) != nullptr);
      if (!known) {
        reader.ProblemAt(NodeAt(root, {"stamp", stamp.collection, field}), field,
                         "names a tenant that the plan does not have");
      }
    }
  }
}

void CheckAliases(PlanReader& reader, const PlanNode& root, const Plan& plan,
                  const NamespaceTemplate& names) {
  for (const auto& [alias, target] : plan.cutover.namespace_alias) {
    const bool known = std::ranges::any_of(
        plan.tenants.organizations,
        [&](const Organization& one) { return names.Expand(one.org_id, one.slug) == target; });
    if (!known) {
      reader.ProblemAt(NodeAt(root, {"cutover", "namespace_alias", alias}), alias,
                       "points to a namespace that no organization of the plan has");
    }
  }
}

/// Every namespace that an organization gets is usable and its own.
void CheckOrganizationNamespaces(PlanReader& reader, const PlanNode& node, const Plan& plan,
                                 const NamespaceTemplate& names) {
  constexpr std::size_t kNamespaceBytesMax = 512;
  std::map<std::string, const Organization*> owners;
  for (const Organization& organization : plan.tenants.organizations) {
    if (organization.org_id.empty() || organization.slug.empty()) {
      continue;
    }
    const std::string name = names.Expand(organization.org_id, organization.slug);
    if (name.size() > kNamespaceBytesMax) {
      reader.ProblemAt(
          node, "namespace",
          fmt::format("gives `{}` a name over {} bytes", organization.org_id, kNamespaceBytesMax));
    }
    if (const auto [owner, fresh] = owners.emplace(name, &organization);
        !fresh && owner->second->org_id != organization.org_id &&
        owner->second->slug != organization.slug) {
      reader.ProblemAt(node, "namespace",
                       fmt::format("gives `{}` and `{}` the same namespace `{}`",
                                   owner->second->org_id, organization.org_id, name));
    }
  }
}

}  // namespace

const PlanNode& NodeAt(const PlanNode& root, std::initializer_list<std::string_view> keys) {
  const PlanNode* node = &root;
  for (const std::string_view key : keys) {
    const PlanNode* next = node->Find(key);
    if (next == nullptr) {
      break;
    }
    node = next;
  }
  return *node;
}

void CheckNamespaces(PlanReader& reader, const PlanNode& root, const Plan& plan) {
  const PlanNode& node = NodeAt(root, {"index", "namespace"});
  const std::string& text = plan.index.namespace_template;
  const Result<NamespaceTemplate> names = ParseNamespaceTemplate(text);
  if (!names) {
    reader.ProblemAt(node, "namespace", names.error().message);
    return;
  }
  if (text.empty()) {
    if (!node.IsScalar()) {
      return;  // reported as missing
    }
    reader.ProblemAt(node, "namespace", "is empty: the default namespace belongs to no tenant");
    return;
  }
  if (!std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; })) {
    reader.ProblemAt(node, "namespace", "must be printable ASCII without blanks");
  }
  std::set<std::string_view> refused{"__default__"};
  refused.insert(plan.backup.namespaces.begin(), plan.backup.namespaces.end());
  refused.insert(plan.retire.namespaces.begin(), plan.retire.namespaces.end());
  for (const std::string_view legacy : refused) {
    if (names->Matches(legacy)) {
      reader.ProblemAt(
          node, "namespace",
          fmt::format(
              "could give an organization the {} namespace `{}`; give it a prefix of its own",
              legacy == "__default__" ? "default" : "legacy", legacy));
    }
  }
  CheckOrganizationNamespaces(reader, node, plan, *names);
  CheckAliases(reader, root, plan, *names);
}

void CheckReferences(PlanReader& reader, const PlanNode& root, const Plan& plan) {
  CheckTenantReferences(reader, NodeAt(root, {"tenants"}), plan);
  for (const auto& [name, rule] : plan.items.fields) {
    CheckExtractors(reader, plan.items, rule);
  }
  CheckText(reader, NodeAt(root, {"index", "text"}), plan);
  CheckMetadata(reader, NodeAt(root, {"index", "metadata"}), plan);
  CheckNamespaces(reader, root, plan);
  CheckCollections(reader, root, plan);
  CheckStampTenants(reader, root, plan);
}

}  // namespace rehome
