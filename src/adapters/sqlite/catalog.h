#pragma once
// catalog.h — how collections lie in the file. docs: every internal table's name starts with `$:`,
// which no collection's table name does.
//
//   $:collections  number, name, present (0: dropped; the number stays, the feed may name it),
//                  stale, options
//   $:indexes      number, collection, name, built (0: metadata only), document (as Collections()
//                  reports it)
//   $:index:N      key, document — one row for each entry; unique keys are judged by look-up, in
//                  the same transaction
//   $:feed         seq, collection, id — filled by triggers of each collection's table
//   $:feed_owners  collections, position — up to where each feed's owner has released
//   $:feed_pruned  what is gone
//   $:bypass       holds a row inside a transaction that passes fences; never a committed one
//   NAME           key (SortKey of _id), id (type byte and payload), document (BSON), revision
//
// `revision` is counted up by every write of this adapter. A write that leaves it alone (absent, on
// insert) is another program's: it cannot have kept the indexes, so a trigger marks them stale; the
// next write here builds them anew and until then reads scan.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/sqlite/sqlite.h"
#include "model/document.h"
#include "ports/document_store.h"

namespace rehome::sqlite {

inline constexpr std::int64_t kSchemaVersion = 1;

struct CollectionEntry {
  std::int64_t number = 0;
  std::string name;
  bool stale = false;
};

struct IndexEntry {
  std::int64_t number = 0;
  bool built = false;
  IndexSpec spec;  // built only
  Document document;
};

/// The name of the table of `collection`, ready for SQL. SQLite folds the case of A-Z and reserves
/// `sqlite_`.
[[nodiscard]] std::string TableName(std::string_view collection);
[[nodiscard]] std::string IndexTableName(std::int64_t index);
/// Whether writes to `collection` are recorded in the feed: all but the journal's own (`rehome_…`).
[[nodiscard]] bool IsFed(std::string_view collection);
/// Type byte and payload, as stored in `id`.
[[nodiscard]] std::string EncodeId(ValueView id);
/// kDataLoss if another program wrote nonsense there.
[[nodiscard]] Result<Value> DecodeId(std::string_view bytes);

/// Pragmas and tables of a new file; harmless on an existing one. Outside of a transaction.
[[nodiscard]] Status PrepareForWriting(Connection& connection);
/// False: no collection was ever written. kFailedPrecondition: a newer version's file.
[[nodiscard]] Result<bool> HasSchema(Connection& connection);

// All below run inside the caller's transaction.
[[nodiscard]] Result<std::optional<CollectionEntry>> FindCollection(Connection& connection,
                                                                    std::string_view collection);
[[nodiscard]] Result<std::vector<IndexEntry>> FindIndexes(Connection& connection,
                                                          std::int64_t collection);
[[nodiscard]] Result<std::vector<CollectionInfo>> ListCollections(Connection& connection);

/// The entry of `collection`, created with `options` if absent.
[[nodiscard]] Result<CollectionEntry> EnsureCollection(Connection& connection,
                                                       std::string_view collection,
                                                       const Document& options);
/// Feeds see a deletion of every document.
[[nodiscard]] Status Drop(Connection& connection, const CollectionEntry& collection);
/// `to` is absent. Feeds see deletions under the old name and insertions under the new one.
[[nodiscard]] Status Rename(Connection& connection, const CollectionEntry& from,
                            std::string_view to);

[[nodiscard]] Result<IndexEntry> AddIndex(Connection& connection, const CollectionEntry& collection,
                                          const Document& document);
[[nodiscard]] Status RemoveIndex(Connection& connection, const CollectionEntry& collection,
                                 const IndexEntry& index);

[[nodiscard]] Result<bool> HasFence(Connection& connection, const CollectionEntry& collection);
[[nodiscard]] Status AddFence(Connection& connection, const CollectionEntry& collection);
[[nodiscard]] Status RemoveFence(Connection& connection, const CollectionEntry& collection);

}  // namespace rehome::sqlite
