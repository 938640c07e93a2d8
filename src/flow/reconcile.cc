#include "flow/reconcile.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include "base/pump.h"
#include "flow/decision.h"
#include "flow/item_writer.h"
#include "flow/journaled_write.h"
#include "flow/remover.h"
#include "flow/vector_writer.h"
#include "model/fields.h"
#include "model/item.h"
#include "model/sort_key.h"

namespace rehome {
namespace {

constexpr std::size_t kBatchMax = 1000;
// Of documents whose size nobody knows yet fewer are read at once; then as many as fit.
constexpr std::size_t kFirstCount = 100;
constexpr std::size_t kBatchBytes = std::size_t{8} << 20U;
// A document that keeps changing under our hands is tried again this often; then the next event
// carries it.
constexpr int kRoundsMax = 5;

/// One document: what the source says, what stands in the target, and what we know of it.
struct Case {
  Value id;
  std::optional<MappedRow> row;    // absent: the source document is gone
  std::optional<Document> item;    // absent: no item stands there
  std::optional<Md5Digest> found;  // of `item`
  OwnedHistory history;

  [[nodiscard]] const Item* desired() const {
    return row ? std::get_if<Item>(&row->mapped) : nullptr;
  }
  [[nodiscard]] std::string item_id() const {
    return desired() != nullptr ? desired()->item_id
           : item               ? StringField(item->view(), "item_id")
                                : std::string();
  }
};

LedgerTarget VectorsTarget(const TenantNamespace& ns) {
  return {LedgerTarget::Store::kVectors, ns.name()};
}

Action Decide(const FlowContext& flow, const Case& one, bool changed_is_ours) {
  const Item* desired = one.desired();
  Situation situation{.history = one.history,
                      .desired = {},
                      .found = {},
                      .moves = false,
                      .cut_over = flow.run.IsCutOver(),
                      .changed_is_ours = changed_is_ours};
  if (desired != nullptr) {
    situation.desired = one.row->item_digest;
  }
  if (one.item) {
    situation.found = one.found;
    const std::string org_id = StringField(one.item->view(), "org_id");
    situation.moves = desired != nullptr && org_id != desired->tenant.org_id &&
                      flow.run.namespaces.contains(org_id);
  }
  return rehome::Decide(situation);
}

Result<std::vector<Case>> Load(FlowContext& flow, std::span<const Value> ids, const Call& call) {
  REHOME_TRY_ASSIGN(auto sources,
                    flow.stores.source_documents->FindByIds(flow.plan.items.from, ids, call));
  REHOME_TRY_ASSIGN(auto items,
                    flow.stores.target_documents->FindByIds(flow.plan.items.to, ids, call));
  REHOME_TRY_ASSIGN(auto histories, flow.ledger.FindToWrite(flow.ItemsTarget(), ids, call));
  std::vector<Case> cases;
  cases.reserve(ids.size());
  for (std::size_t i = 0; i < ids.size(); ++i) {
    Case one{.id = ids[i],
             .row = {},
             .item = std::move(items[i]),
             .found = {},
             .history = std::move(histories[i])};
    if (one.item) {
      one.found = DocumentDigest(one.item->view());
    }
    if (sources[i]) {
      std::vector<Document> single;
      single.push_back(*std::move(sources[i]));
      one.row = std::move(MapRows(flow.mapper, std::move(single)).front());
    }
    cases.push_back(std::move(one));
  }
  return cases;
}

/// How many documents are held at once, by the size of those that came. Several threads share one.
class Portion {
 public:
  [[nodiscard]] std::size_t Count() const {
    const std::size_t count = count_;
    return count == 0 ? kFirstCount
                      : std::clamp<std::size_t>(kBatchBytes * count / (bytes_ + 1), 1, kBatchMax);
  }
  void Saw(std::span<const Case> cases) {
    std::size_t bytes = 0;
    for (const Case& one : cases) {
      bytes += one.row ? one.row->source.bytes().size() : 0;
      bytes += one.desired() != nullptr ? one.desired()->document.bytes().size() : 0;
      bytes += one.item ? one.item->bytes().size() : 0;
    }
    bytes_ += bytes;
    count_ += cases.size();
  }

 private:
  std::atomic<std::size_t> bytes_ = 0;
  std::atomic<std::size_t> count_ = 0;
};

/// Brings cases that were loaded to what their sources said then.
class Round {
 public:
  /// `disturbed`: sort keys of the ids whose vectors an earlier round wrote or removed, and whose items
  /// changed meanwhile.
  Round(FlowContext& flow, VectorMode mode, ChangedItems changed,
        const std::set<std::string>& disturbed, const Call& call)
      : flow_(flow), mode_(mode), changed_(changed), disturbed_(disturbed), call_(call) {}

  /// `cases` outlives this.
  Status Run(std::span<const Case> cases) {
    REHOME_TRY(PutAside(cases));
    for (const Case& one : cases) {
      REHOME_TRY(Settle(one));
    }
    REHOME_TRY(RemoveAll());
    REHOME_TRY(RerouteAll());
    REHOME_TRY(WriteAll());
    REHOME_TRY(flow_.quarantine.Add(refused_, call_));
    result.quarantined += refused_.size();
    if (mode_ == VectorMode::kNow) {
      REHOME_TRY(EmbedUnmarked());
    }
    for (const auto& [ns, item_ids] : deleted_there_) {
      REHOME_TRY(RemoveStrays(flow_, ns, item_ids, call_));
    }
    return TakeOutOfQuarantine(cases);
  }

  Reconciled result;
  std::vector<Value> again;        // lost a compare-and-set: judge them anew
  std::set<std::string> disturbs;  // sort keys: those of them whose vectors were touched

 private:
  /// Before their items go: at no moment a document is nowhere.
  Status PutAside(std::span<const Case> cases) {
    std::vector<Quarantined> aside;
    for (const Case& one : cases) {
      if (one.row && one.desired() == nullptr) {
        const auto& why = std::get<Unmappable>(one.row->mapped);
        aside.push_back(
            {{one.id, why.reason, why.detail, one.row->SourceDigest()}, &one.row->source});
      }
    }
    result.quarantined += aside.size();
    return flow_.quarantine.Add(aside, call_);
  }

  /// What is mappable again, or gone; what is judged anew waits for that.
  Status TakeOutOfQuarantine(std::span<const Case> cases) {
    std::set<std::string> staying;
    for (const Value& id : again) {
      staying.insert(SortKey(id.view()));
    }
    for (const Quarantined& one : refused_) {
      staying.insert(SortKey(one.record.source_id.view()));
    }
    for (const Value& id : not_embedded_) {
      staying.insert(SortKey(id.view()));
    }
    std::vector<Value> settled;
    for (const Case& one : cases) {
      const bool unmappable = one.row && one.desired() == nullptr;
      if (!unmappable && !staying.contains(SortKey(one.id.view()))) {
        settled.push_back(one.id);
      }
    }
    return flow_.quarantine.Remove(settled, call_);
  }

  /// Decides one case; what is to be done is collected.
  Status Settle(const Case& one) {
    const Action action = Decide(flow_, one, changed_ == ChangedItems::kSaveAndReplace);
    REHOME_TRY(SaveChanged(one, action));
    switch (action) {
      case Action::kNothing:
        ++result.unchanged;
        // Present and equal, but its vector may be missing: the crash came between item and mark.
        if (IsDisturbed(one) ||
            (one.item && one.desired() != nullptr && !IsMarked(one.item->view()))) {
          unmarked_.push_back(one.id);
        }
        return {};
      case Action::kInsert:
        Queue(one, std::nullopt, Write::Insert(one.desired()->document));
        return {};
      case Action::kReplace:
        Queue(one, one.found, Write::Replace(*one.item, one.desired()->document));
        return {};
      case Action::kReroute:
        moving_.push_back(&one);
        return {};
      case Action::kRemove:
        going_.push_back(&one);
        return {};
      case Action::kSaveStraggler:
        return SaveStraggler(one);
      case Action::kConflict:
        result.conflicts.push_back(one.item_id());
        return {};
    }
    return {};
  }

  /// The application was faster with an item whose vector was touched for what stood there before: it
  /// gets the vector of what it says now, which may be the application's own again.
  [[nodiscard]] bool IsDisturbed(const Case& one) const {
    return one.item && disturbed_.contains(SortKey(one.id.view())) &&
           flow_.run.namespaces.contains(StringField(one.item->view(), "org_id"));
  }

  Status SaveStraggler(const Case& one) {
    REHOME_TRY_ASSIGN(const std::size_t added,
                      flow_.saved.Add("straggler after cutover", flow_.plan.items.to,
                                      {&one.desired()->document, 1}, call_));
    if (added > 0) {  // else a sweep names it again, as it will each time
      result.saved.push_back(one.item_id());
    }
    if (IsDisturbed(one)) {
      unmarked_.push_back(one.id);
    }
    if (!one.item) {
      REHOME_TRY_ASSIGN(const TenantNamespace ns, flow_.NamespaceOf(one.desired()->tenant.org_id));
      deleted_there_[ns].push_back(one.item_id());
    }
    return {};
  }

  /// What somebody else made of our item is kept before it goes.
  Status SaveChanged(const Case& one, Action action) {
    const bool goes =
        action == Action::kReplace || action == Action::kReroute || action == Action::kRemove;
    if (!goes || Judge(one.history, *one.found) == Ownership::kOurs) {
      return {};
    }
    REHOME_TRY(flow_.saved.Add("changed before it was repaired", flow_.plan.items.to,
                               {&*one.item, 1}, call_));
    return {};
  }

  void Queue(const Case& one, std::optional<Md5Digest> before, Write write) {
    entries_.push_back({.id = one.id, .before = before, .after = one.row->item_digest, .text = {}});
    sources_.push_back(&one.row->source);
    writes_.push_back(std::move(write));
  }

  [[nodiscard]] JournaledCollection Items() const {
    return {flow_.ledger, *flow_.stores.target_documents, flow_.ItemsTarget()};
  }

  Result<std::vector<WriteResult>> WriteItems(std::span<const LedgerEntry> entries,
                                              std::span<const Write> writes) {
    return WriteJournaled(Items(), entries, writes, {}, call_);
  }

  Result<std::vector<WriteResult>> DeleteItems(std::span<const Document> items) {
    return DeleteJournaled(Items(), items, {}, call_);
  }

  Status WriteAll() {
    REHOME_TRY_ASSIGN(const auto results, WriteItems(entries_, writes_));
    std::vector<Document> in_the_way;
    for (std::size_t i = 0; i < results.size(); ++i) {
      const WriteResult& outcome = results[i];
      if (outcome.applied()) {
        ++(writes_[i].kind == Write::Kind::kInsert ? result.inserted : result.replaced);
        unmarked_.push_back(entries_[i].id);
      } else if (!outcome.found && !outcome.unique_index.empty()) {
        refused_.push_back(
            {{entries_[i].id, QuarantineReason::kIdConflict,
              fmt::format("another document of {} has the same value under the unique index {}",
                          flow_.plan.items.to, outcome.unique_index),
              DocumentDigest(sources_[i]->view())},
             sources_[i]});
      } else {
        again.push_back(entries_[i].id);
        if (changed_ == ChangedItems::kSaveAndReplace && outcome.found &&
            !outcome.unique_index.empty()) {
          // Two changed items may hold each other's unique keys. They were saved: taken out, they
          // are inserted by the next round.
          in_the_way.push_back(*outcome.found);
        }
      }
    }
    REHOME_TRY(DeleteItems(in_the_way));
    return {};
  }

  Status RemoveTheirVectors(std::span<const Document> items) {
    REHOME_TRY_ASSIGN(auto removed, RemoveVectorsOf(flow_, items, call_));
    std::ranges::move(removed.foreign, std::back_inserter(result.conflicts));
    return {};
  }

  /// The mark goes first: a crash after the vector's end leaves an item that says that it has none,
  /// should its source come back as it was.
  Status RemoveAll() {
    std::vector<Document> unmarked;
    std::vector<Write> resets;
    for (const Case* one : going_) {
      Document item = WithMark(one->item->view(), "");
      if (item == *one->item) {
        unmarked.push_back(std::move(item));
      } else {
        resets.push_back(Write::Replace(*one->item, std::move(item)));
      }
    }
    if (!resets.empty()) {
      REHOME_TRY_ASSIGN(const auto results, flow_.stores.target_documents->Apply(
                                                flow_.plan.items.to, resets, {}, call_));
      for (std::size_t i = 0; i < results.size(); ++i) {
        if (IsMade(resets[i], results[i])) {
          unmarked.push_back(std::move(resets[i].document));
        } else {
          again.emplace_back(resets[i].document.Id());
        }
      }
    }
    // The application reads them by now: a delete on the old side may be a slip.
    if (flow_.run.IsCutOver()) {
      REHOME_TRY(flow_.saved.Add("deleted on the old side after the cutover", flow_.plan.items.to,
                                 unmarked, call_));
    }
    REHOME_TRY(RemoveTheirVectors(unmarked));
    REHOME_TRY_ASSIGN(const auto results, DeleteItems(unmarked));
    for (std::size_t i = 0; i < results.size(); ++i) {
      if (results[i].applied()) {
        ++result.deleted;
      } else {
        again.emplace_back(unmarked[i].Id());
        disturbs.insert(SortKey(unmarked[i].Id()));
      }
    }
    return {};
  }

  /// The vectors in their new namespaces, the items, the vectors out of the old ones. While it
  /// lasts both namespaces have an intent open: a crash in between leaves a vector in two, and
  /// RemoveStrays() finds it by them.
  Status RerouteAll() {
    if (moving_.empty()) {
      return {};
    }
    std::map<TenantNamespace, std::vector<LedgerEntry>> either;
    for (const Case* one : moving_) {
      REHOME_TRY_ASSIGN(const TenantNamespace leaves,
                        flow_.NamespaceOf(StringField(one->item->view(), "org_id")));
      REHOME_TRY_ASSIGN(const TenantNamespace enters,
                        flow_.NamespaceOf(one->desired()->tenant.org_id));
      const LedgerEntry entry{
          .id = Value::String(one->desired()->item_id), .before = {}, .after = {}, .text = {}};
      either[leaves].push_back(entry);
      either[enters].push_back(entry);
    }
    std::vector<Ledger::Intent> intents;
    for (auto& [ns, entries] : either) {
      intents.push_back({.target = VectorsTarget(ns), .entries = std::move(entries)});
    }
    REHOME_TRY_ASSIGN(const auto batch, flow_.ledger.Open(intents, call_));
    REHOME_TRY(MoveAll());
    // What was written stands in records of its own.
    return flow_.ledger.Close(batch, std::vector<bool>(2 * moving_.size(), false), call_);
  }

  Status MoveAll() {
    REHOME_TRY_ASSIGN(const std::vector<Document> desired, EmbedMoving());
    std::vector<LedgerEntry> entries;
    std::vector<Write> writes;
    for (std::size_t i = 0; i < moving_.size(); ++i) {
      const Case& one = *moving_[i];
      entries.push_back(
          {.id = one.id, .before = one.found, .after = one.row->item_digest, .text = {}});
      writes.push_back(Write::Replace(*one.item, desired[i]));
    }
    REHOME_TRY_ASSIGN(const auto results, WriteItems(entries, writes));
    std::vector<Document> moved;
    std::map<TenantNamespace, std::vector<std::string>> not_moved;
    for (std::size_t i = 0; i < results.size(); ++i) {
      const Case& one = *moving_[i];
      if (results[i].applied()) {
        moved.push_back(*one.item);
        continue;
      }
      again.push_back(one.id);
      REHOME_TRY_ASSIGN(const TenantNamespace enters,
                        flow_.NamespaceOf(one.desired()->tenant.org_id));
      not_moved[enters].push_back(one.desired()->item_id);
    }
    result.replaced += moved.size();
    for (const auto& [ns, ids] : not_moved) {
      REHOME_TRY(RemoveStrays(flow_, ns, ids, call_));
    }
    return RemoveTheirVectors(moved);
  }

  /// What the moving items will be, in their order: with vectors, if their time is now, upserted
  /// where they go. A refused one is set aside with the others after the move.
  Result<std::vector<Document>> EmbedMoving() {
    std::vector<Document> desired;
    for (const Case* one : moving_) {
      desired.push_back(one->desired()->document);
    }
    if (mode_ == VectorMode::kLater) {
      return desired;
    }
    REHOME_TRY_ASSIGN(const EmbeddedBatch embedded, EmbedItems(flow_, desired, call_));
    REHOME_TRY(UpsertConfirmed(flow_, embedded.items, call_));
    std::set<std::string> ids;
    for (const EmbeddedItem& item : embedded.items) {
      ids.insert(item.record.id);
    }
    for (std::size_t i = 0; i < moving_.size(); ++i) {
      const std::string& item_id = moving_[i]->desired()->item_id;
      if (ids.contains(item_id)) {
        desired[i] = WithMark(desired[i].view(), item_id);
      } else {
        unmarked_.push_back(moving_[i]->id);
      }
    }
    result.embedded += ids.size();
    return desired;
  }

  Status EmbedUnmarked() {
    if (unmarked_.empty()) {
      return {};
    }
    REHOME_TRY_ASSIGN(auto found, flow_.stores.target_documents->FindByIds(flow_.plan.items.to,
                                                                           unmarked_, call_));
    std::vector<Document> items;
    for (auto& item : found) {
      if (item && (!IsMarked(item->view()) || disturbed_.contains(SortKey(item->Id())))) {
        items.push_back(*std::move(item));
      }
    }
    REHOME_TRY_ASSIGN(const EmbeddedBatch embedded, EmbedItems(flow_, std::move(items), call_));
    REHOME_TRY(
        SetAside(flow_, embedded.refused, QuarantineReason::kEmbedding, embedded.refusal, call_));
    result.quarantined += embedded.refused.size();
    not_embedded_ = embedded.refused;
    REHOME_TRY_ASSIGN(const VectorsWritten written, WriteVectors(flow_, embedded.items, call_));
    result.embedded += written.marked;
    again.insert(again.end(), written.changed.begin(), written.changed.end());
    for (const Value& id : written.changed) {
      disturbs.insert(SortKey(id.view()));
    }
    return {};
  }

  FlowContext& flow_;
  const VectorMode mode_;
  const ChangedItems changed_;
  const std::set<std::string>& disturbed_;
  const Call& call_;
  // What the cases come to; all of them point into Run()'s.
  std::vector<const Case*> going_;
  std::vector<const Case*> moving_;
  std::vector<LedgerEntry> entries_;
  std::vector<const Document*> sources_;
  std::vector<Write> writes_;
  std::vector<Value> unmarked_;
  std::vector<Quarantined> refused_;  // another document holds their unique key
  std::vector<Value> not_embedded_;   // the embedder refuses their texts
  // Items that the application deleted, with their vectors; an attempt that was cut off may have
  // written one after that.
  std::map<TenantNamespace, std::vector<std::string>> deleted_there_;
};

/// Some cases to their end, those that change meanwhile anew; adds what was done to `out`.
Status Settle(FlowContext& flow, std::vector<Case> cases, VectorMode mode, ChangedItems changed,
              const Call& call, Reconciled& out) {
  std::set<std::string> disturbed;
  for (int round = 1;; ++round) {
    if (call.stop.stop_requested()) {
      return Fail(ErrorCode::kCancelled, "stopped on request");
    }
    Round one(flow, mode, changed, disturbed, call);
    REHOME_TRY(one.Run(cases));
    out.Add(one.result);
    disturbed.merge(one.disturbs);
    if (one.again.empty()) {
      return {};
    }
    if (round == kRoundsMax) {
      return Fail(
          ErrorCode::kAborted,
          fmt::format("{} items of {} keep changing while they are written", one.again.size(),
                      flow.plan.items.to),
          "something else writes to the new collection; stop it, then run the same command again");
    }
    REHOME_TRY_ASSIGN(cases, Load(flow, one.again, call));
  }
}

}  // namespace

VectorMode VectorModeOf(const RunRecord& run) {
  const PhaseState vectors = run.At(Phase::kVectors).state;
  return vectors == PhaseState::kDone || vectors == PhaseState::kRunning ? VectorMode::kNow
                                                                         : VectorMode::kLater;
}

void Reconciled::Add(const Reconciled& other) {
  inserted += other.inserted;
  replaced += other.replaced;
  deleted += other.deleted;
  unchanged += other.unchanged;
  quarantined += other.quarantined;
  embedded += other.embedded;
  saved.insert(saved.end(), other.saved.begin(), other.saved.end());
  conflicts.insert(conflicts.end(), other.conflicts.begin(), other.conflicts.end());
}

Status SetAside(FlowContext& flow, std::span<const Value> ids, QuarantineReason reason,
                const std::string& detail, const Call& call) {
  if (ids.empty()) {
    return {};
  }
  REHOME_TRY_ASSIGN(const auto sources,
                    flow.stores.source_documents->FindByIds(flow.plan.items.from, ids, call));
  std::vector<Quarantined> aside;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (sources[i]) {
      aside.push_back({{ids[i], reason, detail, DocumentDigest(sources[i]->view())}, &*sources[i]});
    }
  }
  REHOME_TRY(flow.quarantine.Add(aside, call));
  REHOME_TRY_ASSIGN(const auto items,
                    flow.stores.target_documents->FindByIds(flow.plan.items.to, ids, call));
  REHOME_TRY_ASSIGN(const auto histories, flow.ledger.Find(flow.ItemsTarget(), ids, call));
  std::vector<Document> present;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const bool is_applications =
        items[i] && flow.run.IsCutOver() &&
        Judge(histories[i], DocumentDigest(items[i]->view())) != Ownership::kOurs;
    if (items[i] && !is_applications) {
      present.push_back(*items[i]);
    }
  }
  REHOME_TRY(RemoveVectorsOf(flow, present, call));  // of the text before
  REHOME_TRY(
      RemoveOurs(flow, flow.plan.items.to, present, "changed before it was set aside", call));
  return {};
}

Status RemoveStrays(FlowContext& flow, const TenantNamespace& ns, std::span<const std::string> ids,
                    const Call& call) {
  if (ids.empty()) {
    return {};
  }
  std::vector<Value> values;
  for (const std::string& id : ids) {
    values.push_back(Value::String(id));
  }
  REHOME_TRY_ASSIGN(const auto items, flow.stores.target_documents->FindByField(
                                          flow.plan.items.to, "item_id", values, SIZE_MAX, call));
  std::set<std::string> strays(ids.begin(), ids.end());
  for (const Document& item : items) {
    const auto home = flow.run.namespaces.find(StringField(item.view(), "org_id"));
    if (home == flow.run.namespaces.end() || home->second == ns.name()) {
      strays.erase(StringField(item.view(), "item_id"));
    }
  }
  if (!strays.empty()) {
    REHOME_TRY(RemoveVectors(flow, ns, std::vector(strays.begin(), strays.end()), call));
  }
  return {};
}

Result<Reconciled> Reconcile(FlowContext& flow, std::span<const Value> source_ids, VectorMode mode,
                             const Call& call, ChangedItems changed) {
  struct Part {
    std::size_t number = 0;
    std::vector<Case> cases;
  };
  // Of two, the second would be judged by what stood there before the first.
  const std::vector<Value> each = EachOnce(source_ids);
  std::vector<Reconciled> done((each.size() + kBatchMax - 1) / kBatchMax);
  Portion portion;
  const auto open = [&](std::size_t part) -> Result<Pump<Part>::Source> {
    const auto from_here = std::span(each).subspan(part * kBatchMax);
    return [&, part, rest = from_here.first(std::min(kBatchMax, from_here.size()))]() mutable
               -> Result<std::optional<Part>> {
      if (rest.empty()) {
        return std::nullopt;
      }
      const auto ids = rest.first(std::min(portion.Count(), rest.size()));
      rest = rest.subspan(ids.size());
      REHOME_TRY_ASSIGN(auto cases, Load(flow, ids, call));
      portion.Saw(cases);
      return Part{.number = part, .cases = std::move(cases)};
    };
  };
  // While one part is written the next is read and mapped; or each worker writes what it read, where
  // the store has room for several and no embedder is asked, whose texts go out one after the other.
  const LimitsPlan& limits = flow.plan.limits;
  const bool each_writes = limits.WorkerCount() > 1 && mode == VectorMode::kLater &&
                           flow.stores.target_documents->WritesSideBySide();
  const std::size_t threads = each_writes ? limits.WorkerCount() : limits.ReadsAhead() ? 1 : 0;
  REHOME_TRY(Pump<Part>::Run(done.size(),
                             {.threads = done.size() > 1 ? std::min(threads, done.size()) : 0,
                              .queued_max = 1,
                              .each_consumes = each_writes,
                              .scheduler = flow.scheduler},
                             call.stop, open, [&](Part part) {
                               return Settle(flow, std::move(part.cases), mode, changed, call,
                                             done[part.number]);
                             }));
  Reconciled out;
  for (const Reconciled& part : done) {
    out.Add(part);
  }
  return out;
}

}  // namespace rehome
