#include "flow/remover.h"

#include <fmt/format.h>

#include "model/item.h"
#include "ports/scan.h"

namespace rehome {
namespace {

constexpr int kRoundsMax = 5;

Status AddAll(FlowContext& flow, std::string_view collection, std::vector<Document> documents,
              std::string_view why, DocumentsRemoved& total, const Call& call) {
  for (int round = 0; round < kRoundsMax && !documents.empty(); ++round) {
    REHOME_TRY_ASSIGN(const DocumentsRemoved removed,
                      RemoveOurs(flow, collection, documents, why, call));
    total.removed += removed.removed;
    total.saved += removed.saved;
    total.foreign += removed.foreign;
    REHOME_TRY_ASSIGN(auto found,
                      flow.stores.target_documents->FindByIds(collection, removed.again, call));
    documents.clear();
    for (auto& document : found) {
      if (document) {
        documents.push_back(*std::move(document));
      }
    }
  }
  if (!documents.empty()) {
    return Fail(
        ErrorCode::kAborted,
        fmt::format("{} documents of {} keep changing while they are removed", documents.size(),
                    collection),
        "something still writes to that collection; stop it, then run the same command again");
  }
  return {};
}

}  // namespace

Result<DocumentsRemoved> RemoveOurs(FlowContext& flow, std::string_view collection,
                                    std::span<const Document> documents, std::string_view why,
                                    const Call& call) {
  DocumentsRemoved out;
  const LedgerTarget target{LedgerTarget::Store::kDocuments, std::string(collection)};
  std::vector<Value> ids;
  for (const Document& document : documents) {
    ids.emplace_back(document.Id());
  }
  REHOME_TRY_ASSIGN(const auto histories, flow.ledger.Find(target, ids, call));
  std::vector<LedgerEntry> entries;
  std::vector<Write> writes;
  for (std::size_t i = 0; i < documents.size(); ++i) {
    const Md5Digest digest = DocumentDigest(documents[i].view());
    const Ownership ownership = Judge(histories[i], digest);
    if (ownership == Ownership::kForeign) {
      ++out.foreign;
      continue;
    }
    if (ownership == Ownership::kChanged) {
      REHOME_TRY(flow.saved.Add(why, collection, documents[i], call));
      ++out.saved;
    }
    entries.push_back({.id = ids[i], .before = digest, .after = {}, .text = {}});
    writes.push_back(Write::Delete(documents[i]));
  }
  if (writes.empty()) {
    return out;
  }
  REHOME_TRY_ASSIGN(const auto batch, flow.ledger.Open(target, entries, call));
  REHOME_TRY_ASSIGN(const auto results,
                    flow.stores.target_documents->Apply(collection, writes, {}, call));
  std::vector<bool> written(results.size());
  for (std::size_t i = 0; i < results.size(); ++i) {
    written[i] = results[i].applied() || !results[i].found;
    if (written[i]) {
      ++out.removed;
    } else {
      out.again.push_back(entries[i].id);
    }
  }
  REHOME_TRY(flow.ledger.Close(batch, written, call));
  return out;
}

Result<DocumentsRemoved> RemoveAllOurs(FlowContext& flow, std::string_view collection,
                                       std::string_view why, const Call& call) {
  DocumentsRemoved total;
  REHOME_TRY(ForEachBatch(*flow.stores.target_documents, collection, {}, call,
                          [&](std::vector<Document> documents) {
                            return AddAll(flow, collection, std::move(documents), why, total, call);
                          }));
  return total;
}

}  // namespace rehome
