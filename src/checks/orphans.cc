// Vectors and items belong together one to one. Each listed id is looked up among the items; an
// item has exactly one home, so a namespace that holds as many well-placed vectors as there are
// items at home in it lacks none, and only where the numbers differ are the items asked for their
// vectors.
#include <fmt/format.h>

#include <set>

#include "checks/all.h"
#include "checks/findings.h"
#include "checks/walk.h"
#include "model/fields.h"
#include "model/item.h"
#include "plan/namespace_template.h"

namespace rehome {
namespace {

class OrphanSearch {
 public:
  OrphanSearch(CheckContext& context, CheckResult& result)
      : context_(context), flow_(context.flow), result_(result), random_(context.seed) {}

  Status Run() {
    REHOME_TRY(CollectNamespaces());
    if (context_.only) {
      REHOME_TRY(
          ForEachIdOfOnly(context_, [&](std::span<const Value> ids) { return SearchIds(ids); }));
      REHOME_TRY(SearchItems());
    } else {
      REHOME_TRY(SearchNamespaces());
    }
    if (foreign_ > 0) {
      result_.notes.push_back(
          fmt::format("{} vectors of organizations outside the plan were left aside", foreign_));
    }
    std::uint64_t placed = 0;
    for (const auto& [ns, count] : placed_) {
      placed += count;
    }
    result_.found =
        fmt::format("{} vectors at home in {} namespaces", placed, context_.run.namespaces.size());
    return NoteLegacySide();
  }

 private:
  enum class Kind : std::uint8_t {
    kOurs,    // may hold vectors of ours alone
    kOthers,  // an organization's that exists and is not the run's
    kLegacy,  // the old side's: nothing of ours belongs there
  };

  Status SearchNamespaces() {
    for (const auto& [ns, kind] : namespaces_) {
      REHOME_TRY(ForEachPage(*flow_.stores.target_vectors, ns, context_.call,
                             [&, &name = ns](const std::vector<std::string>& ids) {
                               return random_.Unit() < context_.sample ? JudgePage(name, ids)
                                                                       : Status{};
                             }));
    }
    REHOME_TRY_ASSIGN(const bool complete, IsComplete());
    return complete ? Status{} : SearchItems();
  }

  /// Every namespace that the template could give, in the plan or not, and the old side's.
  Status CollectNamespaces() {
    REHOME_TRY_ASSIGN(const IndexInfo index, flow_.stores.target_vectors->Describe(context_.call));
    for (const auto& [ns, count] : index.namespaces) {
      const bool legacy =
          std::ranges::find(flow_.plan.backup.namespaces, ns) != flow_.plan.backup.namespaces.end();
      if (flow_.plan.MatchesNamespaceTemplate(ns)) {
        namespaces_.emplace(ns, Kind::kOurs);
      } else if (legacy) {
        namespaces_.emplace(ns, Kind::kLegacy);
      }
    }
    REHOME_TRY_ASSIGN(const NamespaceTemplate pattern,
                      ParseNamespaceTemplate(flow_.plan.index.namespace_template));
    REHOME_TRY(ForEachBatch(
        *flow_.stores.target_documents, flow_.plan.tenants.organizations_collection, IdRange{},
        context_.call, [&](const std::vector<Document>& organizations) -> Status {
          for (const Document& one : organizations) {
            const auto found = namespaces_.find(
                pattern.Expand(StringField(one.view(), "org_id"), StringField(one.view(), "slug")));
            if (found != namespaces_.end()) {
              found->second = Kind::kOthers;
            }
          }
          return {};
        }));
    for (const auto& [org_id, ns] : context_.run.namespaces) {
      namespaces_.insert_or_assign(ns, Kind::kOurs);
    }
    return {};
  }

  /// Old vectors may have the ids of items; one of ours bears our stamps.
  [[nodiscard]] bool MayBeOurs(const std::string& ns, const VectorRecord& record) const {
    return namespaces_.at(ns) != Kind::kLegacy || record.metadata.contains(kStampContract);
  }

  Status JudgePage(const std::string& ns, const std::vector<std::string>& ids) {
    REHOME_TRY_ASSIGN(auto suspects, Judge(ns, ids, nullptr));
    if (suspects.empty()) {
      return {};
    }
    // Read again what does not fit: a runner may have been between its two stores.
    REHOME_TRY_ASSIGN(const Records present, FetchPresent(context_, ns, suspects));
    std::erase_if(suspects, [&](const std::string& id) {
      return !present.contains(id) || !MayBeOurs(ns, present.at(id));
    });
    std::vector<Suspect> findings;
    REHOME_TRY(Judge(ns, suspects, &findings));
    return Report(context_, std::move(findings), result_);
  }

  /// Counts the vectors of `ids` that are at home in `ns` and returns the others; says why if
  /// `findings` is given.
  Result<std::vector<std::string>> Judge(const std::string& ns, std::span<const std::string> ids,
                                         std::vector<Suspect>* findings) {
    REHOME_TRY_ASSIGN(const ItemsById items, FindItems(context_, ids));
    const Kind kind = namespaces_.at(ns);
    std::vector<std::string> suspects;
    for (const std::string& id : ids) {
      const auto found = items.find(id);
      if (found == items.end()) {
        if (kind != Kind::kOurs) {
          foreign_ += kind == Kind::kOthers ? 1U : 0U;
          continue;
        }
        suspects.push_back(id);
        if (findings != nullptr) {
          findings->push_back({{DiscrepancyClass::kExtra, id, "",
                                fmt::format("a vector in namespace {} without an item", ns)},
                               {},
                               ns});
        }
        continue;
      }
      const Document& item = found->second.front();
      const std::string home = HomeOf(context_, item.view());
      if (home == ns && found->second.size() == 1) {
        ++placed_[ns];
        continue;
      }
      if (home.empty() && kind != Kind::kOurs) {
        foreign_ += kind == Kind::kOthers ? 1U : 0U;
        continue;
      }
      suspects.push_back(id);
      if (findings != nullptr) {
        findings->push_back(Misfit(ns, id, home, found->second));
      }
    }
    return suspects;
  }

  Suspect Misfit(const std::string& ns, const std::string& id, const std::string& home,
                 const std::vector<Document>& items) {
    if (items.size() > 1) {
      return {{DiscrepancyClass::kDuplicate, id, "item_id",
               fmt::format("{} items have this item_id", items.size())},
              Value(items.back().Id()),
              {},
              // A copy's own id leads to no vector: nothing less than the whole shows both.
              false};
    }
    misplaced_.insert(id);
    return {{DiscrepancyClass::kMisplaced, id, "",
             fmt::format("a vector in namespace {}, its item belongs to {}", ns,
                         home.empty() ? "no organization of the run" : home)},
            Value(items.front().Id()),
            ns};
  }

  Result<bool> IsComplete() {
    if (context_.sample < 1.0) {
      return false;
    }
    std::map<std::string, std::uint64_t> expected;
    REHOME_TRY(ForEachItem(context_, [&](const std::vector<Document>& items) -> Status {
      for (const Document& item : items) {
        if (std::string home = HomeOf(context_, item.view()); !home.empty()) {
          ++expected[std::move(home)];
        }
      }
      return {};
    }));
    return expected == placed_;
  }

  /// The items without a vector at home.
  Status SearchItems() {
    return ForEachItemLookedAt(context_, [&](const std::vector<Document>& items) -> Status {
      std::map<std::string, std::vector<std::string>> by_home;
      for (const Document& item : items) {
        if (std::string home = HomeOf(context_, item.view()); !home.empty()) {
          by_home[std::move(home)].push_back(ItemIdOf(flow_.plan, item.view()));
        }
      }
      std::map<std::string, Records> present;
      for (const auto& [home, ids] : by_home) {
        REHOME_TRY_ASSIGN(present[home], FetchPresent(context_, home, ids));
      }
      REHOME_TRY_ASSIGN(const auto changed, ChangedAfterCutover(context_, items));
      std::vector<Document> without;
      for (std::size_t i = 0; i < items.size(); ++i) {
        const std::string home = HomeOf(context_, items[i].view());
        const std::string id = ItemIdOf(flow_.plan, items[i].view());
        // What the application wrote and did not mark says itself that it has none.
        const bool wanted = !home.empty() && (!changed[i] || IsMarked(items[i].view()));
        if (wanted && !present.at(home).contains(id) && !misplaced_.contains(id)) {
          without.push_back(items[i]);
        }
      }
      return ReportMissing(without);
    });
  }

  /// Those of `items` that still stand as they were read: the others were written, or deleted with
  /// their vectors, meanwhile.
  Status ReportMissing(const std::vector<Document>& items) {
    REHOME_TRY_ASSIGN(const auto now, flow_.stores.target_documents->FindByIds(
                                          flow_.plan.items.to, IdsOf(items), context_.call));
    std::vector<Suspect> findings;
    for (std::size_t i = 0; i < items.size(); ++i) {
      const Document& item = items[i];
      if (now[i] == item) {
        findings.push_back(
            {{DiscrepancyClass::kMissing, ItemIdOf(flow_.plan, item.view()), "",
              fmt::format("no vector in namespace {}", HomeOf(context_, item.view()))},
             Value(item.Id())});
      }
    }
    return Report(context_, std::move(findings), result_);
  }

  /// The vectors of these sources, wherever they are.
  Status SearchIds(std::span<const Value> source_ids) {
    std::vector<std::string> ids;
    for (const Value& id : source_ids) {
      ids.push_back(ItemId(flow_.plan.items.id, id.view()));
    }
    for (const auto& [ns, kind] : namespaces_) {
      REHOME_TRY_ASSIGN(const Records present, FetchPresent(context_, ns, ids));
      std::vector<std::string> found;
      for (const auto& [id, record] : present) {
        if (MayBeOurs(ns, record)) {
          found.push_back(id);
        }
      }
      std::vector<Suspect> findings;
      REHOME_TRY(Judge(ns, found, &findings));
      REHOME_TRY(Report(context_, std::move(findings), result_));
    }
    return {};
  }

  /// Information: legacy namespaces are not ours to judge.
  Status NoteLegacySide() {
    if (context_.only || context_.run.IsDone(Phase::kRetire)) {
      return {};
    }
    auto index = flow_.stores.source_vectors->Describe(context_.call);
    for (const std::string& ns : flow_.plan.backup.namespaces) {
      const auto found = index ? index->namespaces.find(ns) : decltype(index->namespaces.end()){};
      if (index && found != index->namespaces.end()) {
        REHOME_TRY_ASSIGN(const std::uint64_t sources, flow_.stores.source_documents->Count(
                                                           flow_.plan.items.from, context_.call));
        result_.notes.push_back(fmt::format(
            "legacy namespace {} holds {} vectors beside {} documents of {}: information only", ns,
            found->second, sources, flow_.plan.items.from));
      }
    }
    return {};
  }

  CheckContext& context_;
  FlowContext& flow_;
  CheckResult& result_;
  Random random_;
  std::map<std::string, Kind> namespaces_;
  std::map<std::string, std::uint64_t> placed_;
  std::set<std::string> misplaced_;
  std::uint64_t foreign_ = 0;
};

}  // namespace

Result<CheckResult> CheckOrphans(CheckContext& context) {
  if (auto reason = NotDone(context.run, Phase::kVectors)) {
    return Skip("orphans", *std::move(reason));
  }
  CheckResult result;
  result.expected = "one vector per item, in its tenant's namespace";
  REHOME_TRY(OrphanSearch(context, result).Run());
  return result;
}

}  // namespace rehome
