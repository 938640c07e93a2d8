#pragma once
// collection_writer.h — one write after the other to one collection and its indexes, inside the
// caller's transaction.
#include <span>
#include <string>
#include <vector>

#include "adapters/sqlite/catalog.h"
#include "adapters/sqlite/sqlite.h"
#include "ports/document_store.h"

namespace rehome::sqlite {

/// How many rows a long statement passes before it asks for a stop again.
inline constexpr std::size_t kRowsBetweenStops = 1024;

/// The entries of one built index. Under a unique one an entry is a row of its own, so that adding it
/// tells a rival; a second holder, left by another program, stands beside it under entry + document.
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
  /// Adds the entries of the new document `key`. Where FindRival() would answer, that is the answer,
  /// and entries may be missing: Remove() them with the document.
  [[nodiscard]] Result<std::optional<std::string>> Add(std::string_view key, DocumentView document);
  /// Add() for many documents that hardly have rivals: entries are collected and added together, the
  /// last of them by AddNoted(). False: there is a rival, and the transaction is to be rolled back.
  [[nodiscard]] Result<bool> Note(std::string_view key, DocumentView document);
  [[nodiscard]] Result<bool> AddNoted();
  /// Adds them beside any rival's.
  [[nodiscard]] Status Force(std::string_view key, DocumentView document);
  [[nodiscard]] Status Remove(std::string_view key, DocumentView document);
  /// Replaces the entries of the document `key`, which has no rival.
  [[nodiscard]] Status Change(std::string_view key, DocumentView before, DocumentView after);

 private:
  struct Noted {
    std::string entry;
    std::string key;
  };
  // That one statement adds: all but the first find their place beside the one before.
  static constexpr std::size_t kNotedMax = 32;

  IndexTable(IndexSpec spec, Statement add, Statement add_noted, Statement remove, Statement rival,
             Statement inherit)
      : spec_(std::move(spec)),
        add_(std::move(add)),
        add_noted_(std::move(add_noted)),
        remove_(std::move(remove)),
        rival_(std::move(rival)),
        inherit_(std::move(inherit)) {}
  [[nodiscard]] Result<std::optional<std::string>> RivalOf(std::string_view entry,
                                                           std::string_view key);
  [[nodiscard]] Result<std::optional<std::string>> AddEntry(std::string_view entry,
                                                            std::string_view key);
  [[nodiscard]] Status RemoveEntry(std::string_view entry, std::string_view key);
  IndexSpec spec_;
  Statement add_;
  Statement add_noted_;
  Statement remove_;
  Statement rival_;
  Statement inherit_;  // takes over the entry of a document that another program deleted
  std::vector<Noted> noted_;
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
  /// Makes `writes`, which are all inserts, faster than one by one. False: one of them meets a
  /// document or a unique key, and the transaction is to be rolled back.
  [[nodiscard]] Result<bool> InsertAll(std::span<const Write> writes);

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
  [[nodiscard]] Result<WriteResult> Store(std::string_view key, const Document& before,
                                          const Document& after);
  [[nodiscard]] Status RemoveEverywhere(std::string_view key, DocumentView document);

  Statement find_;
  Statement insert_;
  Statement update_;
  Statement remove_;
  std::vector<IndexTable> indexes_;
};

}  // namespace rehome::sqlite
