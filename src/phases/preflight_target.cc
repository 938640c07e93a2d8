// What already stands where the run will write.
#include <fmt/format.h>

#include <set>

#include "model/extended_json.h"
#include "model/fields.h"
#include "phases/preflight_look.h"
#include "phases/target_holdings.h"

namespace rehome {
namespace {

constexpr std::string_view kOwnBusiness =
    "the application is on the new side: what it writes there is its own";

/// Why a vector is not this run's; empty: it is.
std::string WhyForeign(const VectorRecord& record, const OwnedHistory& history) {
  if (!record.metadata.contains(kStampContract)) {
    return "it does not carry rehome's stamp";
  }
  return Judge(history, VectorDigest(record)) == Ownership::kForeign
             ? "it carries rehome's stamp, but this journal knows no run that wrote it"
             : "";
}

/// The first vector of a page that is not this run's, in words; empty: all are.
Result<std::string> FirstForeign(const Look& look, const std::string& ns,
                                 const std::vector<std::string>& ids) {
  REHOME_TRY_ASSIGN(const auto records, look.deps.stores.target_vectors->Fetch(ns, ids, look.call));
  std::vector<Value> keys;
  for (const VectorRecord& record : records) {
    keys.push_back(Value::String(record.id));
  }
  std::vector<OwnedHistory> histories(records.size());
  if (look.run != nullptr) {
    const Ledger ledger(*look.deps.stores.target_documents, look.run->run_id, look.run->epoch);
    REHOME_TRY_ASSIGN(histories, ledger.Find({LedgerTarget::Store::kVectors, ns}, keys, look.call));
  }
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (const std::string why = WhyForeign(records[i], histories[i]); !why.empty()) {
      return fmt::format("{}: {}", records[i].id, why);
    }
  }
  return std::string();
}

Status LookAtNamespace(Look& look, const Organization& organization, const std::string& ns) {
  const std::string check = "namespace " + ns;
  std::uint64_t ours = 0;
  IdPage page;
  do {
    REHOME_TRY_ASSIGN(page, look.deps.stores.target_vectors->ListIds(ns, page.next, look.call));
    REHOME_TRY_ASSIGN(const std::string foreign, FirstForeign(look, ns, page.ids));
    if (!foreign.empty()) {
      look.Error(
          check, fmt::format("is already used: vector {}", foreign),
          fmt::format(
              "give organization {} another slug or the plan another index.namespace, or clear the "
              "namespace if those vectors are leftovers",
              organization.org_id));
      return {};
    }
    ours += page.ids.size();
  } while (!page.next.empty());
  look.Ok(check, ours == 0 ? fmt::format("empty, for organization {}", organization.org_id)
                           : fmt::format("{} vectors, all of this run", ours));
  return {};
}

/// Tenants of the plan under one of their unique keys.
struct TenantKey {
  const std::string& collection;
  std::string_view path;
  std::vector<std::string> values;
};

Status LookAtTenantKey(Look& look, const TenantKey& key) {
  std::vector<Value> values;
  for (const std::string& value : key.values) {
    values.push_back(Value::String(value));
  }
  if (values.empty()) {
    return {};
  }
  DocumentStore& store = *look.deps.stores.target_documents;
  REHOME_TRY_ASSIGN(const auto found, store.FindByField(key.collection, key.path, values,
                                                        values.size() + 1, look.call));
  REHOME_TRY_ASSIGN(const auto foreign,
                    AreForeign(store, look.run, key.collection, found, look.call));
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (foreign[i]) {
      look.Error("tenants " + key.collection,
                 fmt::format("{} {} already exists in document {} and is not this run's", key.path,
                             StringField(found[i].view(), key.path),
                             ToExtendedJson(found[i].Id(), JsonMode::kRelaxed)),
                 "give the tenant another id and slug in the plan, or remove that document if it "
                 "is a leftover");
      return {};
    }
  }
  return {};
}

}  // namespace

Status LookAtTargetNamespaces(Look& look) {
  std::set<std::string> own;
  for (const Organization& organization : look.plan.tenants.organizations) {
    const std::string ns = NamespaceFor(look.plan, look.run, organization.org_id);
    if (!own.insert(ns).second) {
      continue;
    }
    if (look.IsCutOver()) {
      look.Ok("namespace " + ns, std::string(kOwnBusiness));
    } else {
      REHOME_TRY(LookAtNamespace(look, organization, ns));
    }
  }
  for (const auto& [ns, count] : look.target_index.namespaces) {
    if (!own.contains(ns) && look.plan.MatchesNamespaceTemplate(ns)) {
      look.Ok(
          "namespace " + ns,
          fmt::format("{} vectors of an organization that the plan does not have: left as they are",
                      count));
    }
  }
  return {};
}

Status LookAtTargetItems(Look& look) {
  const std::string check = "target " + look.plan.items.to;
  if (look.IsCutOver()) {
    look.Ok(check, std::string(kOwnBusiness));
    return {};
  }
  REHOME_TRY_ASSIGN(const TargetHoldings holdings,
                    LookAtHoldings(look.plan, look.deps.stores, look.run, look.call));
  if (holdings.in_the_way > 0) {
    const ForeignDocument& first = holdings.examples.front();
    look.Error(check,
               fmt::format("{} documents that no run wrote stand in the way; the first, _id {}: {}",
                           holdings.in_the_way, first.id, first.why),
               "remove them if they are leftovers, or name another collection in items.to or "
               "another pattern in items.id");
  } else if (holdings.ours + holdings.others == 0) {
    look.Ok(check, "empty");
  } else {
    look.Ok(
        check,
        fmt::format("{} items of this run, {} of other organizations, which are left as they are",
                    holdings.ours, holdings.others));
  }
  return {};
}

Status LookAtTargetTenants(Look& look) {
  const TenantsPlan& tenants = look.plan.tenants;
  TenantKey ids{tenants.organizations_collection, "_id", {}};
  TenantKey org_ids{tenants.organizations_collection, "org_id", {}};
  TenantKey slugs{tenants.organizations_collection, "slug", {}};
  TenantKey profile_keys{tenants.profiles_collection, "_id", {}};
  TenantKey profile_ids{tenants.profiles_collection, "profile_id", {}};
  for (const Organization& organization : tenants.organizations) {
    ids.values.push_back(organization.org_id);
    org_ids.values.push_back(organization.org_id);
    slugs.values.push_back(organization.slug);
  }
  for (const Profile& profile : tenants.profiles) {
    profile_keys.values.push_back(profile.profile_id);
    profile_ids.values.push_back(profile.profile_id);
  }
  const std::size_t before = look.report.findings.size();
  for (const TenantKey* key : {&ids, &org_ids, &slugs, &profile_keys, &profile_ids}) {
    if (look.report.findings.size() == before) {
      REHOME_TRY(LookAtTenantKey(look, *key));
    }
  }
  if (look.report.findings.size() == before) {
    look.Ok("tenants",
            fmt::format("{} organizations and {} profiles are free to be made, or are this run's",
                        tenants.organizations.size(), tenants.profiles.size()));
  }
  return {};
}

Status LookAtUniqueKeys(Look& look) {
  for (const CollectionInfo& collection : look.target_collections) {
    if (collection.name != look.plan.items.to) {
      continue;
    }
    for (const Document& index : collection.indexes) {
      const DocumentView key = DocumentField(index.view(), "key");
      const bool own = key.Find("item_id").has_value();
      if (BoolField(index.view(), "unique") && !own) {
        look.Warn(
            "unique keys",
            fmt::format(
                "{} has the unique index {} on {}: items that are equal under it go to quarantine",
                collection.name, StringField(index.view(), "name"),
                ToExtendedJson(key, JsonMode::kRelaxed)),
            "look for duplicates first, or drop the index");
      }
    }
  }
  return {};
}

}  // namespace rehome
