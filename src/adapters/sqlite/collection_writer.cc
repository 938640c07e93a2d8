#include "adapters/sqlite/collection_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "adapters/sqlite/index_keys.h"
#include "adapters/sqlite/stored_document.h"
#include "model/extended_json.h"
#include "model/sort_key.h"

namespace rehome::sqlite {
namespace {

WriteResult Conflict(std::optional<Document> found, std::string unique_index = {}) {
  return {WriteResult::Outcome::kConflict, std::move(found), std::move(unique_index)};
}

Status RebuildIndexes(Connection& connection, const CollectionEntry& collection,
                      const std::vector<IndexEntry>& indexes, const Call& call) {
  for (const IndexEntry& index : indexes) {
    if (index.built) {
      REHOME_TRY(connection.Execute("DELETE FROM " + IndexTableName(index.number)));
      REHOME_TRY(BuildIndex(connection, collection, index, true, call));
    }
  }
  return connection.Execute(
      fmt::format(R"(UPDATE "$:collections" SET stale = 0 WHERE number = {})", collection.number));
}

Status NameDuplicate(Connection& connection, const CollectionEntry& collection,
                     const IndexSpec& index, std::string_view rival, DocumentView document) {
  REHOME_TRY_ASSIGN(Statement find,
                    connection.Prepare(fmt::format("SELECT id FROM {} WHERE key = ?1",
                                                   TableName(collection.name))));
  REHOME_TRY(find.Blob(1, rival).Step());
  REHOME_TRY_ASSIGN(const Value id, DecodeId(find.BlobAt(0)));
  return Fail(
      ErrorCode::kAlreadyExists,
      fmt::format("{} cannot get the unique index {}: the documents {} and {} both hold {}",
                  collection.name, index.name, ToExtendedJson(id.view(), JsonMode::kRelaxed),
                  ToExtendedJson(document.Id(), JsonMode::kRelaxed),
                  DescribeIndexed(document, index)),
      "change or remove one of them, then run again");
}

}  // namespace

Result<IndexTable> IndexTable::Open(Connection& connection, const CollectionEntry& collection,
                                    const IndexEntry& index) {
  const std::string table = IndexTableName(index.number);
  REHOME_TRY_ASSIGN(Statement add, connection.Prepare(fmt::format(
                                       "INSERT OR IGNORE INTO {} VALUES(?1, ?2)", table)));
  static const std::string kRows = [] {
    std::string rows = "(?, ?)";
    for (std::size_t i = 1; i < kNotedMax; ++i) {
      rows += ", (?, ?)";
    }
    return rows;
  }();
  REHOME_TRY_ASSIGN(Statement add_noted, connection.Prepare(fmt::format(
                                             "INSERT OR IGNORE INTO {} VALUES{}", table, kRows)));
  REHOME_TRY_ASSIGN(
      Statement remove,
      connection.Prepare(fmt::format("DELETE FROM {} WHERE key = ?1 AND document = ?2", table)));
  // The join leaves out entries of documents that another program deleted.
  REHOME_TRY_ASSIGN(Statement rival, connection.Prepare(fmt::format(
                                         "SELECT i.document FROM {} i JOIN {} c ON c.key = "
                                         "i.document WHERE i.key = ?1 AND i.document <> ?2",
                                         table, TableName(collection.name))));
  REHOME_TRY_ASSIGN(Statement inherit, connection.Prepare(fmt::format(
                                           "UPDATE {} SET document = ?2 WHERE key = ?1", table)));
  return IndexTable(index.spec, std::move(add), std::move(add_noted), std::move(remove),
                    std::move(rival), std::move(inherit));
}

Result<std::optional<std::string>> IndexTable::RivalOf(std::string_view entry,
                                                       std::string_view key) {
  REHOME_TRY_ASSIGN(const bool found, rival_.Blob(1, entry).Blob(2, key).Step());
  std::string rival(found ? rival_.BlobAt(0) : std::string_view{});
  rival_.Reset();
  return found ? std::optional(std::move(rival)) : std::nullopt;
}

Result<std::optional<std::string>> IndexTable::FindRival(std::string_view key,
                                                         DocumentView document) {
  if (!spec_.unique) {
    return std::nullopt;
  }
  for (const std::string& entry : IndexKeys(document, spec_)) {
    REHOME_TRY_ASSIGN(std::optional<std::string> rival, RivalOf(entry, key));
    if (rival) {
      return rival;
    }
  }
  return std::nullopt;
}

Result<std::optional<std::string>> IndexTable::AddEntry(std::string_view entry,
                                                        std::string_view key) {
  REHOME_TRY_ASSIGN(const int added, add_.Blob(1, entry).Blob(2, key).Run());
  if (added > 0 || !spec_.unique) {
    return std::nullopt;
  }
  REHOME_TRY_ASSIGN(std::optional<std::string> rival, RivalOf(entry, key));
  if (!rival) {
    REHOME_TRY(inherit_.Blob(1, entry).Blob(2, key).Run());
  }
  return rival;
}

Status IndexTable::RemoveEntry(std::string_view entry, std::string_view key) {
  REHOME_TRY_ASSIGN(const int removed, remove_.Blob(1, entry).Blob(2, key).Run());
  if (removed == 0 && spec_.unique) {
    REHOME_TRY(remove_.Blob(1, std::string(entry).append(key)).Blob(2, key).Run());
  }
  return {};
}

Result<std::optional<std::string>> IndexTable::Add(std::string_view key, DocumentView document) {
  for (const std::string& entry : IndexKeys(document, spec_)) {
    REHOME_TRY_ASSIGN(std::optional<std::string> rival, AddEntry(entry, key));
    if (rival) {
      return rival;
    }
  }
  return std::nullopt;
}

Result<bool> IndexTable::Note(std::string_view key, DocumentView document) {
  for (std::string& entry : IndexKeys(document, spec_)) {
    noted_.push_back({std::move(entry), std::string(key)});
    if (noted_.size() == kNotedMax) {
      REHOME_TRY_ASSIGN(const bool added, AddNoted());
      if (!added) {
        return false;
      }
    }
  }
  return true;
}

Result<bool> IndexTable::AddNoted() {
  int added = 0;
  if (noted_.size() == kNotedMax) {
    int parameter = 0;
    for (const Noted& noted : noted_) {
      add_noted_.Blob(parameter + 1, noted.entry).Blob(parameter + 2, noted.key);
      parameter += 2;
    }
    REHOME_TRY_ASSIGN(added, add_noted_.Run());
  } else {
    for (const Noted& noted : noted_) {
      REHOME_TRY_ASSIGN(const int one, add_.Blob(1, noted.entry).Blob(2, noted.key).Run());
      added += one;
    }
  }
  const bool all = std::cmp_equal(added, noted_.size());
  noted_.clear();
  return all || !spec_.unique;
}

Status IndexTable::Force(std::string_view key, DocumentView document) {
  for (const std::string& entry : IndexKeys(document, spec_)) {
    REHOME_TRY_ASSIGN(const auto rival, AddEntry(entry, key));
    if (rival) {
      REHOME_TRY(add_.Blob(1, std::string(entry).append(key)).Blob(2, key).Run());
    }
  }
  return {};
}

Status IndexTable::Remove(std::string_view key, DocumentView document) {
  for (const std::string& entry : IndexKeys(document, spec_)) {
    REHOME_TRY(RemoveEntry(entry, key));
  }
  return {};
}

Status IndexTable::Change(std::string_view key, DocumentView before, DocumentView after) {
  if (SameIndexedFields(before, after, spec_)) {
    return {};
  }
  const std::vector<std::string> old_entries = IndexKeys(before, spec_);
  const std::vector<std::string> new_entries = IndexKeys(after, spec_);
  for (const std::string& entry : old_entries) {
    if (!std::ranges::binary_search(new_entries, entry)) {
      REHOME_TRY(RemoveEntry(entry, key));
    }
  }
  for (const std::string& entry : new_entries) {
    if (!std::ranges::binary_search(old_entries, entry)) {
      REHOME_TRY(AddEntry(entry, key));
    }
  }
  return {};
}

Status BuildIndex(Connection& connection, const CollectionEntry& collection,
                  const IndexEntry& index, bool tolerant, const Call& call) {
  REHOME_TRY_ASSIGN(IndexTable table, IndexTable::Open(connection, collection, index));
  REHOME_TRY_ASSIGN(Statement scan,
                    connection.Prepare(fmt::format("SELECT key, document FROM {} ORDER BY key",
                                                   TableName(collection.name))));
  for (std::size_t row_count = 1;; ++row_count) {
    REHOME_TRY_ASSIGN(const bool row, scan.Step());
    if (!row) {
      return {};
    }
    if (row_count % kRowsBetweenStops == 0 && call.stop.stop_requested()) {
      return Fail(ErrorCode::kCancelled,
                  fmt::format("stopped while index {} was built", index.spec.name));
    }
    REHOME_TRY_ASSIGN(const Document document, StoredDocument(scan.BlobAt(0), scan.BlobAt(1)));
    if (tolerant) {
      REHOME_TRY(table.Force(scan.BlobAt(0), document.view()));
      continue;
    }
    REHOME_TRY_ASSIGN(const std::optional<std::string> rival,
                      table.Add(scan.BlobAt(0), document.view()));
    if (rival) {
      return NameDuplicate(connection, collection, index.spec, *rival, document.view());
    }
  }
}

Result<CollectionWriter> CollectionWriter::Open(Connection& connection,
                                                const CollectionEntry& collection,
                                                const Call& call) {
  REHOME_TRY_ASSIGN(const std::vector<IndexEntry> entries,
                    FindIndexes(connection, collection.number));
  if (collection.stale) {
    REHOME_TRY(RebuildIndexes(connection, collection, entries, call));
  }
  std::vector<IndexTable> indexes;
  for (const IndexEntry& entry : entries) {
    if (entry.built) {
      REHOME_TRY_ASSIGN(IndexTable table, IndexTable::Open(connection, collection, entry));
      indexes.push_back(std::move(table));
    }
  }
  const std::string table = TableName(collection.name);
  REHOME_TRY_ASSIGN(Statement find, connection.Prepare(fmt::format(
                                        "SELECT document FROM {} WHERE key = ?1", table)));
  // OR FAIL: the default, ABORT, saves every page that a statement with a trigger touches, to undo
  // that statement alone. Here an error undoes the whole transaction.
  REHOME_TRY_ASSIGN(
      Statement insert,
      connection.Prepare(fmt::format(
          "INSERT OR FAIL INTO {} VALUES(?1, ?2, ?3, 1) ON CONFLICT DO NOTHING", table)));
  REHOME_TRY_ASSIGN(Statement update, connection.Prepare(fmt::format(
                                          "UPDATE OR FAIL {} SET id = ?2, document = ?3, revision "
                                          "= coalesce(revision, 0) + 1 WHERE key = ?1",
                                          table)));
  REHOME_TRY_ASSIGN(Statement remove,
                    connection.Prepare(fmt::format("DELETE FROM {} WHERE key = ?1", table)));
  return CollectionWriter(std::move(find), std::move(insert), std::move(update), std::move(remove),
                          std::move(indexes));
}

Result<WriteResult> CollectionWriter::Apply(const Write& write) {
  switch (write.kind) {
    case Write::Kind::kInsert:
      return Insert(write.document);
    case Write::Kind::kReplace:
      return Replace(write.expected, write.document);
    case Write::Kind::kDelete:
      return Delete(write.expected);
    case Write::Kind::kPut:
      return Put(write.document);
  }
  return Fail(ErrorCode::kInternal, "a write of unknown kind");
}

Result<bool> CollectionWriter::InsertAll(std::span<const Write> writes) {
  for (const Write& write : writes) {
    const Document& document = write.document;
    const std::string key = SortKey(document.Id());
    const std::string id = EncodeId(document.Id());
    REHOME_TRY_ASSIGN(const int inserted,
                      insert_.Blob(1, key).Blob(2, id).Blob(3, document.bytes()).Run());
    bool alone = inserted > 0;
    for (auto index = indexes_.begin(); alone && index != indexes_.end(); ++index) {
      REHOME_TRY_ASSIGN(alone, index->Note(key, document.view()));
    }
    if (!alone) {
      return false;
    }
  }
  bool alone = true;
  for (auto index = indexes_.begin(); alone && index != indexes_.end(); ++index) {
    REHOME_TRY_ASSIGN(alone, index->AddNoted());
  }
  return alone;
}

Result<WriteResult> CollectionWriter::Insert(const Document& document) {
  const std::string key = SortKey(document.Id());
  const std::string id = EncodeId(document.Id());
  REHOME_TRY_ASSIGN(const int inserted,
                    insert_.Blob(1, key).Blob(2, id).Blob(3, document.bytes()).Run());
  if (inserted == 0) {
    REHOME_TRY_ASSIGN(std::optional<Document> found, Find(key));
    return Conflict(std::move(found));
  }
  for (IndexTable& index : indexes_) {
    REHOME_TRY_ASSIGN(const std::optional<std::string> rival, index.Add(key, document.view()));
    if (rival) {
      REHOME_TRY(RemoveEverywhere(key, document.view()));
      return Conflict(std::nullopt, index.spec().name);
    }
  }
  return WriteResult{};
}

Result<WriteResult> CollectionWriter::Put(const Document& document) {
  const std::string key = SortKey(document.Id());
  REHOME_TRY_ASSIGN(const std::optional<Document> before, Find(key));
  return before ? Store(key, *before, document) : Insert(document);
}

Result<WriteResult> CollectionWriter::Replace(const Document& expected, const Document& document) {
  const std::string key = SortKey(expected.Id());
  REHOME_TRY_ASSIGN(std::optional<Document> before, Find(key));
  if (before != expected) {
    return Conflict(std::move(before));
  }
  return Store(key, *before, document);
}

Result<WriteResult> CollectionWriter::Delete(const Document& expected) {
  const std::string key = SortKey(expected.Id());
  REHOME_TRY_ASSIGN(std::optional<Document> before, Find(key));
  if (before != expected) {
    return Conflict(std::move(before));
  }
  REHOME_TRY(RemoveEverywhere(key, before->view()));
  return WriteResult{};
}

Result<WriteResult> CollectionWriter::Store(std::string_view key, const Document& before,
                                            const Document& after) {
  for (IndexTable& index : indexes_) {
    if (SameIndexedFields(before.view(), after.view(), index.spec())) {
      continue;
    }
    REHOME_TRY_ASSIGN(const std::optional<std::string> rival, index.FindRival(key, after.view()));
    if (rival) {
      return Conflict(before, index.spec().name);
    }
  }
  const std::string id = EncodeId(after.Id());
  REHOME_TRY(update_.Blob(1, key).Blob(2, id).Blob(3, after.bytes()).Run());
  for (IndexTable& index : indexes_) {
    REHOME_TRY(index.Change(key, before.view(), after.view()));
  }
  return WriteResult{};
}

Status CollectionWriter::RemoveEverywhere(std::string_view key, DocumentView document) {
  REHOME_TRY(remove_.Blob(1, key).Run());
  for (IndexTable& index : indexes_) {
    REHOME_TRY(index.Remove(key, document));
  }
  return {};
}

Result<std::optional<Document>> CollectionWriter::Find(std::string_view key) {
  REHOME_TRY_ASSIGN(const bool found, find_.Blob(1, key).Step());
  if (!found) {
    find_.Reset();
    return std::nullopt;
  }
  Result<Document> document = StoredDocument(key, find_.BlobAt(0));
  find_.Reset();
  return document;
}

}  // namespace rehome::sqlite
