#include "sim/judge.h"

#include <fmt/format.h>

#include <algorithm>

#include "backup/backup.h"
#include "journal/names.h"
#include "journal/run_record.h"
#include "model/extended_json.h"
#include "model/fields.h"
#include "model/item.h"
#include "model/sort_key.h"
#include "ports/silent_sink.h"
#include "sim/memory_document_store.h"
#include "sim/timeline.h"

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
      if (found != legacy_.end() && found->second == document) {
        continue;
      }
      if (found == legacy_.end() && !CameBack(key)) {
        return Broken("a document of the old side is gone: " + Shown(document));
      }
      if (found != legacy_.end() && !CameBack(key)) {
        return Broken(fmt::format("a document of the old side is {} and was {}",
                                  Shown(found->second), Shown(document)));
      }
    }
    for (const auto& [key, document] : legacy_) {
      if (!evidence_.application.legacy().contains(key) && !CameBack(key)) {
        return Broken("the old side has a document that nobody wrote: " + Shown(document));
      }
    }
    return {};
  }

  Status LegacyVectors() {
    for (const auto& [ns, records] : evidence_.application.legacy_vectors()) {
      const VectorsById& found = vectors_[ns];
      const bool same =
          found.size() == records.size() &&
          std::ranges::all_of(records, [&](const VectorRecord& record) {
            const auto one = found.find(record.id);
            return one != found.end() && VectorDigest(one->second) == VectorDigest(record);
          });
      if (!same) {
        return Broken(fmt::format("namespace {} of the old side is not as it was", ns));
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
      if (written && WasLastEarly(key, written) && IsSaved(*written)) {
        REHOME_TRY(LegacyLeads(key));  // it did not map back
        continue;
      }
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
      if (WentBack(key, written)) {
        continue;
      }
      if (!written) {
        return Broken("deleted on the new side, back on the old one: " +
                      Shown(legacy_.find(key)->second));
      }
      return Broken(
          fmt::format("the application wrote {} on the new side; it is neither on the "
                      "old side nor saved",
                      Shown(*written)));
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

  Status Stamps(bool stamped, bool retired = false) {
    for (const StampPlan& stamp : plan_.stamps) {
      if (retired && IsRetired(stamp.collection)) {
        continue;
      }
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

  /// What the plan retires is gone, and what phase 5 removed stands in its backups as it was.
  Status Retired() {
    REHOME_TRY_ASSIGN(const auto run, LatestRun(evidence_.target, plan_.name, {}));
    MemoryDocumentStore documents;
    MemoryVectorStore vectors({.dimension = kDimension, .metric = plan_.index.metric});
    SilentSink events;
    Timeline timeline{Random(0)};
    for (const Retirement& attempt : run->retirements) {
      RestoreRequest request;
      request.backup = attempt.backup;
      request.documents = &documents;
      request.vectors = &vectors;
      request.collections = attempt.dropped;
      request.namespaces = attempt.emptied;
      request.key = plan_.backup.key;
      if (const auto restored = RestoreBackup(request, timeline, events, {}); !restored) {
        return Broken(fmt::format("the backup {} of phase 5 cannot be restored: {}", attempt.backup,
                                  restored.error().message));
      }
    }
    REHOME_TRY_ASSIGN(const auto collections, evidence_.source.Collections({}));
    for (const std::string& name : plan_.retire.collections) {
      if (std::ranges::find(collections, name, &CollectionInfo::name) != collections.end()) {
        return Broken(fmt::format("retired, and {} is still there", name));
      }
      REHOME_TRY_ASSIGN(const DocumentsByKey kept, ReadAll(documents, name));
      REHOME_TRY(Kept(name, kept));
    }
    for (const std::string& ns : plan_.retire.namespaces) {
      const auto& was = evidence_.application.legacy_vectors().at(ns);
      REHOME_TRY_ASSIGN(const IndexInfo index, vectors.Describe({}));
      const auto kept = index.namespaces.find(ns);
      if (!vectors_[ns].empty() ||
          (kept == index.namespaces.end() ? 0 : kept->second) != was.size()) {
        return Broken(fmt::format(
            "retired, and namespace {} holds {} vectors, its backups {} of {}", ns,
            vectors_[ns].size(), kept == index.namespaces.end() ? 0 : kept->second, was.size()));
      }
    }
    return {};
  }

  /// Phase 0's backup.
  Status Prepared() {
    REHOME_TRY_ASSIGN(const auto run, LatestRun(evidence_.target, plan_.name, {}));
    REHOME_TRY_ASSIGN(const VerifyResult verified, VerifyBackup(run->backup, {}, plan_.backup.key));
    if (!verified.passed()) {
      return Broken(fmt::format("the backup {} does not verify: {}", run->backup,
                                verified.problems.front().detail));
    }
    for (const CollectionBackup& one : verified.manifest->collections) {
      const bool exact = one.window.consistency == Consistency::kExact ||
                         evidence_.application.moments().size() == 1;
      if (one.name == plan_.items.from && exact &&
          !evidence_.application.moments().contains(one.content.ToString())) {
        return Broken(fmt::format("the backup of {} holds {}, which it was at no moment", one.name,
                                  one.content.ToString()));
      }
    }
    for (const NamespaceBackup& one : verified.manifest->namespaces) {
      SetDigest was;
      for (const VectorRecord& record : evidence_.application.legacy_vectors().at(one.name)) {
        was.Add(VectorDigest(record));
      }
      if (one.digest != was) {
        return Broken(fmt::format("the backup of namespace {} is another than it was", one.name));
      }
    }
    return LegacyVectors();
  }

  [[nodiscard]] bool IsRetired(const std::string& collection) const {
    return std::ranges::find(plan_.retire.collections, collection) !=
           plan_.retire.collections.end();
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
  /// A cutover that was put back took something of it along to the old side.
  [[nodiscard]] bool CameBack(const std::string& key) const {
    const auto versions = evidence_.application.changed_early().find(key);
    return versions != evidence_.application.changed_early().end() &&
           std::ranges::any_of(versions->second,
                               [&](const auto& version) { return IsBack(key, version); });
  }
  [[nodiscard]] bool WasLastEarly(const std::string& key,
                                  const std::optional<Document>& written) const {
    const auto versions = evidence_.application.changed_early().find(key);
    return versions != evidence_.application.changed_early().end() &&
           versions->second.back() == written;
  }
  /// The old side says what was written on the new one.
  [[nodiscard]] bool IsBack(const std::string& key, const std::optional<Document>& written) const {
    const auto found = legacy_.find(key);
    if (!written || found == legacy_.end()) {
      return !written && found == legacy_.end();
    }
    const Mapped mapped = mapper_.Map(found->second.view());
    const Item* item = std::get_if<Item>(&mapped);
    return item != nullptr &&
           DocumentDigest(item->document.view()) == DocumentDigest(written->view());
  }
  [[nodiscard]] bool WentBack(const std::string& key,
                              const std::optional<Document>& written) const {
    return IsBack(key, written) || (written ? IsSaved(*written) : IsLateAndAside(key));
  }
  /// Without a fence: the old side's last write, which does not map, took its item away in the moment
  /// that the application deleted it. Whose delete it was nobody can tell, so that write stays.
  [[nodiscard]] bool IsLateAndAside(const std::string& key) const {
    const auto found = legacy_.find(key);
    const auto& remembered = evidence_.application.legacy();
    const auto last = remembered.find(key);
    return plan_.cutover.fence == CutoverPlan::Fence::kNone && quarantined_.contains(key) &&
           found != legacy_.end() && last != remembered.end() && found->second == last->second &&
           !std::holds_alternative<Item>(mapper_.Map(found->second.view()));
  }

  /// The item, if any, is what the old side's document gives.
  Status LegacyLeads(const std::string& key) {
    const auto source = legacy_.find(key);
    if (source != legacy_.end()) {
      return OneComplete(key, source->second);
    }
    return items_.contains(key)
               ? Broken("an item that was set aside is still there: " + Shown(items_.at(key)))
               : Status{};
  }

  /// `kept`: what the backups of phase 5 hold of a collection.
  Status Kept(const std::string& name, const DocumentsByKey& kept) {
    if (name != plan_.items.from) {
      const auto sample = evidence_.sample.collections.find(name);
      const std::size_t count =
          sample == evidence_.sample.collections.end() ? 0 : sample->second.size();
      return kept.size() == count
                 ? Status{}
                 : Broken(
                       fmt::format("the backups of phase 5 hold {} documents of {}, which had {}",
                                   kept.size(), name, count));
    }
    legacy_ = kept;
    return Legacy();
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
  Judge judge(evidence);
  REHOME_TRY(judge.ReadStores());
  REHOME_TRY(judge.ChangesWentBack());
  REHOME_TRY(evidence.application.MoveBack());
  REHOME_TRY(judge.Isolation());
  REHOME_TRY(judge.Complete());
  REHOME_TRY(judge.LegacyVectors());
  REHOME_TRY(judge.Stamps(true));
  return judge.Side(Application::Side::kOld, false);
}

Status JudgeCutOver(const Evidence& evidence) {
  Judge judge(evidence);
  REHOME_TRY(judge.ReadStores());
  REHOME_TRY(judge.Isolation());
  REHOME_TRY(judge.Legacy());
  REHOME_TRY(judge.LegacyVectors());
  REHOME_TRY(judge.ChangesStand());
  REHOME_TRY(judge.Complete());
  REHOME_TRY(judge.Stamps(true));
  return judge.Side(Application::Side::kNew, true);
}

Status JudgePrepared(const Evidence& evidence) {
  Judge judge(evidence);
  REHOME_TRY(judge.ReadStores());
  return judge.Prepared();
}

Status JudgeRetired(const Evidence& evidence) {
  Judge judge(evidence);
  REHOME_TRY(judge.ReadStores());
  REHOME_TRY(judge.Isolation());
  REHOME_TRY(judge.Retired());
  REHOME_TRY(judge.ChangesStand());
  REHOME_TRY(judge.Complete());
  REHOME_TRY(judge.Stamps(true, true));
  return judge.Side(Application::Side::kNew, !judge.IsRetired(evidence.compiled.plan->items.from));
}

Status JudgeRolledBack(const Evidence& evidence) {
  Judge judge(evidence);
  REHOME_TRY(judge.ReadStores());
  REHOME_TRY(judge.ChangesWentBack());
  REHOME_TRY(evidence.application.MoveBack());
  REHOME_TRY(judge.LegacyVectors());
  REHOME_TRY(judge.Nothing());
  return judge.Side(Application::Side::kOld, false);
}

}  // namespace rehome::sim
