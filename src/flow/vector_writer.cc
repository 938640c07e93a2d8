#include "flow/vector_writer.h"

#include "flow/text_fit.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <utility>

#include "model/fields.h"
#include "model/item.h"
#include "ports/parallel.h"

namespace rehome {
namespace {

// Attempts of a confirmation, each after a pause that grows to a second: about five minutes, which is
// what Pinecone's own clients wait for in their tests.
constexpr int kConfirmAttemptsMax = 310;
// Then what was written is looked for itself: an index that was emptied may count anew.
constexpr int kTrustLsnAttempts = 30;

LedgerTarget TargetOf(const TenantNamespace& ns) {
  return {LedgerTarget::Store::kVectors, ns.name()};
}

std::vector<Value> AsValues(std::span<const std::string> ids) {
  std::vector<Value> out;
  out.reserve(ids.size());
  for (const std::string& id : ids) {
    out.push_back(Value::String(id));
  }
  return out;
}

std::map<std::string, VectorRecord> ById(std::vector<VectorRecord> records) {
  std::map<std::string, VectorRecord> out;
  for (VectorRecord& record : records) {
    std::string id = record.id;
    out.emplace(std::move(id), std::move(record));
  }
  return out;
}

/// Waits until reads of `ns` show the write with `lsn`; without an LSN, until `check` says so. The
/// runner's pauses are between the looks.
template <class Check>
Status Confirm(const FlowContext& flow, VectorStore& store, std::string_view ns,
               const std::optional<Lsn>& lsn, const Call& call, const Check& check) {
  for (int attempt = 1; attempt <= kConfirmAttemptsMax; ++attempt) {
    std::optional<Lsn> indexed;
    if (lsn && attempt < kTrustLsnAttempts) {
      REHOME_TRY_ASSIGN(indexed, store.IndexedLsn(ns, call));
    }
    bool confirmed = indexed && *indexed >= *lsn;
    if (!indexed) {
      REHOME_TRY_ASSIGN(confirmed, check());
    }
    if (confirmed) {
      return {};
    }
    REHOME_TRY(call.may_repeat ? call.may_repeat() : Status{});
    if (!flow.pause(attempt)) {
      return Fail(ErrorCode::kCancelled,
                  fmt::format("stopped while waiting for a write to namespace {}", ns));
    }
  }
  return Fail(
      ErrorCode::kDeadlineExceeded,
      fmt::format("a write to namespace {} did not become visible", ns),
      "the vector store is slow to index; run the same command again, it goes on from here");
}

/// Embeds texts, and finds those that the embedder refuses.
class BatchEmbedding {
 public:
  BatchEmbedding(const FlowContext& flow, EmbeddedBatch& batch, const Call& call)
      : flow_(flow), batch_(batch), call_(call) {}

  /// The vectors of those that are refused, or get none that is usable, stay empty.
  Status Embed(std::span<const std::string> texts, std::span<std::vector<float>> vectors) {
    auto embedded = Ask(*flow_.stores.embedder, texts);
    if (embedded) {
      std::ranges::move(*embedded, vectors.begin());
      return {};
    }
    const Error& refusal = embedded.error();
    if (!IsRefusal(refusal)) {
      return std::unexpected(refusal);
    }
    REHOME_TRY(ProveThatItEmbeds());
    if (texts.size() == 1) {
      batch_.refusal = refusal.message;
      return {};
    }
    const std::size_t half = texts.size() / 2;
    REHOME_TRY(Embed(texts.first(half), vectors.first(half)));
    return Embed(texts.subspan(half), vectors.subspan(half));
  }

 private:
  static bool IsRefusal(const Error& error) {
    return error.code == ErrorCode::kInvalidArgument || error.code == ErrorCode::kDataLoss;
  }

  Result<std::vector<std::vector<float>>> Ask(Embedder& embedder,
                                              std::span<const std::string> texts) {
    REHOME_TRY_ASSIGN(Embeddings embeddings, embedder.Embed(texts, TextRole::kPassage, call_));
    CHECK(embeddings.vectors.size() == texts.size());
    batch_.tokens += embeddings.tokens;
    return std::move(embeddings.vectors);
  }

  /// Once a batch: an embedder that refuses a plain text as well refuses everything, so it is not
  /// the texts that are wrong, and none is set aside for it. Asked without the cache, which would
  /// answer for the service.
  Status ProveThatItEmbeds() {
    if (std::exchange(proved_, true)) {
      return {};
    }
    static const std::string kPlain = "A plain sentence.";
    const Stores& stores = flow_.stores;
    Embedder& embedder = stores.fresh_embedder ? *stores.fresh_embedder : *stores.embedder;
    const auto asked = Ask(embedder, std::span(&kPlain, 1));
    if (asked || !IsRefusal(asked.error())) {
      return asked ? Status{} : std::unexpected(asked.error());
    }
    return Fail(ErrorCode::kFailedPrecondition,
                fmt::format("{} {} embeds no text at all, not even \"{}\": {}", embedder.Provider(),
                            embedder.Model(), kPlain, asked.error().message),
                "no item was set aside for it; correct index.embedder (url, model, dimensions) or "
                "mend the service, then run the same command again, it goes on from here");
  }

  const FlowContext& flow_;
  EmbeddedBatch& batch_;
  const Call& call_;
  bool proved_ = false;
};

/// Refuses what stands under the ids and is foreign; what was changed is saved before it is written
/// over.
Status GuardPresent(FlowContext& flow, const TenantNamespace& ns, std::span<const std::string> ids,
                    const std::map<std::string, VectorRecord>& present,
                    std::span<const OwnedHistory> histories, const Call& call) {
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const auto found = present.find(ids[i]);
    const Ownership ownership = found == present.end()
                                    ? Ownership::kOurs
                                    : Judge(histories[i], VectorDigest(found->second));
    if (ownership == Ownership::kChanged) {
      REHOME_TRY(flow.saved.Add("changed before it was embedded again", ns.name(),
                                {&found->second, 1}, call));
    }
    if (ownership == Ownership::kForeign) {
      return Fail(
          ErrorCode::kFailedPrecondition,
          fmt::format("vector {} in namespace {} was not written by this run", ids[i], ns.name()),
          fmt::format(
              "look at it with `rehome explain {}`; remove it, or give the plan another namespace",
              ids[i]));
    }
  }
  return {};
}

/// What of a batch goes into one namespace.
struct Share {
  TenantNamespace ns;
  std::vector<const EmbeddedItem*> items{};
  std::vector<std::string> ids{};
  std::vector<VectorRecord> records{};
  std::map<std::string, VectorRecord> present{};  // what stands under the ids
  std::vector<OwnedHistory> histories{};
  std::optional<Lsn> lsn{};  // of the upsert
};

Result<std::vector<Share>> Divide(const FlowContext& flow, std::span<const EmbeddedItem> items) {
  std::map<TenantNamespace, Share> by_namespace;
  for (const EmbeddedItem& item : items) {
    REHOME_TRY_ASSIGN(const TenantNamespace ns,
                      flow.NamespaceOf(StringField(item.item.view(), "org_id")));
    Share& share = by_namespace.try_emplace(ns, Share{.ns = ns}).first->second;
    share.items.push_back(&item);
    share.ids.push_back(item.record.id);
    share.records.push_back(item.record);
  }
  std::vector<Share> shares;
  for (auto& [ns, share] : by_namespace) {
    shares.push_back(std::move(share));
  }
  return shares;
}

/// Does `work` for each, as many at once as the runner says.
Status ForEach(const FlowContext& flow, std::span<Share> shares, const Call& call,
               const std::function<Status(Share&, const Call&)>& work) {
  std::size_t next = 0;
  return InParallel<Share*>(
      flow.namespaces_at_once, call,
      [&]() -> Result<std::optional<Share*>> {
        return next == shares.size() ? std::nullopt : std::optional(&shares[next++]);
      },
      [&](Share* share, const Call& inner) { return work(*share, inner); });
}

Status LookAt(FlowContext& flow, Share& share, const Call& call) {
  REHOME_TRY_ASSIGN(auto fetched,
                    flow.stores.target_vectors->Fetch(share.ns.name(), share.ids, call));
  share.present = ById(std::move(fetched));
  REHOME_TRY_ASSIGN(share.histories,
                    flow.ledger.FindToWrite(TargetOf(share.ns), AsValues(share.ids), call));
  return {};
}

Ledger::Intent IntentOf(const Share& share) {
  Ledger::Intent intent{.target = TargetOf(share.ns), .entries = {}};
  for (std::size_t i = 0; i < share.items.size(); ++i) {
    const auto found = share.present.find(share.ids[i]);
    intent.entries.push_back({.id = Value::String(share.ids[i]),
                              .before = found == share.present.end()
                                            ? std::nullopt
                                            : std::optional(VectorDigest(found->second)),
                              .after = VectorDigest(share.records[i]),
                              .text = share.items[i]->text});
  }
  return intent;
}

Status ConfirmUpsert(const FlowContext& flow, const Share& share, const Call& call) {
  VectorStore& store = *flow.stores.target_vectors;
  return Confirm(flow, store, share.ns.name(), share.lsn, call, [&]() -> Result<bool> {
    REHOME_TRY_ASSIGN(auto now, store.Fetch(share.ns.name(), share.ids, call));
    const auto visible = ById(std::move(now));
    return std::ranges::all_of(share.records, [&](const VectorRecord& record) {
      const auto found = visible.find(record.id);
      return found != visible.end() && VectorDigest(found->second) == VectorDigest(record);
    });
  });
}

/// Whether a runner died behind an upsert, which the store has and may not show yet.
bool MayShowYet(const OwnedHistory& history) {
  return std::ranges::any_of(
      history.steps, [](const OwnedHistory::Step& step) { return step.open && step.after; });
}

}  // namespace

Result<EmbeddedBatch> EmbedItems(const FlowContext& flow, std::vector<Document> items,
                                 const Call& call) {
  EmbeddedBatch out;
  std::vector<Document> fitting;
  std::vector<Md5Digest> digests;  // of the whole texts
  std::vector<std::string> texts;  // as they are embedded
  for (Document& item : items) {
    std::string whole = flow.mapper.Text(item.view());
    const Md5Digest digest = Md5(whole);
    FittedText fitted =
        FitText(*flow.stores.embedder, flow.plan.index.embedder.too_long, std::move(whole));
    if (!fitted.refusal.empty()) {
      out.refused.emplace_back(item.Id());
      out.refusal = std::move(fitted.refusal);
      continue;
    }
    if (fitted.cut) {
      out.cut.emplace_back(item.Id());
    }
    fitting.push_back(std::move(item));
    digests.push_back(digest);
    texts.push_back(std::move(fitted.text));
  }
  std::vector<std::vector<float>> vectors(fitting.size());
  if (!fitting.empty()) {
    REHOME_TRY(BatchEmbedding(flow, out, call).Embed(texts, vectors));
  }
  for (std::size_t i = 0; i < fitting.size(); ++i) {
    Document& item = fitting[i];
    if (vectors[i].empty()) {
      out.refused.emplace_back(item.Id());
      continue;
    }
    VectorRecord record{.id = StringField(item.view(), "item_id"),
                        .values = std::move(vectors[i]),
                        .sparse = {},
                        .metadata = {}};
    record.metadata = flow.mapper.VectorMetadata(item.view(), flow.contract_hash, record.values);
    out.items.push_back({std::move(item), std::move(record), digests[i]});
  }
  return out;
}

// The journal is written once for all namespaces, and what each waits for passes for all of them.
Status UpsertConfirmed(FlowContext& flow, std::span<const EmbeddedItem> items, const Call& call) {
  REHOME_TRY_ASSIGN(std::vector<Share> shares, Divide(flow, items));
  REHOME_TRY(ForEach(flow, shares, call,
                     [&](Share& share, const Call& inner) { return LookAt(flow, share, inner); }));
  std::vector<Ledger::Intent> intents;
  for (const Share& share : shares) {
    REHOME_TRY(GuardPresent(flow, share.ns, share.ids, share.present, share.histories, call));
    intents.push_back(IntentOf(share));
  }
  REHOME_TRY_ASSIGN(const auto batch, flow.ledger.Open(intents, call));
  REHOME_TRY(ForEach(flow, shares, call, [&](Share& share, const Call& inner) -> Status {
    REHOME_TRY_ASSIGN(share.lsn,
                      flow.stores.target_vectors->Upsert(share.ns.name(), share.records, inner));
    return {};
  }));
  REHOME_TRY(ForEach(flow, shares, call, [&](const Share& share, const Call& inner) {
    return ConfirmUpsert(flow, share, inner);
  }));
  return flow.ledger.Close(batch, std::vector<bool>(items.size(), true), call);
}

Result<VectorsWritten> WriteVectors(FlowContext& flow, std::span<const EmbeddedItem> items,
                                    const Call& call) {
  REHOME_TRY(UpsertConfirmed(flow, items, call));
  VectorsWritten out{.upserted = items.size(), .marked = 0, .changed = {}};
  std::vector<Write> marks;
  for (const EmbeddedItem& item : items) {
    marks.push_back(Write::Replace(item.item, WithMark(item.item.view(), item.record.id)));
  }
  REHOME_TRY_ASSIGN(const auto results,
                    flow.stores.target_documents->Apply(flow.plan.items.to, marks, {}, call));
  std::map<TenantNamespace, std::vector<std::string>> gone;
  for (std::size_t i = 0; i < results.size(); ++i) {
    // Marked by an attempt whose reply was lost: as good.
    if (IsMade(marks[i], results[i])) {
      ++out.marked;
      continue;
    }
    out.changed.emplace_back(items[i].item.Id());
    if (!results[i].found) {
      REHOME_TRY_ASSIGN(const TenantNamespace ns,
                        flow.NamespaceOf(StringField(items[i].item.view(), "org_id")));
      gone[ns].push_back(items[i].record.id);
    }
  }
  // The application deleted them, and their vectors, before these were written.
  for (const auto& [ns, ids] : gone) {
    REHOME_TRY(RemoveVectors(flow, ns, ids, call));
  }
  return out;
}

std::map<std::string, Md5Digest> DigestsById(std::span<const VectorRecord> records) {
  std::map<std::string, Md5Digest> out;
  for (const VectorRecord& record : records) {
    out.emplace(record.id, VectorDigest(record));
  }
  return out;
}

Status ConfirmDeleted(const FlowContext& flow, VectorStore& store, std::string_view ns,
                      std::span<const std::string> ids, const std::optional<Lsn>& lsn,
                      const Call& call) {
  return Confirm(flow, store, ns, lsn, call, [&]() -> Result<bool> {
    REHOME_TRY_ASSIGN(const auto left, store.Fetch(ns, ids, call));
    return left.empty();
  });
}

Result<VectorsRemoved> RemoveVectors(FlowContext& flow, const TenantNamespace& ns,
                                     std::span<const std::string> ids, const Call& call) {
  VectorsRemoved out;
  VectorStore& store = *flow.stores.target_vectors;
  REHOME_TRY_ASSIGN(auto fetched, store.Fetch(ns.name(), ids, call));
  const std::map<std::string, VectorRecord> present = ById(std::move(fetched));
  REHOME_TRY_ASSIGN(const auto histories,
                    flow.ledger.FindToWrite(TargetOf(ns), AsValues(ids), call));
  std::vector<std::string> doomed;
  std::vector<LedgerEntry> entries;
  std::size_t removed = 0;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    LedgerEntry entry{.id = Value::String(ids[i]), .before = {}, .after = {}, .text = {}};
    const auto found = present.find(ids[i]);
    if (found == present.end()) {
      if (MayShowYet(histories[i])) {
        doomed.push_back(ids[i]);  // the delete stands behind the upsert, whichever shows first
        entries.push_back(std::move(entry));
      }
      continue;
    }
    entry.before = VectorDigest(found->second);
    switch (Judge(histories[i], *entry.before)) {
      case Ownership::kForeign:
        out.foreign.push_back(ids[i]);
        continue;
      case Ownership::kChanged:
        REHOME_TRY(
            flow.saved.Add("changed before it was removed", ns.name(), {&found->second, 1}, call));
        ++out.saved;
        break;
      case Ownership::kOurs:
        break;
    }
    doomed.push_back(ids[i]);
    entries.push_back(std::move(entry));
    ++removed;
  }
  if (doomed.empty()) {
    return out;
  }
  REHOME_TRY_ASSIGN(const auto batch, flow.ledger.Open(TargetOf(ns), entries, call));
  REHOME_TRY_ASSIGN(const auto lsn, store.Delete(ns.name(), doomed, call));
  REHOME_TRY(ConfirmDeleted(flow, store, ns.name(), doomed, lsn, call));
  REHOME_TRY(flow.ledger.Close(batch, std::vector<bool>(entries.size(), true), call));
  out.removed = removed;
  return out;
}

Result<VectorsRemoved> RemoveVectorsOf(FlowContext& flow, std::span<const Document> items,
                                       const Call& call) {
  std::map<TenantNamespace, std::vector<std::string>> ids;
  for (const Document& item : items) {
    const std::string org_id = StringField(item.view(), "org_id");
    if (!flow.run.namespaces.contains(org_id)) {
      continue;  // of no organization of the run: at home nowhere
    }
    REHOME_TRY_ASSIGN(const TenantNamespace ns, flow.NamespaceOf(org_id));
    // Not the item's own word: a changed item may name the vector of another.
    ids[ns].push_back(ItemId(flow.plan.items.id, item.Id()));
  }
  VectorsRemoved out;
  for (const auto& [ns, some] : ids) {
    REHOME_TRY_ASSIGN(auto removed, RemoveVectors(flow, ns, some, call));
    out.removed += removed.removed;
    out.saved += removed.saved;
    std::ranges::move(removed.foreign, std::back_inserter(out.foreign));
  }
  return out;
}

}  // namespace rehome
