#include "phases/feeds.h"

#include <fmt/format.h>

#include "flow/item_writer.h"
#include "journal/names.h"
#include "model/fields.h"
#include "model/item.h"

namespace rehome {
namespace {

constexpr std::string_view kForward = "forward";
// The saved position where the store has no feed.
constexpr std::string_view kNoFeed = "none";
constexpr std::size_t kEventsMax = 1000;
// Reads of one call: a writer that never stops is carried in slices, so that a stop and a status come between.
constexpr int kReadsMax = 100;
constexpr std::size_t kBatchCount = 1000;
constexpr std::size_t kBatchBytes = std::size_t{4} << 20U;

std::vector<std::string> WatchedCollections(const Plan& plan) {
  std::vector<std::string> out{plan.items.from};
  for (const StampPlan& stamp : plan.stamps) {
    out.push_back(stamp.collection);
  }
  return out;
}

Document DirtyMark(const RunRecord& run, const ChangeEvent& event) {
  const Document key = DocumentBuilder().String("run", run.run_id).Append("id", event.id).Finish();
  return DocumentBuilder()
      .Append("_id", key)
      .String("run", run.run_id)
      .Append("id", event.id)
      .String("position", event.position.token)
      .Finish();
}

Result<std::vector<Document>> DirtyMarks(Session& session) {
  const Value run = Value::String(session.run().run_id);
  return session.target().FindByField(journal::kDirty, "run", {&run, 1}, kEventsMax, session.call());
}

/// Applies every mark there is, in slices.
Status ApplyDirty(Session& session, VectorMode mode, Drained& out) {
  while (true) {
    REHOME_TRY_ASSIGN(const auto marks, DirtyMarks(session));
    if (marks.empty()) {
      return {};
    }
    std::vector<Value> ids;
    std::vector<Write> removals;
    for (const Document& mark : marks) {
      ids.emplace_back(*mark.Find("id"));
      removals.push_back(Write::Delete(mark));
    }
    REHOME_TRY_ASSIGN(const Reconciled reconciled, Reconcile(session.flow(), ids, mode, session.call()));
    out.reconciled.Add(reconciled);
    out.ids.insert(out.ids.end(), ids.begin(), ids.end());
    // Compare-and-set: a mark that a later event moved stays, and its document is read once more.
    REHOME_TRY(session.target().Apply(journal::kDirty, removals, {}, session.call()));
  }
}

Status SavePosition(Session& session, std::string token) {
  session.run().positions.insert_or_assign(std::string(kForward), std::move(token));
  return session.Save();
}

/// Events of the items' collection become durable marks.
Status Mark(Session& session, const std::vector<ChangeEvent>& events) {
  std::vector<Write> marks;
  for (const ChangeEvent& event : events) {
    if (event.collection == session.plan().items.from) {
      marks.push_back(Write::Put(DirtyMark(session.run(), event)));
    }
  }
  if (!marks.empty()) {
    REHOME_TRY(session.target().Apply(journal::kDirty, marks, {}, session.call()));
  }
  return {};
}

/// Ids of the batch whose item is not what the mapping of the source gives now.
Result<std::vector<Value>> Differing(Session& session, std::vector<Document> sources) {
  const auto rows = MapRows(session.mapper(), std::move(sources));
  std::vector<Value> ids;
  for (const MappedRow& row : rows) {
    ids.emplace_back(row.source.Id());
  }
  REHOME_TRY_ASSIGN(const auto items, session.target().FindByIds(session.plan().items.to, ids, session.call()));
  std::vector<Value> out;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const bool mapped = std::holds_alternative<Item>(rows[i].mapped);
    bool equal = false;
    if (mapped) {
      equal = items[i] && DocumentDigest(items[i]->view()) == rows[i].item_digest;
    } else {
      REHOME_TRY_ASSIGN(const auto record, session.quarantine().Find(ids[i], session.call()));
      equal = !items[i] && record && record->digest == rows[i].source_digest;
    }
    if (!equal) {
      out.push_back(ids[i]);
    }
  }
  return out;
}

/// Ids of the batch of items whose source is gone.
Result<std::vector<Value>> Orphaned(Session& session, const std::vector<Document>& items) {
  std::vector<Value> ids;
  for (const Document& item : items) {
    ids.emplace_back(item.Id());
  }
  REHOME_TRY_ASSIGN(const auto sources, session.source().FindByIds(session.plan().items.from, ids, session.call()));
  REHOME_TRY_ASSIGN(const auto histories, session.ledger().Find(session.flow().ItemsTarget(), ids, session.call()));
  std::vector<Value> out;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (!sources[i] && histories[i].LastDone() != nullptr) {
      out.push_back(ids[i]);
    }
  }
  return out;
}

/// Reads a collection in batches and reconciles the ids that `find` picks out of each.
template <class Find>
Status Sweep(Session& session, DocumentStore& store, const std::string& collection, VectorMode mode, Drained& out, const Find& find) {
  REHOME_TRY_ASSIGN(auto cursor, store.Scan(collection, {}, session.call()));
  while (true) {
    REHOME_TRY_ASSIGN(auto documents, cursor->Next(kBatchCount, kBatchBytes));
    if (documents.empty()) {
      return {};
    }
    REHOME_TRY_ASSIGN(const std::vector<Value> ids, find(std::move(documents)));
    REHOME_TRY_ASSIGN(const Reconciled reconciled, Reconcile(session.flow(), ids, mode, session.call()));
    out.reconciled.Add(reconciled);
    out.ids.insert(out.ids.end(), ids.begin(), ids.end());
  }
}

Status SweepBothSides(Session& session, VectorMode mode, Drained& out) {
  REHOME_TRY(Sweep(session, session.source(), session.plan().items.from, mode, out,
                   [&](std::vector<Document> sources) { return Differing(session, std::move(sources)); }));
  return Sweep(session, session.target(), session.plan().items.to, mode, out,
               [&](const std::vector<Document>& items) { return Orphaned(session, items); });
}

/// Takes the source's head as the position to read from; "none" where there is no feed.
Status TakePosition(Session& session) {
  auto feed = session.source().OpenFeed(WatchedCollections(session.plan()), session.call());
  if (!feed) {
    if (feed.error().code != ErrorCode::kFailedPrecondition) {
      return std::unexpected(std::move(feed).error());
    }
    return SavePosition(session, std::string(kNoFeed));
  }
  REHOME_TRY_ASSIGN(const ChangePosition head, (*feed)->Head(session.call()));
  return SavePosition(session, head.token);
}

}  // namespace

Status TakeForwardPosition(Session& session) {
  REHOME_TRY(session.target().EnsureIndex(journal::kDirty, {.name = "run", .paths = {"run"}, .unique = false}, session.call()));
  return session.run().positions.contains(kForward) ? Status{} : TakePosition(session);
}

Status ForgetForward(Session& session) {
  while (true) {
    REHOME_TRY_ASSIGN(const auto marks, DirtyMarks(session));
    if (marks.empty()) {
      break;
    }
    std::vector<Write> removals;
    for (const Document& mark : marks) {
      removals.push_back(Write::Delete(mark));
    }
    REHOME_TRY(session.target().Apply(journal::kDirty, removals, {}, session.call()));
  }
  session.run().positions.erase(std::string(kForward));
  return session.Save();
}

Result<Drained> DrainForward(Session& session, VectorMode mode, Millis wait) {
  Drained out;
  const auto saved = session.run().positions.find(kForward);
  if (saved == session.run().positions.end()) {
    return Fail(ErrorCode::kFailedPrecondition, "the run has no feed position yet", "run phase 2 first: `rehome run --phase 2`");
  }
  REHOME_TRY(ApplyDirty(session, mode, out));
  if (saved->second == kNoFeed) {
    REHOME_TRY(SweepBothSides(session, mode, out));
    return out;
  }
  REHOME_TRY_ASSIGN(const auto feed, session.source().OpenFeed(WatchedCollections(session.plan()), session.call()));
  for (int reads = 0; reads < kReadsMax; ++reads) {
    const ChangePosition position{saved->second};
    REHOME_TRY_ASSIGN(const ChangeBatch batch, feed->Read(position, kEventsMax, reads == 0 ? wait : Millis{0}, session.call()));
    REHOME_TRY(Mark(session, batch.events));
    if (batch.position != position) {
      REHOME_TRY(SavePosition(session, batch.position.token));
    }
    REHOME_TRY(ApplyDirty(session, mode, out));
    REHOME_TRY(feed->Release(batch.position, session.call()));
    if (batch.events.size() < kEventsMax) {
      return out;
    }
  }
  out.caught_up = false;
  return out;
}

Result<Drained> SweepForward(Session& session, VectorMode mode) {
  Drained out;
  REHOME_TRY(TakePosition(session));
  REHOME_TRY(ApplyDirty(session, mode, out));
  REHOME_TRY(SweepBothSides(session, mode, out));
  return out;
}

}  // namespace rehome
