// Organizations and profiles stand as the plan says, and every item refers to exactly one
// organization and to a profile of it. Stamped collections carry their tenant fields.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "checks/all.h"
#include "checks/findings.h"
#include "checks/walk.h"
#include "model/extended_json.h"
#include "model/fields.h"
#include "model/item.h"
#include "ports/scan.h"

namespace rehome {
namespace {

class TenantInspection {
 public:
  TenantInspection(CheckContext& context, CheckResult& result)
      : context_(context), flow_(context.flow), result_(result) {}

  Status Run() {
    const TenantsPlan& tenants = flow_.plan.tenants;
    std::vector<Document> organizations;
    std::ranges::transform(tenants.organizations, std::back_inserter(organizations),
                           &Organization::document);
    std::vector<Document> profiles;
    std::ranges::transform(tenants.profiles, std::back_inserter(profiles), &Profile::document);
    REHOME_TRY(Compare(tenants.organizations_collection, organizations));
    REHOME_TRY(Compare(tenants.profiles_collection, profiles));
    REHOME_TRY(FindTwins(tenants.organizations_collection, "org_id", organizations));
    REHOME_TRY(FindTwins(tenants.organizations_collection, "slug", organizations));
    REHOME_TRY(FindTwins(tenants.profiles_collection, "profile_id", profiles));
    if (!NotDone(context_.run, Phase::kItems)) {
      REHOME_TRY(ForEachItemLookedAt(
          context_, [&](const std::vector<Document>& items) { return Resolve(items); }));
      REHOME_TRY(InspectStamps());
    }
    result_.found = fmt::format("{} organizations, {} profiles, {} items that refer to them",
                                organizations.size(), profiles.size(), resolved_);
    if (foreign_ > 0) {
      result_.notes.push_back(
          fmt::format("{} items of other organizations were left aside", foreign_));
    }
    return {};
  }

 private:
  Status Compare(const std::string& collection, const std::vector<Document>& expected) {
    const std::vector<Value> ids = IdsOf(expected);
    REHOME_TRY_ASSIGN(const auto found,
                      flow_.stores.target_documents->FindByIds(collection, ids, context_.call));
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const std::string id(expected[i].Id().AsString());
      const auto wrong = context_.run.IsCutOver() ? DiscrepancyClass::kChangedAfterCutover
                                                  : DiscrepancyClass::kDiffering;
      if (!found[i]) {
        absent_.insert(id);
        result_.Add({context_.run.IsCutOver() ? wrong : DiscrepancyClass::kMissing, id, "",
                     fmt::format("not in {}", collection)});
      } else if (*found[i] != expected[i]) {
        auto difference = FirstDifference(expected[i].view(), found[i]->view());
        result_.Add({wrong, id, difference ? difference->field : "",
                     difference ? difference->detail : "the same fields in another order"});
      }
    }
    return {};
  }

  /// Another document under a key of the plan's: two organizations would own one namespace.
  Status FindTwins(const std::string& collection, const std::string& key,
                   const std::vector<Document>& planned) {
    std::vector<Value> values;
    std::set<std::string> ids;
    std::map<std::string, std::string> owners;  // the plan's id by the key
    for (const Document& one : planned) {
      const std::string id(one.Id().AsString());
      ids.insert(id);
      if (const auto value = one.Find(key)) {
        values.emplace_back(*value);
        owners.emplace(StringField(one.view(), key), id);
      }
    }
    REHOME_TRY_ASSIGN(const auto found, flow_.stores.target_documents->FindByField(
                                            collection, key, values, SIZE_MAX, context_.call));
    for (const Document& one : found) {
      const bool of_the_plan =
          one.Id().IsString() && ids.contains(std::string(one.Id().AsString()));
      const auto owner = owners.find(StringField(one.view(), key));
      // After cutover the application may have put its own in the place of the plan's.
      const bool replaced =
          context_.run.IsCutOver() && owner != owners.end() && absent_.contains(owner->second);
      if (!of_the_plan && owner != owners.end() && !replaced) {
        result_.Add({DiscrepancyClass::kDuplicate, owner->second, key,
                     fmt::format("{} of {} has it too",
                                 ToExtendedJson(one.Id(), JsonMode::kRelaxed), collection)});
      }
    }
    return {};
  }

  /// Documents of a tenant collection by the id that items refer to them with.
  [[nodiscard]] Result<std::map<std::string, Document>> Lookup(
      const std::string& collection, const std::string& field,
      const std::vector<Document>& items) const {
    std::set<std::string> names;
    for (const Document& item : items) {
      names.insert(StringField(item.view(), field));
    }
    std::vector<Value> values;
    std::ranges::transform(names, std::back_inserter(values),
                           [](const std::string& name) { return Value::String(name); });
    REHOME_TRY_ASSIGN(auto found, flow_.stores.target_documents->FindByField(
                                      collection, field, values, SIZE_MAX, context_.call));
    std::map<std::string, Document> out;
    for (Document& document : found) {
      out.emplace(StringField(document.view(), field), std::move(document));
    }
    return out;
  }

  Status Resolve(const std::vector<Document>& items) {
    const TenantsPlan& tenants = flow_.plan.tenants;
    REHOME_TRY_ASSIGN(const auto organizations,
                      Lookup(tenants.organizations_collection, "org_id", items));
    REHOME_TRY_ASSIGN(const auto profiles,
                      Lookup(tenants.profiles_collection, "profile_id", items));
    REHOME_TRY_ASSIGN(const auto histories,
                      flow_.ledger.Find(flow_.ItemsTarget(), OutsideThePlan(items), context_.call));
    std::vector<Suspect> findings;
    std::size_t outside = 0;
    for (const Document& item : items) {
      const std::string org_id = StringField(item.view(), "org_id");
      const bool exists = organizations.contains(org_id);
      std::optional<Difference> wrong;
      if (!HomeOf(context_, item.view()).empty()) {
        wrong = exists || !context_.run.IsCutOver()
                    ? JudgeProfile(item, org_id, profiles)
                    : Difference{"org_id", "refers to no organization"};
      } else {
        const bool ours =
            Judge(histories[outside], DocumentDigest(item.view())) != Ownership::kForeign;
        ++outside;
        if (!exists) {
          wrong = Difference{"org_id", "refers to no organization"};
        } else if (ours && !context_.run.IsCutOver()) {
          wrong =
              Difference{"org_id", fmt::format("{} is not an organization of the plan", org_id)};
        } else {
          ++foreign_;
          continue;
        }
      }
      if (wrong) {
        findings.push_back({{DiscrepancyClass::kMisplaced, ItemIdOf(flow_.plan, item.view()),
                             wrong->field, wrong->detail},
                            Value(item.Id())});
      } else {
        ++resolved_;
      }
    }
    return Report(context_, std::move(findings), result_);
  }

  /// Every document of the collections that stay and are stamped; what a feed names alone is not
  /// worth a look at all of them.
  Status InspectStamps() {
    if (context_.only) {
      return {};
    }
    for (const StampPlan& stamp : flow_.plan.stamps) {
      REHOME_TRY(ForEachBatch(*flow_.stores.source_documents, stamp.collection, {}, context_.call,
                              [&](const std::vector<Document>& documents) -> Status {
                                std::vector<Suspect> findings;
                                for (const Document& document : documents) {
                                  JudgeStamp(stamp, document, findings);
                                }
                                return Report(context_, std::move(findings), result_);
                              }));
    }
    return {};
  }

  void JudgeStamp(const StampPlan& stamp, const Document& document,
                  std::vector<Suspect>& findings) const {
    for (const auto& [key, value] : stamp.set) {
      const auto found = document.Find(key);
      if (found == value.view()) {
        continue;
      }
      const auto json = [](ValueView one) { return ToExtendedJson(one, JsonMode::kRelaxed); };
      findings.push_back(
          {.what = {context_.run.IsCutOver() ? DiscrepancyClass::kChangedAfterCutover
                                             : DiscrepancyClass::kDiffering,
                    json(document.Id()), key,
                    fmt::format("the stamp of {}: expected {}, found {}", stamp.collection,
                                json(value.view()), found ? json(*found) : "nothing")},
           .source_id = Value(document.Id()),
           .in_delta = false});
      return;
    }
  }

  [[nodiscard]] std::vector<Value> OutsideThePlan(const std::vector<Document>& items) const {
    std::vector<Value> ids;
    for (const Document& item : items) {
      if (HomeOf(context_, item.view()).empty()) {
        ids.emplace_back(item.Id());
      }
    }
    return ids;
  }

  /// Before cutover a profile of the plan that is not there, or says otherwise, was named itself, and not
  /// again with every item of it. After it such a change is the application's, and what refers to
  /// nothing is wrong all the same.
  [[nodiscard]] std::optional<Difference> JudgeProfile(
      const Document& item, const std::string& org_id,
      const std::map<std::string, Document>& profiles) const {
    const std::string profile_id = StringField(item.view(), "profile_id");
    const auto found = profiles.find(profile_id);
    const Profile* planned =
        context_.run.IsCutOver() ? nullptr : flow_.plan.FindProfile(profile_id);
    if (found == profiles.end() && planned == nullptr) {
      return Difference{"profile_id", fmt::format("\"{}\" is no profile", profile_id)};
    }
    const std::string owner =
        planned != nullptr ? planned->org_id : StringField(found->second.view(), "org_id");
    if (owner != org_id) {
      return Difference{"profile_id", fmt::format("{} is a profile of {}, the item belongs to {}",
                                                  profile_id, owner, org_id)};
    }
    return std::nullopt;
  }

  CheckContext& context_;
  FlowContext& flow_;
  CheckResult& result_;
  std::uint64_t resolved_ = 0;
  std::uint64_t foreign_ = 0;
  std::set<std::string> absent_;  // the plan's that are not there
};

}  // namespace

Result<CheckResult> CheckTenants(CheckContext& context) {
  if (auto reason = NotDone(context.run, Phase::kTenants)) {
    return Skip("tenants", *std::move(reason));
  }
  CheckResult result;
  result.expected = fmt::format("{} organizations and {} profiles, every item of exactly one",
                                context.flow.plan.tenants.organizations.size(),
                                context.flow.plan.tenants.profiles.size());
  REHOME_TRY(TenantInspection(context, result).Run());
  return result;
}

}  // namespace rehome
