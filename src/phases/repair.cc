#include "phases/repair.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "checks/findings.h"
#include "flow/journaled_write.h"
#include "flow/reconcile.h"
#include "flow/target_shape.h"
#include "flow/vector_writer.h"
#include "journal/saved.h"
#include "model/fields.h"
#include "model/item.h"
#include "model/sort_key.h"
#include "phases/cutover.h"
#include "phases/feeds.h"
#include "phases/phases.h"
#include "phases/restore_points.h"
#include "phases/stamp.h"
#include "phases/verification.h"

namespace rehome {
namespace {

// Mending one thing may show another (an item that comes home, then its vector elsewhere).
constexpr int kRoundsMax = 4;
constexpr std::size_t kBatchMax = 250;
constexpr std::string_view kWhy = "changed before it was repaired";

/// What one verification found, by what it takes to mend it.
struct Wounds {
  std::map<std::string, Value> documents;                     // by sort key
  std::map<std::string, std::set<std::string>> out_of_place;  // vector ids by namespace
  [[nodiscard]] bool empty() const { return documents.empty() && out_of_place.empty(); }
};

class Repairer {
 public:
  explicit Repairer(Session& session) : session_(session), flow_(session.flow()) {}

  Result<Repaired> Run() {
    REHOME_TRY(session_.run().IsCutOver() ? RefuseGoneItems() : RefuseGoneSource(session_));
    REHOME_TRY(CarryFirst());
    REHOME_TRY(VerifyAll());
    if (out_.verification.passed) {
      out_.nothing_to_do = true;
      out_.done.emplace_back("nothing to repair: everything agrees");
      return std::move(out_);
    }
    REHOME_TRY(session_.Audit("repair", InWords(out_.verification)));
    for (int round = 0; round < kRoundsMax && !out_.verification.passed; ++round) {
      REHOME_TRY_ASSIGN(const bool mended, MendAll());
      if (!mended) {
        break;
      }
      REHOME_TRY(VerifyAll());
    }
    REHOME_TRY_ASSIGN(out_.saved_file, ExportSaved(session_));
    Tell();
    REHOME_TRY(session_.Audit("repair done", out_.verification.passed
                                                 ? std::string("everything agrees")
                                                 : InWords(out_.verification)));
    return std::move(out_);
  }

 private:
  /// Without their items every vector would be one too many.
  Status RefuseGoneItems() {
    const std::string& to = session_.plan().items.to;
    if (session_.run().MovedItems() == 0) {
      return {};
    }
    REHOME_TRY_ASSIGN(const std::uint64_t count, session_.target().Count(to, session_.call()));
    if (count > 0) {
      return {};
    }
    return Fail(
        ErrorCode::kFailedPrecondition,
        fmt::format("{} is gone or empty, and the application reads it: a repair would remove "
                    "every vector too; nothing was changed",
                    to),
        "put it back from a backup of that database; or `rehome revert` goes back to the "
        "old side, as long as it is not retired");
  }

  [[nodiscard]] VectorMode Mode() const { return VectorModeOf(session_.run()); }

  /// What a feed has named and nobody applied yet is no damage.
  Status CarryFirst() {
    if (session_.run().IsCutOver() || !session_.run().positions.contains("forward")) {
      return {};
    }
    REHOME_TRY_ASSIGN(const Drained drained, DrainForward(session_, Mode()));
    if (drained.named > 0) {
      out_.done.push_back(
          fmt::format("{} changes of the source were carried first", drained.named));
    }
    return {};
  }

  Status VerifyAll() {
    wounds_ = {};
    VerificationScope scope(session_);
    scope.context().on_finding = [this](const Suspect& suspect) { Note(suspect); };
    REHOME_TRY_ASSIGN(out_.verification, Verify(scope.context(), {}));
    return {};
  }

  void Note(const Suspect& suspect) {
    if (suspect.source_id) {
      wounds_.documents.emplace(SortKey(suspect.source_id->view()), *suspect.source_id);
    }
    if (!suspect.ns.empty()) {
      wounds_.out_of_place[suspect.ns].insert(suspect.what.id);
    }
  }

  /// True if anything was written.
  Result<bool> MendAll() {
    const std::uint64_t before = written_;
    REHOME_TRY(MendIndexes());
    REHOME_TRY(MendTenants());
    std::vector<Value> ids;
    std::ranges::transform(wounds_.documents, std::back_inserter(ids),
                           [](const auto& entry) { return entry.second; });
    if (!session_.run().IsCutOver()) {
      REHOME_TRY(MendItems(ids));
    }
    if (Mode() == VectorMode::kNow) {
      REHOME_TRY(MendVectors(ids));
      REHOME_TRY(RemoveOutOfPlace());
    }
    REHOME_TRY(session_.SettleLeftOpen());
    REHOME_TRY(RefreshRestorePoints(session_));
    return written_ > before;
  }

  /// One that cannot be built, since two documents hold its key by now, is left: the check names it.
  Status MendIndexes() {
    const auto schema = std::ranges::find(out_.verification.checks, "schema", &CheckResult::check);
    if (schema == out_.verification.checks.end() || schema->passed) {
      return {};
    }
    for (const TargetIndex& index : TargetIndexes(session_.plan())) {
      const std::string name = fmt::format("{}.{}", index.collection, index.spec.name);
      if (std::ranges::find(schema->discrepancies, name, &Discrepancy::id) ==
          schema->discrepancies.end()) {
        continue;
      }
      if (const Status made =
              session_.target().EnsureIndex(index.collection, index.spec, session_.call())) {
        ++indexes_;
        ++written_;
      } else {
        foreign_.insert(fmt::format("{}: {}", name, made.error().message));
      }
    }
    return {};
  }

  Status MendTenants() {
    if (session_.run().IsCutOver()) {
      return {};  // theirs to change
    }
    const TenantsPlan& tenants = session_.plan().tenants;
    for (const Organization& one : tenants.organizations) {
      REHOME_TRY(MendTenant(tenants.organizations_collection, one.document));
    }
    for (const Profile& one : tenants.profiles) {
      REHOME_TRY(MendTenant(tenants.profiles_collection, one.document));
    }
    return MendStamps();
  }

  Status MendStamps() {
    const auto stamped =
        session_.run().IsCutOver() ? StampWhatLacksIt(session_) : RunStamps(session_);
    if (!stamped && stamped.error().code == ErrorCode::kFailedPrecondition) {
      out_.left.push_back(stamped.error().message);
      return {};
    }
    REHOME_TRY(stamped);
    written_ += *stamped;
    if (*stamped > 0) {
      out_.done.push_back(fmt::format("{} documents were stamped again", *stamped));
    }
    return {};
  }

  Status MendTenant(const std::string& collection, const Document& wanted) {
    const LedgerTarget target{LedgerTarget::Store::kDocuments, collection};
    const Value id(wanted.Id());
    const Call& call = session_.call();
    REHOME_TRY_ASSIGN(const auto found, session_.target().FindByIds(collection, {&id, 1}, call));
    if (found.front() == wanted) {
      return {};
    }
    REHOME_TRY_ASSIGN(const auto histories, session_.ledger().Find(target, {&id, 1}, call));
    if (histories.front().LastDone() == nullptr) {
      out_.left.push_back(fmt::format("{} {} is not this run's", collection, id.view().AsString()));
      return {};
    }
    std::optional<Md5Digest> before;
    if (found.front()) {
      REHOME_TRY(session_.saved().Add(kWhy, collection, {&*found.front(), 1}, call));
      before = DocumentDigest(found.front()->view());
    }
    const LedgerEntry entry{
        .id = id, .before = before, .after = DocumentDigest(wanted.view()), .text = {}};
    const Write write =
        found.front() ? Write::Replace(*found.front(), wanted) : Write::Insert(wanted);
    REHOME_TRY_ASSIGN(const auto results,
                      WriteJournaled({session_.ledger(), session_.target(), target}, {&entry, 1},
                                     {&write, 1}, {}, call));
    if (results.front().applied()) {
      ++written_;
      out_.done.push_back(
          fmt::format("{} {} stands as the plan says", collection, id.view().AsString()));
    } else {
      out_.left.push_back(fmt::format(
          "{} {} cannot be written: {}", collection, id.view().AsString(),
          results.front().unique_index.empty() ? "somebody else is writing it"
                                               : "another document has its unique key"));
    }
    return {};
  }

  Status MendItems(const std::vector<Value>& ids) {
    REHOME_TRY_ASSIGN(const std::uint64_t quarantined_before,
                      session_.quarantine().Count(session_.call()));
    REHOME_TRY_ASSIGN(const Reconciled reconciled, Reconcile(flow_, ids, Mode(), session_.call(),
                                                             ChangedItems::kSaveAndReplace));
    REHOME_TRY_ASSIGN(const std::uint64_t quarantined,
                      session_.quarantine().Count(session_.call()));
    items_.Add(reconciled);
    const bool quarantine_moved = reconciled.quarantined > 0 || quarantined < quarantined_before;
    written_ += reconciled.inserted + reconciled.replaced + reconciled.deleted +
                reconciled.embedded + (quarantine_moved ? 1U : 0U);
    for (const std::string& id : reconciled.conflicts) {
      foreign_.insert(fmt::format("item {} was not written by this run", id));
    }
    return {};
  }

  /// An item that the application changes meanwhile gets the vector of what it says then.
  Status MendVectors(std::vector<Value> ids) {
    for (int round = 0; round < kRoundsMax && !ids.empty(); ++round) {
      REHOME_TRY_ASSIGN(ids, MendVectorsOnce(ids));
    }
    return ids.empty() ? Status{}
                       : Fail(ErrorCode::kAborted,
                              fmt::format("{} items of {} keep changing while they are embedded",
                                          ids.size(), session_.plan().items.to),
                              "run `rehome repair` again when less is written");
  }

  /// Returns those that changed meanwhile.
  Result<std::vector<Value>> MendVectorsOnce(const std::vector<Value>& ids) {
    std::vector<Value> changed;
    for (std::size_t start = 0; start < ids.size(); start += kBatchMax) {
      const std::span<const Value> part =
          std::span(ids).subspan(start, std::min(kBatchMax, ids.size() - start));
      REHOME_TRY_ASSIGN(
          auto found, session_.target().FindByIds(session_.plan().items.to, part, session_.call()));
      REHOME_TRY_ASSIGN(const auto histories,
                        session_.ledger().Find(flow_.ItemsTarget(), part, session_.call()));
      std::vector<Document> items;
      for (std::size_t i = 0; i < found.size(); ++i) {
        // Somebody else's item may claim the vector of one of ours.
        const bool theirs =
            found[i] && !session_.run().IsCutOver() &&
            Judge(histories[i], DocumentDigest(found[i]->view())) == Ownership::kForeign;
        if (found[i] && !theirs &&
            session_.run().namespaces.contains(StringField(found[i]->view(), "org_id"))) {
          items.push_back(*std::move(found[i]));
        }
      }
      REHOME_TRY_ASSIGN(const std::vector<Value> some, EmbedAgain(std::move(items)));
      changed.insert(changed.end(), some.begin(), some.end());
    }
    return changed;
  }

  /// Writes the vectors that are not what their items make of them, and the marks that are wrong.
  /// Returns those that changed before their mark.
  Result<std::vector<Value>> EmbedAgain(std::vector<Document> items) {
    const Call& call = session_.call();
    REHOME_TRY_ASSIGN(EmbeddedBatch embedded, EmbedItems(flow_, std::move(items), call));
    std::map<TenantNamespace, std::vector<EmbeddedItem>> by_namespace;
    for (EmbeddedItem& one : embedded.items) {
      REHOME_TRY_ASSIGN(const TenantNamespace ns,
                        flow_.NamespaceOf(StringField(one.item.view(), "org_id")));
      by_namespace[ns].push_back(std::move(one));
    }
    std::vector<EmbeddedItem> wrong;
    for (auto& [ns, items_of_it] : by_namespace) {
      REHOME_TRY(PickWrong(ns, std::move(items_of_it), wrong));
    }
    if (wrong.empty()) {
      return std::vector<Value>{};
    }
    REHOME_TRY_ASSIGN(VectorsWritten written, WriteVectors(flow_, wrong, call));
    vectors_ += written.upserted;
    written_ += written.upserted;
    return std::move(written.changed);
  }

  /// Those of one namespace whose vector or mark is to be written.
  Status PickWrong(const TenantNamespace& ns, std::vector<EmbeddedItem> items,
                   std::vector<EmbeddedItem>& wrong) {
    std::vector<std::string> ids;
    std::vector<Value> keys;
    for (const EmbeddedItem& one : items) {
      ids.push_back(one.record.id);
      keys.push_back(Value::String(one.record.id));
    }
    REHOME_TRY_ASSIGN(const auto fetched,
                      session_.target_vectors().Fetch(ns.name(), ids, session_.call()));
    const auto present = DigestsById(fetched);
    REHOME_TRY_ASSIGN(
        const auto histories,
        session_.ledger().Find({LedgerTarget::Store::kVectors, ns.name()}, keys, session_.call()));
    for (std::size_t i = 0; i < items.size(); ++i) {
      EmbeddedItem& one = items[i];
      const auto found = present.find(ids[i]);
      const bool stands = found != present.end();
      const bool equal = stands && found->second == VectorDigest(one.record);
      if (equal && one.item == WithMark(one.item.view(), ids[i])) {
        continue;
      }
      if (stands && !equal && Judge(histories[i], found->second) == Ownership::kForeign) {
        foreign_.insert(fmt::format("vector {} in namespace {} was not written by this run", ids[i],
                                    ns.name()));
        continue;
      }
      wrong.push_back(std::move(one));
    }
    return {};
  }

  /// Vectors of ours without an item, or beside the namespace in which their item lives now.
  Status RemoveOutOfPlace() {
    for (const auto& [ns, named] : wounds_.out_of_place) {
      const TenantNamespace place = Plan::JournaledNamespace(ns);
      REHOME_TRY_ASSIGN(const std::vector<std::string> ids, WithoutHomeIn(ns, named));
      for (std::size_t start = 0; start < ids.size(); start += kBatchMax) {
        const std::span<const std::string> part =
            std::span(ids).subspan(start, std::min(kBatchMax, ids.size() - start));
        REHOME_TRY_ASSIGN(const VectorsRemoved removed,
                          RemoveVectors(flow_, place, part, session_.call()));
        removed_ += removed.removed;
        written_ += removed.removed;
        for (const std::string& id : removed.foreign) {
          foreign_.insert(
              fmt::format("vector {} in namespace {} was not written by this run", id, ns));
        }
      }
    }
    return {};
  }

  Result<std::vector<std::string>> WithoutHomeIn(const std::string& ns, std::set<std::string> ids) {
    std::vector<Value> values;
    std::ranges::transform(ids, std::back_inserter(values),
                           [](const std::string& id) { return Value::String(id); });
    REHOME_TRY_ASSIGN(const auto items,
                      session_.target().FindByField(session_.plan().items.to, "item_id", values,
                                                    SIZE_MAX, session_.call()));
    for (const Document& item : items) {
      const auto home = session_.run().namespaces.find(StringField(item.view(), "org_id"));
      if (home != session_.run().namespaces.end() && home->second == ns) {
        ids.erase(StringField(item.view(), "item_id"));
      }
    }
    return std::vector<std::string>(ids.begin(), ids.end());
  }

  void Tell() {
    const auto tell = [this](std::uint64_t count, std::string_view what) {
      if (count > 0) {
        out_.done.push_back(fmt::format("{} {}", count, what));
      }
    };
    tell(items_.inserted, "items written again");
    tell(items_.replaced, "items replaced by what their sources say");
    tell(items_.deleted, "items without a source removed");
    tell(items_.quarantined, "documents in quarantine that do not map");
    tell(items_.embedded, "items embedded");
    tell(vectors_, "vectors written again from their items");
    tell(removed_, "vectors out of place removed");
    tell(indexes_, "unique indexes made again");
    if (!out_.saved_file.empty()) {
      out_.done.push_back(fmt::format(
          "what others had changed was saved to {} before it was replaced", out_.saved_file));
    }
    out_.left.insert(out_.left.end(), foreign_.begin(), foreign_.end());
    for (const CheckResult& check : out_.verification.checks) {
      if (check.passed) {
        continue;
      }
      if (check.check == "tenants") {
        TellTenants(check);
      } else if (check.check == "backup") {
        out_.left.emplace_back(session_.run().IsCutOver()
                                   ? "a damaged backup is not mended: `rehome backup create` makes "
                                     "a new one of what stands there now"
                                   : "a damaged backup is not mended: `rehome backup create` makes "
                                     "a new one, `rehome run --phase 0` one that the run leans on");
      } else if (check.check == "audit") {
        out_.left.emplace_back("the audit log is append-only: a break in it stays and is named");
      } else if (check.check == "pointers") {
        out_.left.emplace_back(
            "a pointer that somebody else changed is theirs: set it back by hand, or `rehome "
            "revert`");
      }
    }
  }

  /// What stands beside the plan's tenants, and what the application made of them after cutover.
  void TellTenants(const CheckResult& check) {
    const auto total = [&](DiscrepancyClass of) {
      const auto found = check.totals.find(std::string(Name(of)));
      return found == check.totals.end() ? 0 : found->second;
    };
    if (const std::uint64_t twins = total(DiscrepancyClass::kDuplicate); twins > 0) {
      out_.left.push_back(
          fmt::format("{} documents have a key of the plan's organizations or profiles and are "
                      "somebody else's: remove them, or give them keys of their own, by hand",
                      twins));
    }
    if (const std::uint64_t lost = total(DiscrepancyClass::kMisplaced);
        lost > 0 && session_.run().IsCutOver()) {
      out_.left.push_back(fmt::format(
          "{} items refer to organizations or profiles that were changed or removed since the "
          "cutover: put those back, or move the items, by hand",
          lost));
    }
  }

  Session& session_;
  FlowContext& flow_;
  Repaired out_;
  Wounds wounds_;
  Reconciled items_;
  std::uint64_t vectors_ = 0;
  std::uint64_t removed_ = 0;
  std::uint64_t indexes_ = 0;
  std::uint64_t written_ = 0;
  std::set<std::string> foreign_;
};

}  // namespace

Result<Repaired> Repair(Session& session) {
  REHOME_TRY(SettleFirst(session));
  if (!session.run().IsDone(Phase::kItems)) {
    return Fail(ErrorCode::kFailedPrecondition, "a repair needs phase 2 (items), which has not run",
                "`rehome run` writes what is missing by itself");
  }
  return Repairer(session).Run();
}

}  // namespace rehome
