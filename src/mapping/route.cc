#include "mapping/route.h"

#include <fmt/format.h>

#include <set>

#include "mapping/text.h"
#include "model/extended_json.h"
#include "model/sort_key.h"

namespace rehome {

Router::Router(const TenantsPlan& tenants) : tenants_(tenants) {
  for (const AssignRule& rule : tenants.assign) {
    const auto* match = std::get_if<AssignRule::Match>(&rule.when);
    keys_.push_back(match != nullptr ? SortKey(match->equals.view()) : std::string());
  }
  for (const Organization& organization : tenants.organizations) {
    organizations_.insert(organization.org_id);
  }
  for (const Profile& profile : tenants.profiles) {
    profiles_.emplace(profile.profile_id, profile.org_id);
  }
}

/// MongoDB's equality of a query: a missing field equals null, a list equals by itself or by one of
/// its entries.
bool Router::Equals(std::size_t rule, const AssignRule::Match& match, DocumentView source) const {
  const auto found = match.field.Find(source);
  const ValueView wanted = match.equals.view();
  if (!found || found->IsNull()) {
    return wanted.IsNull();
  }
  const auto equal = [&](ValueView value) {
    if (value.IsString() && wanted.IsString()) {
      return Trim(value.AsString()) == Trim(wanted.AsString());
    }
    return SortKey(value) == keys_[rule];
  };
  if (equal(*found)) {
    return true;
  }
  if (found->type() == BsonType::kArray) {
    for (const auto& element : found->AsDocument()) {
      if (equal(element.value)) {
        return true;
      }
    }
  }
  return false;
}

const TenantRef* Router::Match(std::size_t rule, DocumentView source) const {
  const AssignRule& assign = tenants_.assign[rule];
  if (const auto* match = std::get_if<AssignRule::Match>(&assign.when)) {
    return Equals(rule, *match, source) ? &assign.tenant : nullptr;
  }
  if (const auto* lookup = std::get_if<AssignRule::Lookup>(&assign.when)) {
    const auto found = lookup->field.Find(source);
    const auto row = found ? lookup->rows.find(AsText(*found)) : lookup->rows.end();
    return row != lookup->rows.end() ? &row->second : nullptr;
  }
  return &assign.tenant;
}

std::variant<TenantRef, Unmappable> Router::Route(DocumentView source, std::size_t& rule) const {
  for (std::size_t i = 0; i < tenants_.assign.size(); ++i) {
    const TenantRef* tenant = Match(i, source);
    if (tenant == nullptr) {
      continue;
    }
    rule = i;
    if (!organizations_.contains(tenant->org_id)) {
      return Unmappable{
          QuarantineReason::kUnknownTenant,
          fmt::format("{} names the organization \"{}\", which the plan does not have", Describe(i),
                      tenant->org_id)};
    }
    const auto profile = profiles_.find(tenant->profile_id);
    if (profile == profiles_.end() || profile->second != tenant->org_id) {
      return Unmappable{
          QuarantineReason::kUnknownTenant,
          fmt::format("{} names the profile \"{}\", which the organization \"{}\" does not have",
                      Describe(i), tenant->profile_id, tenant->org_id)};
    }
    return *tenant;
  }
  return Unmappable{
      QuarantineReason::kNoTenant,
      fmt::format("no rule of tenants.assign matches; looked at: {}", FieldsLookedAt())};
}

std::vector<std::size_t> Router::MatchingRules(DocumentView source) const {
  std::vector<std::size_t> rules;
  for (std::size_t i = 0; i < tenants_.assign.size(); ++i) {
    if (Match(i, source) != nullptr) {
      rules.push_back(i);
    }
  }
  return rules;
}

std::string Router::Describe(std::size_t rule) const {
  const AssignRule& assign = tenants_.assign[rule];
  if (const auto* match = std::get_if<AssignRule::Match>(&assign.when)) {
    return fmt::format("tenants.assign[{}]: {} = {}", rule, match->field.text,
                       ToExtendedJson(match->equals.view(), JsonMode::kRelaxed));
  }
  if (const auto* lookup = std::get_if<AssignRule::Lookup>(&assign.when)) {
    return fmt::format("tenants.assign[{}]: {} in {}", rule, lookup->field.text,
                       lookup->file.string());
  }
  return fmt::format("tenants.assign[{}]: default", rule);
}

std::string Router::FieldsLookedAt() const {
  std::string fields;
  std::set<std::string_view> added;
  const auto add = [&](const FieldPath& field) {
    if (added.insert(field.text).second) {
      fields += (fields.empty() ? "" : ", ") + field.text;
    }
  };
  for (const AssignRule& rule : tenants_.assign) {
    if (const auto* match = std::get_if<AssignRule::Match>(&rule.when)) {
      add(match->field);
    } else if (const auto* lookup = std::get_if<AssignRule::Lookup>(&rule.when)) {
      add(lookup->field);
    }
  }
  return fields.empty() ? "(there is no rule)" : fields;
}

}  // namespace rehome
