#include "flow/item_writer.h"

#include "model/item.h"

namespace rehome {
namespace {

/// Puts the unmappable rows aside; those that are items already (mapped once, not any more) are
/// left to reconcile.
Status QuarantineUnmappable(FlowContext& flow, std::span<const MappedRow> rows, ItemsWritten& out,
                            const Call& call) {
  if (rows.empty()) {
    return {};
  }
  std::vector<Value> ids;
  for (const MappedRow& row : rows) {
    ids.emplace_back(row.source.Id());
  }
  REHOME_TRY_ASSIGN(const auto present,
                    flow.stores.target_documents->FindByIds(flow.plan.items.to, ids, call));
  std::vector<Quarantined> aside;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (present[i]) {
      out.unresolved.push_back(std::move(ids[i]));
      continue;
    }
    const auto& why = std::get<Unmappable>(rows[i].mapped);
    aside.push_back({.record = {.source_id = std::move(ids[i]),
                                .reason = why.reason,
                                .detail = why.detail,
                                .digest = rows[i].SourceDigest()},
                     .source = &rows[i].source});
  }
  out.quarantined += aside.size();
  return flow.quarantine.Add(aside, call);
}

}  // namespace

Md5Digest MappedRow::SourceDigest() const {
  return DocumentDigest(source.view());
}

std::vector<MappedRow> MapRows(const Mapper& mapper, std::vector<Document> sources) {
  std::vector<MappedRow> rows;
  rows.reserve(sources.size());
  for (Document& source : sources) {
    Mapped mapped = mapper.Map(source.view());
    const Item* item = std::get_if<Item>(&mapped);
    const Md5Digest item_digest =
        item == nullptr ? Md5Digest{} : DocumentDigest(item->document.view());
    rows.push_back({std::move(source), std::move(mapped), item_digest});
  }
  return rows;
}

ItemBatch PrepareItems(const Mapper& mapper, std::vector<Document> sources) {
  ItemBatch batch;
  batch.entries.reserve(sources.size());
  batch.writes.reserve(sources.size());
  for (MappedRow& row : MapRows(mapper, std::move(sources))) {
    if (auto* item = std::get_if<Item>(&row.mapped)) {
      batch.entries.push_back(
          {.id = Value(row.source.Id()), .before = {}, .after = row.item_digest, .text = {}});
      batch.writes.push_back(Write::Insert(std::move(item->document)));
    } else {
      batch.unmappable.push_back(std::move(row));
    }
  }
  return batch;
}

Result<ItemsWritten> WriteItems(FlowContext& flow, const ItemBatch& batch, const Call& call) {
  ItemsWritten out;
  REHOME_TRY(QuarantineUnmappable(flow, batch.unmappable, out, call));
  if (batch.writes.empty()) {
    return out;
  }
  REHOME_TRY_ASSIGN(const auto intents, flow.ledger.Open(flow.ItemsTarget(), batch.entries, call));
  REHOME_TRY_ASSIGN(const auto results, flow.stores.target_documents->Apply(
                                            flow.plan.items.to, batch.writes, {}, call));
  std::vector<bool> written(results.size());
  for (std::size_t i = 0; i < results.size(); ++i) {
    const WriteResult& result = results[i];
    const Md5Digest& digest = *batch.entries[i].after;
    const bool equal =
        !result.applied() && result.found && DocumentDigest(result.found->view()) == digest;
    written[i] = result.applied() || equal;
    if (written[i]) {
      ++(equal ? out.present : out.inserted);
      out.written.Add(digest);
    } else {
      out.unresolved.push_back(batch.entries[i].id);
    }
  }
  REHOME_TRY(flow.ledger.Close(intents, written, call));
  return out;
}

}  // namespace rehome
