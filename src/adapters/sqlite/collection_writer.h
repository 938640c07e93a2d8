#pragma once
// collection_writer.h — one write after the other to one collection and its indexes, inside the
// caller's transaction.
#include <string>
#include <vector>

#include "adapters/sqlite/catalog.h"
#include "adapters/sqlite/sqlite.h"
#include "ports/document_store.h"

namespace rehome::sqlite {

/// The entries of one built index.
class IndexTable {
 public:
  [[nodiscard]] static Result<IndexTable> Open(Connection& connection,
                                               const CollectionEntry& collection,
                                               const IndexEntry& index);
  [[nodiscard]] const IndexSpec& spec() const { return spec_; }
  /// The key of another document that holds one of `document`'s unique entries; nothing on an index
  /// that is not unique.
  [[nodiscard]] Result<std::optional<std::string>> FindRival(std::string_view key,
                                                             DocumentView document);
  /// Replaces the entries of the document `key`: `before` and `after` may be absent.
  [[nodiscard]] Status Change(std::string_view key, const std::optional<DocumentView>& before,
                              const std::optional<DocumentView>& after);

 private:
  IndexTable(IndexSpec spec, Statement rival, Statement add, Statement remove)
      : spec_(std::move(spec)),
        rival_(std::move(rival)),
        add_(std::move(add)),
        remove_(std::move(remove)) {}
  IndexSpec spec_;
  Statement rival_;
  Statement add_;
  Statement remove_;
};

/// Fills the empty table of `index`. kAlreadyExists names the first value that two documents hold
/// under a unique index; with `tolerant` it is let stand (rebuilding after another program's
/// writes).
[[nodiscard]] Status BuildIndex(Connection& connection, const CollectionEntry& collection,
                                const IndexEntry& index, bool tolerant, const Call& call);

class CollectionWriter {
 public:
  /// Rebuilds indexes that are stale.
  [[nodiscard]] static Result<CollectionWriter> Open(Connection& connection,
                                                     const CollectionEntry& collection,
                                                     const Call& call);
  [[nodiscard]] Result<WriteResult> Apply(const Write& write);

 private:
  CollectionWriter(Statement find, Statement insert, Statement update, Statement remove,
                   std::vector<IndexTable> indexes)
      : find_(std::move(find)),
        insert_(std::move(insert)),
        update_(std::move(update)),
        remove_(std::move(remove)),
        indexes_(std::move(indexes)) {}
  [[nodiscard]] Result<std::optional<Document>> Find(std::string_view key);
  [[nodiscard]] Result<WriteResult> Insert(const Document& document);
  [[nodiscard]] Result<WriteResult> Put(const Document& document);
  [[nodiscard]] Result<WriteResult> Replace(const Document& expected, const Document& document);
  [[nodiscard]] Result<WriteResult> Delete(const Document& expected);
  /// A conflict with another document under a unique index, if there is one.
  [[nodiscard]] Result<std::optional<WriteResult>> UniqueConflict(std::string_view key,
                                                                  DocumentView document);
  [[nodiscard]] Result<WriteResult> Store(std::string_view key,
                                          const std::optional<Document>& before,
                                          const Document& after);
  [[nodiscard]] Status ChangeIndexes(std::string_view key,
                                     const std::optional<DocumentView>& before,
                                     const std::optional<DocumentView>& after);

  Statement find_;
  Statement insert_;
  Statement update_;
  Statement remove_;
  std::vector<IndexTable> indexes_;
};

}  // namespace rehome::sqlite
