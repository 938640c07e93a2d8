#include "flow/reconcile.h"

#include <fmt/format.h>

#include <utility>

#include "flow/decision.h"
#include "flow/item_writer.h"
#include "flow/remover.h"
#include "flow/vector_writer.h"
#include "model/fields.h"
#include "model/item.h"

namespace rehome {
namespace {

constexpr std::size_t kBatchMax = 250;
// A document that keeps changing under our hands is tried again this often; then the next event
// carries it.
constexpr int kRoundsMax = 5;

/// One document: what the source says, what stands in the target, and what we know of it.
struct Case {
  Value id;
  std::optional<MappedRow> row;  // absent: the source document is gone
  std::optional<Document> item;  // absent: no item stands there
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

/// Whether the store now says what the write wanted: a repeat after a lost reply meets its own
/// effect.
bool IsMade(const Write& write, const WriteResult& result) {
  return result.applied() ||
         (write.kind == Write::Kind::kDelete ? !result.found : result.found == write.document);
}

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
    situation.found = DocumentDigest(one.item->view());
    const std::string org_id = StringField(one.item->view(), "org_id");
    situation.moves = desired != nullptr && org_id != desired->tenant.org_id &&
                      flow.run.namespaces.contains(org_id);
  }
  return rehome::Decide(situation);
}

class Round {
 public:
  Round(FlowContext& flow, VectorMode mode, ChangedItems changed, const Call& call)
      : flow_(flow), mode_(mode), changed_(changed), call_(call) {}

  Status Run(std::span<const Value> ids) {
    REHOME_TRY_ASSIGN(const std::vector<Case> cases, Load(ids));
    std::vector<Value> settled;  // mappable again, or gone: no longer in quarantine
    for (const Case& one : cases) {
      REHOME_TRY(Settle(one));
      if (!one.row || one.desired() != nullptr) {
        settled.push_back(one.id);
      }
    }
    REHOME_TRY(flow_.quarantine.Remove(settled, call_));
    REHOME_TRY(WriteAll());
    return mode_ == VectorMode::kNow ? EmbedUnmarked() : Status{};
  }

  Reconciled result;
  std::vector<Value> again;  // lost a compare-and-set: judge them anew

 private:
  Result<std::vector<Case>> Load(std::span<const Value> ids) {
    REHOME_TRY_ASSIGN(auto sources,
                      flow_.stores.source_documents->FindByIds(flow_.plan.items.from, ids, call_));
    REHOME_TRY_ASSIGN(auto items,
                      flow_.stores.target_documents->FindByIds(flow_.plan.items.to, ids, call_));
    REHOME_TRY_ASSIGN(auto histories, flow_.ledger.Find(flow_.ItemsTarget(), ids, call_));
    std::vector<Case> cases;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      Case one{
          .id = ids[i], .row = {}, .item = std::move(items[i]), .history = std::move(histories[i])};
      if (sources[i]) {
        std::vector<Document> single;
        single.push_back(*std::move(sources[i]));
        one.row = std::move(MapRows(flow_.mapper, std::move(single)).front());
      }
      cases.push_back(std::move(one));
    }
    return cases;
  }

  /// Decides one case; simple writes are collected, moves that span both stores are made here.
  Status Settle(const Case& one) {
    if (one.row && one.desired() == nullptr) {
      const auto& why = std::get<Unmappable>(one.row->mapped);
      REHOME_TRY(flow_.quarantine.Add({one.id, why.reason, why.detail, one.row->SourceDigest()},
                                      one.row->source, call_));
      ++result.quarantined;
    }
    const Action action = Decide(flow_, one, changed_ == ChangedItems::kSaveAndReplace);
    REHOME_TRY(SaveChanged(one, action));
    switch (action) {
      case Action::kNothing:
        ++result.unchanged;
        // Present and equal, but its vector may be missing: the crash came between item and mark.
        if (one.item && one.desired() != nullptr && !IsMarked(one.item->view())) {
          unmarked_.push_back(one.id);
        }
        return {};
      case Action::kInsert:
        Queue(one, std::nullopt, Write::Insert(one.desired()->document));
        return {};
      case Action::kReplace:
        Queue(one, DocumentDigest(one.item->view()),
              Write::Replace(*one.item, one.desired()->document));
        return {};
      case Action::kReroute:
        return Reroute(one);
      case Action::kRemove:
        return Remove(one);
      case Action::kSaveStraggler:
        REHOME_TRY(flow_.saved.Add("straggler after cutover", flow_.plan.items.to,
                                   one.desired()->document, call_));
        result.saved.push_back(one.item_id());
        return {};
      case Action::kConflict:
        result.conflicts.push_back(one.item_id());
        return {};
    }
    return {};
  }

  /// What somebody else made of our item is kept before it goes.
  Status SaveChanged(const Case& one, Action action) {
    const bool goes =
        action == Action::kReplace || action == Action::kReroute || action == Action::kRemove;
    if (!goes || Judge(one.history, DocumentDigest(one.item->view())) == Ownership::kOurs) {
      return {};
    }
    return flow_.saved.Add("changed before it was repaired", flow_.plan.items.to, *one.item, call_);
  }

  void Queue(const Case& one, std::optional<Md5Digest> before, Write write) {
    entries_.push_back({.id = one.id, .before = before, .after = one.row->item_digest, .text = {}});
    sources_.push_back(one.row->source);
    writes_.push_back(std::move(write));
  }

  Status WriteAll() {
    if (writes_.empty()) {
      return {};
    }
    REHOME_TRY_ASSIGN(const auto batch, flow_.ledger.Open(flow_.ItemsTarget(), entries_, call_));
    REHOME_TRY_ASSIGN(const auto results, flow_.stores.target_documents->Apply(flow_.plan.items.to,
                                                                               writes_, {}, call_));
    std::vector<bool> written(results.size());
    for (std::size_t i = 0; i < results.size(); ++i) {
      written[i] = IsMade(writes_[i], results[i]);
      REHOME_TRY(Note(i, results[i]));
    }
    REHOME_TRY(flow_.ledger.Close(batch, written, call_));
    return ChangedItemsOutOfTheWay();
  }

  /// Two changed items may hold each other's unique keys. They were saved: taken out, they are
  /// inserted by the next round.
  Status ChangedItemsOutOfTheWay() {
    for (Document& item : std::exchange(in_the_way_, {})) {
      const Value id(item.Id());
      const Md5Digest before = DocumentDigest(item.view());
      bool applied = false;
      REHOME_TRY(WriteOne(id, before, std::nullopt, Write::Delete(std::move(item)), applied));
      if (applied) {
        again.push_back(id);
      }
    }
    return {};
  }

  /// Counts one outcome.
  Status Note(std::size_t i, const WriteResult& outcome) {
    if (IsMade(writes_[i], outcome)) {
      ++(writes_[i].kind == Write::Kind::kInsert ? result.inserted : result.replaced);
      unmarked_.push_back(entries_[i].id);
    } else if (!outcome.found && !outcome.unique_index.empty()) {
      REHOME_TRY(flow_.quarantine.Add(
          {entries_[i].id, QuarantineReason::kIdConflict,
           fmt::format("another document of {} has the same value under the unique index {}",
                       flow_.plan.items.to, outcome.unique_index),
           DocumentDigest(sources_[i].view())},
          sources_[i], call_));
      ++result.quarantined;
    } else if (changed_ == ChangedItems::kSaveAndReplace && outcome.found &&
               !outcome.unique_index.empty()) {
      in_the_way_.push_back(*outcome.found);
    } else {
      again.push_back(entries_[i].id);
    }
    return {};
  }

  Status WriteOne(const Value& id, const Md5Digest& before, std::optional<Md5Digest> after,
                  Write write, bool& applied) {
    const LedgerEntry entry{.id = id, .before = before, .after = after, .text = {}};
    REHOME_TRY_ASSIGN(const auto batch, flow_.ledger.Open(flow_.ItemsTarget(), {&entry, 1}, call_));
    REHOME_TRY_ASSIGN(const auto results, flow_.stores.target_documents->Apply(
                                              flow_.plan.items.to, {&write, 1}, {}, call_));
    applied = IsMade(write, results.front());
    if (!applied) {
      again.push_back(id);
    }
    return flow_.ledger.Close(batch, {applied}, call_);
  }

  Status RemoveVector(const Document& item) {
    const std::string org_id = StringField(item.view(), "org_id");
    if (!flow_.run.namespaces.contains(org_id)) {
      return {};  // a changed item of no organization of the run: at home nowhere
    }
    REHOME_TRY_ASSIGN(const TenantNamespace ns, flow_.NamespaceOf(org_id));
    // Not the item's own word: a changed item may name the vector of another.
    const std::string vector_id = ItemId(flow_.plan.items.id, item.Id());
    REHOME_TRY_ASSIGN(const auto removed, RemoveVectors(flow_, ns, {&vector_id, 1}, call_));
    for (const std::string& foreign : removed.foreign) {
      result.conflicts.push_back(foreign);
    }
    return {};
  }

  /// The mark goes first: a crash after the vector's end leaves an item that says that it has none,
  /// should its source come back as it was.
  Status Remove(const Case& one) {
    const Document unmarked = WithMark(one.item->view(), "");
    if (unmarked != *one.item) {
      const Write reset = Write::Replace(*one.item, unmarked);
      REHOME_TRY_ASSIGN(const auto results, flow_.stores.target_documents->Apply(
                                                flow_.plan.items.to, {&reset, 1}, {}, call_));
      if (!results.front().applied() && results.front().found != unmarked) {
        again.push_back(one.id);
        return {};
      }
    }
    REHOME_TRY(RemoveVector(unmarked));
    bool applied = false;
    REHOME_TRY(WriteOne(one.id, DocumentDigest(unmarked.view()), std::nullopt,
                        Write::Delete(unmarked), applied));
    result.deleted += applied ? 1 : 0;
    return {};
  }

  /// The vector in its new namespace, the item, the vector out of the old one. While it lasts both
  /// namespaces have an intent open: a crash in between leaves the vector in two, and
  /// RemoveStrays() finds it by them.
  Status Reroute(const Case& one) {
    REHOME_TRY_ASSIGN(const TenantNamespace leaves,
                      flow_.NamespaceOf(StringField(one.item->view(), "org_id")));
    REHOME_TRY_ASSIGN(const TenantNamespace enters,
                      flow_.NamespaceOf(one.desired()->tenant.org_id));
    const LedgerEntry either{
        .id = Value::String(one.desired()->item_id), .before = {}, .after = {}, .text = {}};
    REHOME_TRY_ASSIGN(const auto leaving,
                      flow_.ledger.Open(VectorsTarget(leaves), {&either, 1}, call_));
    REHOME_TRY_ASSIGN(const auto entering,
                      flow_.ledger.Open(VectorsTarget(enters), {&either, 1}, call_));
    REHOME_TRY(Move(one, enters));
    REHOME_TRY(flow_.ledger.Close(entering, {false},
                                  call_));  // what was written stands in records of its own
    return flow_.ledger.Close(leaving, {false}, call_);
  }

  Status Move(const Case& one, const TenantNamespace& enters) {
    Document desired = one.desired()->document;
    if (mode_ == VectorMode::kNow) {
      REHOME_TRY_ASSIGN(const EmbeddedBatch embedded, EmbedItems(flow_, {desired}, call_));
      if (embedded.items.empty()) {
        unmarked_.push_back(one.id);  // refused: set aside with the others after the move
      } else {
        const EmbeddedItem* item = &embedded.items.front();
        REHOME_TRY(UpsertConfirmed(flow_, enters, {&item, 1}, call_));
        desired = WithMark(desired.view(), item->record.id);
        ++result.embedded;
      }
    }
    bool applied = false;
    REHOME_TRY(WriteOne(one.id, DocumentDigest(one.item->view()), one.row->item_digest,
                        Write::Replace(*one.item, desired), applied));
    result.replaced += applied ? 1 : 0;
    return applied ? RemoveVector(*one.item) : Status{};
  }

  Status EmbedUnmarked() {
    if (unmarked_.empty()) {
      return {};
    }
    REHOME_TRY_ASSIGN(auto found, flow_.stores.target_documents->FindByIds(flow_.plan.items.to,
                                                                           unmarked_, call_));
    std::vector<Document> items;
    for (auto& item : found) {
      if (item && !IsMarked(item->view())) {
        items.push_back(*std::move(item));
      }
    }
    REHOME_TRY_ASSIGN(const EmbeddedBatch embedded, EmbedItems(flow_, std::move(items), call_));
    REHOME_TRY(
        SetAside(flow_, embedded.refused, QuarantineReason::kEmbedding, embedded.refusal, call_));
    result.quarantined += embedded.refused.size();
    REHOME_TRY_ASSIGN(const VectorsWritten written, WriteVectors(flow_, embedded.items, call_));
    result.embedded += written.marked;
    again.insert(again.end(), written.changed.begin(), written.changed.end());
    return {};
  }

  FlowContext& flow_;
  const VectorMode mode_;
  const ChangedItems changed_;
  const Call& call_;
  std::vector<LedgerEntry> entries_;
  std::vector<Document> sources_;
  std::vector<Write> writes_;
  std::vector<Value> unmarked_;
  std::vector<Document> in_the_way_;
};

}  // namespace

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
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (sources[i]) {
      REHOME_TRY(flow.quarantine.Add({ids[i], reason, detail, DocumentDigest(sources[i]->view())},
                                     *sources[i], call));
    }
  }
  REHOME_TRY_ASSIGN(const auto items,
                    flow.stores.target_documents->FindByIds(flow.plan.items.to, ids, call));
  std::vector<Document> present;
  for (const auto& item : items) {
    if (item) {
      present.push_back(*item);
    }
  }
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
  std::vector<std::string> strays;
  for (const Document& item : items) {
    const auto home = flow.run.namespaces.find(StringField(item.view(), "org_id"));
    if (home != flow.run.namespaces.end() && home->second != ns.name()) {
      strays.push_back(StringField(item.view(), "item_id"));
    }
  }
  if (!strays.empty()) {
    REHOME_TRY(RemoveVectors(flow, ns, strays, call));
  }
  return {};
}

Result<Reconciled> Reconcile(FlowContext& flow, std::span<const Value> source_ids, VectorMode mode,
                             const Call& call, ChangedItems changed) {
  Reconciled out;
  for (std::size_t start = 0; start < source_ids.size(); start += kBatchMax) {
    const auto part = source_ids.subspan(start, std::min(kBatchMax, source_ids.size() - start));
    std::vector<Value> ids(part.begin(), part.end());
    for (int round = 0; round < kRoundsMax && !ids.empty(); ++round) {
      if (call.stop.stop_requested()) {
        return Fail(ErrorCode::kCancelled, "stopped on request");
      }
      Round one(flow, mode, changed, call);
      REHOME_TRY(one.Run(ids));
      out.Add(one.result);
      ids = std::move(one.again);
    }
    if (!ids.empty()) {
      return Fail(
          ErrorCode::kAborted,
          fmt::format("{} items of {} keep changing while they are written", ids.size(),
                      flow.plan.items.to),
          "something else writes to the new collection; stop it, then run the same command again");
    }
  }
  return out;
}

}  // namespace rehome
