#include "flow/remover.h"

#include <fmt/format.h>

#include "flow/journaled_write.h"
#include "model/fields.h"
#include "model/item.h"
#include "ports/scan.h"

namespace rehome {
namespace {

constexpr int kRemovalRoundsMax = 5;

Status AddAll(FlowContext& flow, std::string_view collection, std::vector<Document> documents,
              std::string_view why, DocumentsRemoved& total, const Call& call) {
  for (int round = 0; round < kRemovalRoundsMax && !documents.empty(); ++round) {
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
  const std::vector<Value> ids = IdsOf(documents);
  REHOME_TRY_ASSIGN(const auto histories, flow.ledger.Find(target, ids, call));
  std::vector<Document> changed;
  std::vector<Document> doomed;
  for (std::size_t i = 0; i < documents.size(); ++i) {
    switch (Judge(histories[i], DocumentDigest(documents[i].view()))) {
      case Ownership::kForeign:
        ++out.foreign;
        continue;
      case Ownership::kChanged:
        changed.push_back(documents[i]);
        break;
      case Ownership::kOurs:
        break;
    }
    doomed.push_back(documents[i]);
  }
  REHOME_TRY(flow.saved.Add(why, collection, changed, call));
  out.saved = changed.size();
  REHOME_TRY_ASSIGN(
      const auto results,
      DeleteJournaled({flow.ledger, *flow.stores.target_documents, target}, doomed, {}, call));
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (results[i].applied()) {
      ++out.removed;
    } else {
      out.again.emplace_back(doomed[i].Id());
    }
  }
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
