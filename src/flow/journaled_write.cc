#include "flow/journaled_write.h"

#include "model/item.h"

namespace rehome {

Result<std::vector<WriteResult>> WriteJournaled(const JournaledCollection& into,
                                                std::span<const LedgerEntry> entries,
                                                std::span<const Write> writes,
                                                const WriteOptions& options, const Call& call) {
  CHECK(entries.size() == writes.size());
  if (writes.empty()) {
    return std::vector<WriteResult>{};
  }
  REHOME_TRY_ASSIGN(const auto batch, into.ledger.Open(into.target, entries, call));
  REHOME_TRY_ASSIGN(auto results, into.store.Apply(into.target.name, writes, options, call));
  std::vector<bool> written(results.size());
  for (std::size_t i = 0; i < results.size(); ++i) {
    written[i] = IsMade(writes[i], results[i]);
    if (written[i]) {
      results[i].outcome = WriteResult::Outcome::kApplied;
    }
  }
  REHOME_TRY(into.ledger.Close(batch, written, call));
  return results;
}

Result<std::vector<WriteResult>> DeleteJournaled(const JournaledCollection& from,
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
  return WriteJournaled(from, entries, writes, options, call);
}

}  // namespace rehome
