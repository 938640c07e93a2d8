#include "sim/judge.h"

#include <fmt/format.h>

#include "journal/names.h"
#include "model/extended_json.h"
#include "model/fields.h"
#include "model/item.h"
#include "model/sort_key.h"

namespace rehome::sim {
namespace {

std::unexpected<Error> Broken(std::string what) {
  return Fail(ErrorCode::kCheckFailed, std::move(what));
}

std::string Shown(const Document& document) {
  return ToExtendedJson(document.view(), JsonMode::kCanonical);
}

using VectorsById = std::map<std::string, VectorRecord>;

class Judge {
 public:
  explicit Judge(const Evidence& evidence)
      : evidence_(evidence), plan_(*evidence.compiled.plan), mapper_(evidence.compiled.mapper) {}

  Status ReadStores() {
    REHOME_TRY_ASSIGN(items_, ReadAll(evidence_.target, plan_.items.to));
    REHOME_TRY_ASSIGN(legacy_, ReadAll(evidence_.source, plan_.items.from));
    REHOME_TRY_ASSIGN(const auto saved, ReadAll(evidence_.target, journal::kSaved));
    for (const auto& [key, record] : saved) {
      if (record.Find("bson")) {
        const Document document =
            Document::Trusted(std::string(BinaryField(record.view(), "bson")));
        saved_.insert(DocumentDigest(document.view()).Hex());
      }
    }
    REHOME_TRY_ASSIGN(const auto quarantined, ReadAll(evidence_.target, journal::kQuarantine));
    for (const auto& [key, document] : quarantined) {
      quarantined_.insert(SortKey(*document.Id().AsDocument().Find("id")));
    }
    REHOME_TRY_ASSIGN(const IndexInfo index, evidence_.vectors.Describe({}));
    for (const auto& [ns, count] : index.namespaces) {
      REHOME_TRY_ASSIGN(vectors_[ns], ReadNamespace(ns));
    }
    return {};
  }

  /// Every item belongs to the tenant that its source says, every vector stands in the namespace of
  /// its item's tenant and nowhere else.
  Status Isolation() {
    std::map<std::string, std::string> homes;  // item_id → namespace
    for (const auto& [key, item] : items_) {
      const std::string org = StringField(item.view(), "org_id");
      if (plan_.FindOrganization(org) == nullptr) {
        return Broken(fmt::format("an item of the unknown organization {}: {}", org, Shown(item)));
      }
      homes[StringField(item.view(), "item_id")] = plan_.NamespaceOf(org).name();
      const auto source = evidence_.application.legacy().find(key);
      if (source == evidence_.application.legacy().end() || IsChanged(key)) {
        continue;
      }
      const Mapped mapped = mapper_.Map(source->second.view());
      const Item* expected = std::get_if<Item>(&mapped);
      if (expected != nullptr &&
          (expected->tenant.org_id != org ||
           expected->tenant.profile_id != StringField(item.view(), "profile_id"))) {
        return Broken(fmt::format("tenant isolation: {} belongs to {}, its source to {} {}",
                                  Shown(item), org, expected->tenant.org_id,
                                  expected->tenant.profile_id));
      }
    }
    for (const auto& [ns, records] : vectors_) {
      if (!plan_.MatchesNamespaceTemplate(ns)) {
        continue;
      }
      for (const auto& [id, record] : records) {
        const auto home = homes.find(id);
        if (home != homes.end() && home->second != ns) {
          return Broken(
              fmt::format("tenant isolation: vector {} stands in {}, its item lives in {}", id, ns,
                          home->second));
        }
        if (home == homes.end()) {
          return Broken(fmt::format("vector {} in {} has no item", id, ns));
        }
      }
    }
    return {};
  }

  /// The old side is as the application wrote it.
  Status Legacy() {
    for (const auto& [key, document] : evidence_.application.legacy()) {
      const auto found = legacy_.find(key);
      if (found == legacy_.end()) {
        return Broken("a document of the old side is gone: " + Shown(document));
      }
      if (found->second != document) {
        return Broken(fmt::format("a document of the old side is {} and was {}",
                                  Shown(found->second), Shown(document)));
      }
    }
    for (const auto& [key, document] : legacy_) {
      if (!evidence_.application.legacy().contains(key)) {
        return Broken("the old side has a document that nobody wrote: " + Shown(document));
      }
    }
    return {};
  }

  /// Every document is an item with its vector, or in quarantine; there is no other item.
  Status Complete() {
    for (const auto& [key, source] : evidence_.application.legacy()) {
      if (!IsChanged(key)) {
        REHOME_TRY(OneComplete(key, source));
      }
    }
    for (const auto& [key, item] : items_) {
      if (!evidence_.application.legacy().contains(key) && !IsChanged(key)) {
        return Broken("an item without source: " + Shown(item));
      }
    }
    for (const std::string& key : quarantined_) {
      if (!evidence_.application.legacy().contains(key)) {
        return Broken("quarantine holds a document that is gone");
      }
    }
    return {};
  }

  /// What the application wrote on the new side stands there as it wrote it.
  Status ChangesStand() {
    for (const auto& [key, written] : evidence_.application.changed()) {
      const auto found = items_.find(key);
      if (!written && found != items_.end()) {
        return Broken("the application deleted an item, and it is back: " + Shown(found->second));
      }
      if (written && found == items_.end()) {
        return Broken("an item that the application wrote is gone: " + Shown(*written));
      }
      // Its mark is the engine's to set.
      if (written && DocumentDigest(found->second.view()) != DocumentDigest(written->view())) {
        return Broken(fmt::format("the application wrote {}, and it is {}", Shown(*written),
                                  Shown(found->second)));
      }
    }
    return {};
  }

  /// What the application wrote on the new side is on the old one again, or saved.
  Status ChangesWentBack() {
    const auto& legacy = evidence_.application.legacy();
    for (const auto& [key, written] : evidence_.application.changed()) {
      const auto found = legacy_.find(key);
      if (!written) {
        if (found != legacy_.end()) {
          return Broken("deleted on the new side, back on the old one: " + Shown(found->second));
        }
        continue;
      }
      const Mapped mapped =
          found == legacy_.end() ? Mapped(Unmappable{}) : mapper_.Map(found->second.view());
      const Item* item = std::get_if<Item>(&mapped);
      const bool back = item != nullptr &&
                        DocumentDigest(item->document.view()) == DocumentDigest(written->view());
      if (!back && !IsSaved(*written)) {
        return Broken(
            fmt::format("the application wrote {} on the new side; it is neither on the "
                        "old side nor saved",
                        Shown(*written)));
      }
    }
    for (const auto& [key, document] : legacy) {
      const auto found = legacy_.find(key);
      if (!IsChanged(key) && (found == legacy_.end() || found->second != document)) {
        return Broken("a revert touched a document that was not changed: " + Shown(document));
      }
    }
    for (const auto& [key, document] : legacy_) {
      if (!IsChanged(key) && !legacy.contains(key)) {
        return Broken("a revert left a document that nobody wrote: " + Shown(document));
      }
    }
    return {};
  }

  /// Nothing that a run wrote is left.
  Status Nothing() {
    if (!items_.empty()) {
      return Broken("an item is left: " + Shown(items_.begin()->second));
    }
    for (const auto& [ns, records] : vectors_) {
      if (plan_.MatchesNamespaceTemplate(ns) && !records.empty()) {
        return Broken(fmt::format("vector {} is left in {}", records.begin()->first, ns));
      }
    }
    if (!quarantined_.empty()) {
      return Broken("quarantine is not empty");
    }
    for (const std::string& collection :
         {plan_.tenants.organizations_collection, plan_.tenants.profiles_collection}) {
      REHOME_TRY_ASSIGN(const std::uint64_t left, evidence_.target.Count(collection, {}));
      if (left > 0) {
        return Broken(fmt::format("{} documents are left in {}", left, collection));
      }
    }
    return Stamps(false);
  }

  Status Stamps(bool stamped) {
    for (const StampPlan& stamp : plan_.stamps) {
      REHOME_TRY_ASSIGN(const auto documents, ReadAll(evidence_.source, stamp.collection));
      const auto& before = evidence_.sample.collections.at(stamp.collection);
      if (documents.size() != before.size()) {
        return Broken(fmt::format("{} has {} documents and had {}", stamp.collection,
                                  documents.size(), before.size()));
      }
      for (const Document& document : before) {
        const auto found = documents.find(SortKey(document.Id()));
        const bool same = found != documents.end() && found->second == document;
        if (same == stamped && !stamp.set.empty()) {
          return Broken(fmt::format("{} in {} {}", Shown(document), stamp.collection,
                                    stamped ? "has no stamp" : "keeps its stamp"));
        }
      }
    }
    return {};
  }

  Status Side(Application::Side expected, bool fenced) {
    REHOME_TRY_ASSIGN(const Application::Side side, evidence_.application.PointsTo());
    if (side != expected) {
      return Broken(side == Application::Side::kBetween ? "the pointers lead to both sides"
                                                        : "the pointers lead to the wrong side");
    }
    REHOME_TRY_ASSIGN(const bool old_fenced, evidence_.source.IsFenced(plan_.items.from, {}));
    REHOME_TRY_ASSIGN(const bool new_fenced, evidence_.target.IsFenced(plan_.items.to, {}));
    const bool wanted = fenced && plan_.cutover.fence != CutoverPlan::Fence::kNone;
    if (old_fenced != wanted || new_fenced) {
      return Broken(fmt::format("the old side is {}fenced, the new side is {}fenced",
                                old_fenced ? "" : "not ", new_fenced ? "" : "not "));
    }
    return {};
  }

 private:
  Result<VectorsById> ReadNamespace(const std::string& ns) {
    VectorsById out;
    std::string token;
    do {
      REHOME_TRY_ASSIGN(const IdPage page, evidence_.vectors.ListIds(ns, token, {}));
      REHOME_TRY_ASSIGN(auto records, evidence_.vectors.Fetch(ns, page.ids, {}));
      for (VectorRecord& record : records) {
        std::string id = record.id;
        out.emplace(std::move(id), std::move(record));
      }
      token = page.next;
    } while (!token.empty());
    return out;
  }

  [[nodiscard]] bool IsChanged(const std::string& key) const {
    return evidence_.application.changed().contains(key);
  }
  [[nodiscard]] bool IsSaved(const Document& document) const {
    return saved_.contains(DocumentDigest(document.view()).Hex());
  }

  Status OneComplete(const std::string& key, const Document& source) {
    const Mapped mapped = mapper_.Map(source.view());
    const auto found = items_.find(key);
    const Item* expected = std::get_if<Item>(&mapped);
    if (found == items_.end()) {
      return quarantined_.contains(key)
                 ? Status{}
                 : Broken("lost: no item and not in quarantine: " + Shown(source));
    }
    if (expected == nullptr || quarantined_.contains(key)) {
      return Broken("does not map, and an item stands there: " + Shown(found->second));
    }
    const Document& item = found->second;
    if (DocumentDigest(item.view()) != DocumentDigest(expected->document.view())) {
      return Broken(fmt::format("the item is {}, its source maps to {}", Shown(item),
                                Shown(expected->document)));
    }
    if (item != WithMark(expected->document.view(), expected->item_id)) {
      return Broken("an item without its mark: " + Shown(item));
    }
    return Vector(*expected);
  }

  Status Vector(const Item& item) {
    const std::string ns = plan_.NamespaceOf(item.tenant.org_id).name();
    const auto records = vectors_.find(ns);
    if (records == vectors_.end() || !records->second.contains(item.item_id)) {
      return Broken(fmt::format("lost: no vector {} in {}", item.item_id, ns));
    }
    const VectorRecord& record = records->second.at(item.item_id);
    const std::string text = mapper_.Text(item.document.view());
    REHOME_TRY_ASSIGN(const Embeddings embedded,
                      evidence_.embedder.Embed({&text, 1}, TextRole::kPassage, {}));
    if (record.values != embedded.vectors.front()) {
      return Broken(fmt::format("the vector {} in {} is of another text than \"{}\"", item.item_id,
                                ns, text));
    }
    return {};
  }

  const Evidence& evidence_;
  const Plan& plan_;
  const Mapper& mapper_;
  DocumentsByKey items_;
  DocumentsByKey legacy_;  // as it stands
  std::set<std::string> quarantined_;
  std::set<std::string> saved_;  // digests
  std::map<std::string, VectorsById> vectors_;
};

}  // namespace

Status JudgeMigrated(const Evidence& evidence) {
  Judge before(evidence);
  REHOME_TRY(before.ReadStores());
  REHOME_TRY(before.ChangesWentBack());
  REHOME_TRY(evidence.application.MoveBack());
  Judge judge(evidence);
  REHOME_TRY(judge.ReadStores());
  REHOME_TRY(judge.Isolation());
  REHOME_TRY(judge.Complete());
  REHOME_TRY(judge.Stamps(true));
  return judge.Side(Application::Side::kOld, false);
}

Status JudgeCutOver(const Evidence& evidence) {
  Judge judge(evidence);
  REHOME_TRY(judge.ReadStores());
  REHOME_TRY(judge.Isolation());
  REHOME_TRY(judge.Legacy());
  REHOME_TRY(judge.ChangesStand());
  REHOME_TRY(judge.Complete());
  REHOME_TRY(judge.Stamps(true));
  return judge.Side(Application::Side::kNew, true);
}

Status JudgeRolledBack(const Evidence& evidence) {
  Judge judge(evidence);
  REHOME_TRY(judge.ReadStores());
  REHOME_TRY(judge.ChangesWentBack());
  REHOME_TRY(evidence.application.MoveBack());
  REHOME_TRY(judge.Nothing());
  return judge.Side(Application::Side::kOld, false);
}

}  // namespace rehome::sim
