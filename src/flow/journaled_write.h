#pragma once
// journaled_write.h — a batch of writes to documents with its intents before and its outcomes after.
#include <span>
#include <vector>

#include "journal/ledger.h"
#include "ports/document_store.h"

namespace rehome {

/// A collection, and the ledger that says what of it is ours. Both are borrowed.
struct JournaledCollection {
  Ledger& ledger;
  DocumentStore& store;
  LedgerTarget target;
};

/// One entry a write, in order. A result is applied if the store now says what its write wanted,
/// whoever's reply was lost on the way; the others are the caller's to judge anew.
[[nodiscard]] Result<std::vector<WriteResult>> WriteJournaled(const JournaledCollection& into,
                                                              std::span<const LedgerEntry> entries,
                                                              std::span<const Write> writes,
                                                              const WriteOptions& options,
                                                              const Call& call);

/// The same for the removal of `documents` as they were read.
[[nodiscard]] Result<std::vector<WriteResult>> DeleteJournaled(const JournaledCollection& from,
                                                               std::span<const Document> documents,
                                                               const WriteOptions& options,
                                                               const Call& call);

}  // namespace rehome
