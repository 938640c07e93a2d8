#include "flow/item_writer.h"

#include <fmt/format.h>

#include "model/item.h"

namespace rehome {
namespace {

Quarantined Aside(const MappedRow& row, QuarantineReason reason, std::string detail) {
  return {.record = {.source_id = Value(row.source.Id()),
                     .reason = reason,
                     .detail = std::move(detail),
                     .digest = row.SourceDigest()},
          .source = &row.source};
}

/// Puts the unmappable rows aside; those that are items already (mapped once, not any more) are
/// left to reconcile.
Status QuarantineUnmappable(FlowContext& flow, std::span<const MappedRow> rows, ItemsWritten& out,
                            const Call& call) {
  std::vector<const MappedRow*> unmappable;
  std::vector<Value> ids;
  for (const MappedRow& row : rows) {
    if (std::holds_alternative<Unmappable>(row.mapped)) {
      unmappable.push_back(&row);
      ids.emplace_back(row.source.Id());
    }
  }
  if (ids.empty()) {
    return {};
  }
  REHOME_TRY_ASSIGN(const auto present,
                    flow.stores.target_documents->FindByIds(flow.plan.items.to, ids, call));
  std::vector<Quarantined> aside;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (present[i]) {
      out.unresolved.push_back(ids[i]);
      continue;
    }
    const auto& why = std::get<Unmappable>(unmappable[i]->mapped);
    aside.push_back(Aside(*unmappable[i], why.reason, why.detail));
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

Result<ItemsWritten> WriteItems(FlowContext& flow, std::span<MappedRow> rows, const Call& call) {
  ItemsWritten out;
  std::vector<const MappedRow*> mapped;
  std::vector<LedgerEntry> entries;
  std::vector<Write> writes;
  mapped.reserve(rows.size());
  entries.reserve(rows.size());
  writes.reserve(rows.size());
  for (MappedRow& row : rows) {
    if (Item* item = std::get_if<Item>(&row.mapped)) {
      mapped.push_back(&row);
      entries.push_back(
          {.id = Value(row.source.Id()), .before = {}, .after = row.item_digest, .text = {}});
      writes.push_back(Write::Insert(std::move(item->document)));
    }
  }
  REHOME_TRY(QuarantineUnmappable(flow, rows, out, call));
  if (writes.empty()) {
    return out;
  }
  REHOME_TRY_ASSIGN(const auto batch, flow.ledger.Open(flow.ItemsTarget(), entries, call));
  REHOME_TRY_ASSIGN(const auto results,
                    flow.stores.target_documents->Apply(flow.plan.items.to, writes, {}, call));
  std::vector<bool> written(results.size());
  std::vector<Quarantined> aside;
  for (std::size_t i = 0; i < results.size(); ++i) {
    const WriteResult& result = results[i];
    const bool equal = !result.applied() && result.found &&
                       DocumentDigest(result.found->view()) == mapped[i]->item_digest;
    if (result.applied() || equal) {
      written[i] = true;
      ++(equal ? out.present : out.inserted);
      out.written.Add(mapped[i]->item_digest);
    } else if (!result.found && !result.unique_index.empty()) {
      aside.push_back(
          Aside(*mapped[i], QuarantineReason::kIdConflict,
                fmt::format("another document of {} has the same value under the unique index {}",
                            flow.plan.items.to, result.unique_index)));
    } else {
      out.unresolved.push_back(entries[i].id);
    }
  }
  out.quarantined += aside.size();
  REHOME_TRY(flow.quarantine.Add(aside, call));
  REHOME_TRY(flow.ledger.Close(batch, written, call));
  return out;
}

}  // namespace rehome
