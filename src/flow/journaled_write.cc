#include "flow/journaled_write.h"

#include "model/item.h"

namespace rehome {

Result<std::vector<WriteResult>> WriteJournaled(Ledger& ledger, const LedgerTarget& target,
                                                DocumentStore& store,
                                                std::span<const LedgerEntry> entries,
                                                std::span<const Write> writes,
                                                const WriteOptions& options, const Call& call) {
  CHECK(entries.size() == writes.size());
  if (writes.empty()) {
    return std::vector<WriteResult>{};
  }
  REHOME_TRY_ASSIGN(const auto batch, ledger.Open(target, entries, call));
  REHOME_TRY_ASSIGN(auto results, store.Apply(target.name, writes, options, call));
  std::vector<bool> written(results.size());
  for (std::size_t i = 0; i < results.size(); ++i) {
    written[i] = IsMade(writes[i], results[i]);
    if (written[i]) {
      results[i].outcome = WriteResult::Outcome::kApplied;
    }
  }
  REHOME_TRY(ledger.Close(batch, written, call));
  return results;
}

Result<std::vector<WriteResult>> DeleteJournaled(Ledger& ledger, const LedgerTarget& target,
                                                 DocumentStore& store,
                                                 std::span<const Document> documents,
                                                 const WriteOptions& options, const Call& call) {
  std::vector<LedgerEntry> entries;
  std::vector<Write> writes;
  for (const Document& document : documents) {
    entries.push_back({.id = Value(document.Id()),
                       .before = DocumentDigest(document.view()),
                       .after = {},
                       .text = {}});
    writes.push_back(Write::Delete(document));
  }
  return WriteJournaled(ledger, target, store, entries, writes, options, call);
}

}  // namespace rehome
