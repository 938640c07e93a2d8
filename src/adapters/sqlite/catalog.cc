#include "adapters/sqlite/catalog.h"

#include <fmt/format.h>

#include <array>

#include "adapters/sqlite/index_keys.h"

namespace rehome::sqlite {
namespace {

constexpr std::string_view kSchema = R"sql(
CREATE TABLE IF NOT EXISTS "$:collections"(number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
  present INTEGER NOT NULL, stale INTEGER NOT NULL DEFAULT 0, options BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS "$:indexes"(number INTEGER PRIMARY KEY, collection INTEGER NOT NULL,
  name TEXT NOT NULL, built INTEGER NOT NULL, document BLOB NOT NULL, UNIQUE(collection, name));
CREATE TABLE IF NOT EXISTS "$:feed"(seq INTEGER PRIMARY KEY, collection INTEGER NOT NULL, id BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS "$:feed_owners"(collections TEXT PRIMARY KEY, position INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS "$:feed_pruned"(one INTEGER PRIMARY KEY CHECK (one = 1), upto INTEGER NOT NULL);
INSERT OR IGNORE INTO "$:feed_pruned" VALUES(1, 0);
CREATE TABLE IF NOT EXISTS "$:bypass"(raised INTEGER NOT NULL);
)sql";

constexpr std::array<std::string_view, 3> kOperations{"INSERT", "UPDATE", "DELETE"};

/// `text` as an SQL string literal.
std::string Quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    out += c;
    if (c == '\'') {
      out += c;
    }
  }
  return out + "'";
}

std::string TriggerName(std::string_view purpose, std::int64_t collection,
                        std::string_view operation) {
  return fmt::format(R"("$:{}:{}:{}")", purpose, collection, operation);
}

Status CreateFeedTriggers(Connection& connection, const CollectionEntry& collection) {
  if (!IsFed(collection.name)) {
    return {};
  }
  const auto create = [&](std::string_view operation, std::string_view row) {
    return connection.Execute(fmt::format(
        R"(CREATE TRIGGER {} AFTER {} ON {} BEGIN INSERT INTO "$:feed"(collection, id) {}; END)",
        TriggerName("feed", collection.number, operation), operation, TableName(collection.name),
        row));
  };
  REHOME_TRY(create("INSERT", fmt::format("VALUES({}, NEW.id)", collection.number)));
  REHOME_TRY(create("DELETE", fmt::format("VALUES({}, OLD.id)", collection.number)));
  // An update that changes the _id concerns both.
  return create("UPDATE", fmt::format(R"(VALUES({0}, NEW.id);
      INSERT INTO "$:feed"(collection, id) SELECT {0}, OLD.id WHERE OLD.id IS NOT NEW.id)",
                                      collection.number));
}

Status CreateStaleTriggers(Connection& connection, const CollectionEntry& collection) {
  const auto create = [&](std::string_view operation, std::string_view when) {
    return connection.Execute(fmt::format(
        R"(CREATE TRIGGER IF NOT EXISTS {} AFTER {} ON {} WHEN {} BEGIN UPDATE "$:collections" SET stale = 1 WHERE number = {}; END)",
        TriggerName("stale", collection.number, operation), operation, TableName(collection.name),
        when, collection.number));
  };
  REHOME_TRY(create("INSERT", "NEW.revision IS NULL"));
  return create("UPDATE", "NEW.revision IS OLD.revision");
}

Status DropTriggers(Connection& connection, std::string_view purpose, std::int64_t collection) {
  for (const std::string_view operation : kOperations) {
    REHOME_TRY(connection.Execute("DROP TRIGGER IF EXISTS " +
                                  TriggerName(purpose, collection, operation)));
  }
  return {};
}

/// Tells the feed that every document of `table` changed under `collection`'s name.
Status FeedAll(Connection& connection, const CollectionEntry& collection, std::string_view table) {
  if (!IsFed(collection.name)) {
    return {};
  }
  return connection.Execute(fmt::format(
      R"(INSERT INTO "$:feed"(collection, id) SELECT {}, id FROM {})", collection.number, table));
}

/// Marks `collection` present with `options`; returns its number, which a dropped one of that name
/// keeps.
Result<std::int64_t> Enter(Connection& connection, std::string_view collection,
                           std::string_view options) {
  REHOME_TRY_ASSIGN(Statement enter,
                    connection.Prepare(
                        R"(INSERT INTO "$:collections"(name, present, options) VALUES(?1, 1, ?2)
         ON CONFLICT(name) DO UPDATE SET present = 1, stale = 0, options = ?2 RETURNING number)"));
  REHOME_TRY(enter.Text(1, collection).Blob(2, options).Step());
  const std::int64_t number = enter.IntAt(0);
  REHOME_TRY(enter.Step());
  return number;
}

Status MarkAbsent(Connection& connection, std::int64_t collection) {
  REHOME_TRY_ASSIGN(
      Statement leave,
      connection.Prepare(R"(UPDATE "$:collections" SET present = 0, stale = 0 WHERE number = ?1)"));
  REHOME_TRY(leave.Int(1, collection).Run());
  return {};
}

}  // namespace

std::string TableName(std::string_view collection) {
  std::string name = collection.starts_with("sqlite_") ? "$_" : "";
  for (const char c : collection) {
    if (c >= 'A' && c <= 'Z') {
      name += '$';
    } else if (c == '$' || c == '"') {
      name += c;  // doubled: `$` as its own escape, the quote for SQL
    }
    name += c;
  }
  return '"' + name + '"';
}

std::string IndexTableName(std::int64_t index) {
  return fmt::format(R"("$:index:{}")", index);
}

bool IsFed(std::string_view collection) {
  return !collection.starts_with("rehome_");
}

std::string EncodeId(ValueView id) {
  std::string bytes(1, static_cast<char>(id.type()));
  bytes += id.payload();
  return bytes;
}

Result<Value> DecodeId(std::string_view bytes) {
  if (!bytes.empty()) {
    const ValueView id(static_cast<BsonType>(static_cast<std::uint8_t>(bytes.front())),
                       bytes.substr(1));
    if (const auto checked =
            Document::Parse(DocumentBuilder().Append("_id", id).Finish().bytes())) {
      return Value(checked->Id());
    }
  }
  return Fail(ErrorCode::kDataLoss, "an id column holds no BSON value",
              "another program or a fault of the disk left it so: copy the file of the store, then "
              "write that document again; rehome run --sweep compares both sides without the "
              "change feed");
}

namespace {

/// SQLite does not wait for others before this switch as it does before a transaction: so whoever
/// meets another process that makes the same file waits in a transaction, and asks again.
Status SwitchToWal(Connection& connection) {
  constexpr int kAttemptsMax = 100;
  for (int attempt = 1;; ++attempt) {
    Status switched = connection.Execute("PRAGMA journal_mode=WAL");
    if (switched || switched.error().code != ErrorCode::kUnavailable || attempt == kAttemptsMax) {
      return switched;
    }
    REHOME_TRY(Transaction::Begin(connection, Transaction::Kind::kWrite));  // rolled back
  }
}

}  // namespace

Status PrepareForWriting(Connection& connection) {
  // 16 KB: a document of 1 KB lies whole in a page; larger pages gain 10 % in a copy and cost every
  // small write.
  REHOME_TRY(connection.Execute("PRAGMA page_size=16384"));
  REHOME_TRY(SwitchToWal(connection));
  REHOME_TRY(connection.Execute(
      "PRAGMA synchronous=FULL; PRAGMA cache_size=-32768; PRAGMA temp_store=MEMORY"));
  REHOME_TRY_ASSIGN(const bool present, HasSchema(connection));
  if (present) {
    return {};
  }
  REHOME_TRY_ASSIGN(Transaction transaction,
                    Transaction::Begin(connection, Transaction::Kind::kWrite));
  REHOME_TRY_ASSIGN(const bool made_meanwhile, HasSchema(connection));
  if (made_meanwhile) {
    return {};
  }
  REHOME_TRY(connection.Execute(std::string(kSchema)));
  REHOME_TRY(connection.Execute(fmt::format("PRAGMA user_version={}", kSchemaVersion)));
  return transaction.Commit();
}

Result<bool> HasSchema(Connection& connection) {
  REHOME_TRY_ASSIGN(const std::int64_t version, connection.ReadInt("PRAGMA user_version"));
  if (version > kSchemaVersion) {
    return Fail(ErrorCode::kFailedPrecondition,
                fmt::format("the file's layout is version {}; this program knows up to {}", version,
                            kSchemaVersion),
                "use the newer rehome that wrote it");
  }
  return version == kSchemaVersion;
}

Result<std::optional<CollectionEntry>> FindCollection(Connection& connection,
                                                      std::string_view collection) {
  REHOME_TRY_ASSIGN(
      Statement find,
      connection.Prepare(
          R"(SELECT number, stale FROM "$:collections" WHERE name = ?1 AND present)"));
  REHOME_TRY_ASSIGN(const bool found, find.Text(1, collection).Step());
  if (!found) {
    return std::nullopt;
  }
  return CollectionEntry{find.IntAt(0), std::string(collection), find.IntAt(1) != 0};
}

Result<std::vector<IndexEntry>> FindIndexes(Connection& connection, std::int64_t collection) {
  REHOME_TRY_ASSIGN(
      Statement find,
      connection.Prepare(
          R"(SELECT number, built, document FROM "$:indexes" WHERE collection = ?1 ORDER BY number)"));
  find.Int(1, collection);
  std::vector<IndexEntry> indexes;
  while (true) {
    REHOME_TRY_ASSIGN(const bool row, find.Step());
    if (!row) {
      return indexes;
    }
    REHOME_TRY_ASSIGN(Document document, Document::Parse(std::string(find.BlobAt(2))));
    const IndexSpec spec = ParseIndex(document.view()).value_or(IndexSpec{});
    indexes.push_back({find.IntAt(0), find.IntAt(1) != 0, spec, std::move(document)});
  }
}

Result<std::vector<CollectionInfo>> ListCollections(Connection& connection) {
  REHOME_TRY_ASSIGN(
      Statement list,
      connection.Prepare(
          R"(SELECT number, name, options FROM "$:collections" WHERE present ORDER BY name)"));
  std::vector<CollectionInfo> collections;
  while (true) {
    REHOME_TRY_ASSIGN(const bool row, list.Step());
    if (!row) {
      return collections;
    }
    REHOME_TRY_ASSIGN(Document options, Document::Parse(std::string(list.BlobAt(2))));
    REHOME_TRY_ASSIGN(std::vector<IndexEntry> indexes, FindIndexes(connection, list.IntAt(0)));
    CollectionInfo& info =
        collections.emplace_back(std::string(list.TextAt(1)), std::move(options));
    for (IndexEntry& index : indexes) {
      info.indexes.push_back(std::move(index.document));
    }
  }
}

Result<CollectionEntry> EnsureCollection(Connection& connection, std::string_view collection,
                                         const Document& options) {
  REHOME_TRY_ASSIGN(std::optional<CollectionEntry> present, FindCollection(connection, collection));
  if (present) {
    return *std::move(present);
  }
  REHOME_TRY_ASSIGN(const std::int64_t number, Enter(connection, collection, options.bytes()));
  CollectionEntry entry{number, std::string(collection)};
  REHOME_TRY(connection.Execute(
      fmt::format("CREATE TABLE {}(key BLOB NOT NULL PRIMARY KEY, id BLOB NOT NULL, document BLOB "
                  "NOT NULL, revision INTEGER) WITHOUT ROWID",
                  TableName(collection))));
  REHOME_TRY(CreateFeedTriggers(connection, entry));
  return entry;
}

Status Drop(Connection& connection, const CollectionEntry& collection) {
  REHOME_TRY_ASSIGN(const std::vector<IndexEntry> indexes,
                    FindIndexes(connection, collection.number));
  for (const IndexEntry& index : indexes) {
    REHOME_TRY(RemoveIndex(connection, collection, index));
  }
  REHOME_TRY(FeedAll(connection, collection, TableName(collection.name)));
  REHOME_TRY(connection.Execute("DROP TABLE " + TableName(collection.name)));  // and its triggers
  return MarkAbsent(connection, collection.number);
}

Status Rename(Connection& connection, const CollectionEntry& from, std::string_view to) {
  REHOME_TRY_ASSIGN(const bool fenced, HasFence(connection, from));
  REHOME_TRY_ASSIGN(const std::vector<IndexEntry> indexes, FindIndexes(connection, from.number));
  REHOME_TRY(FeedAll(connection, from, TableName(from.name)));
  for (const std::string_view purpose : {"feed", "stale", "fence"}) {
    REHOME_TRY(DropTriggers(connection, purpose, from.number));
  }
  REHOME_TRY_ASSIGN(Statement read,
                    connection.Prepare(R"(SELECT options FROM "$:collections" WHERE number = ?1)"));
  REHOME_TRY(read.Int(1, from.number).Step());
  REHOME_TRY_ASSIGN(const std::int64_t number, Enter(connection, to, read.BlobAt(0)));
  read.Reset();
  const CollectionEntry entry{number, std::string(to), from.stale};
  REHOME_TRY(MarkAbsent(connection, from.number));
  REHOME_TRY(connection.Execute(
      fmt::format("ALTER TABLE {} RENAME TO {}", TableName(from.name), TableName(to))));
  REHOME_TRY(connection.Execute(fmt::format(
      R"(UPDATE "$:indexes" SET collection = {0} WHERE collection = {1}; UPDATE "$:collections" SET stale = {2} WHERE number = {0})",
      number, from.number, from.stale ? 1 : 0)));
  REHOME_TRY(CreateFeedTriggers(connection, entry));
  if (!indexes.empty()) {
    REHOME_TRY(CreateStaleTriggers(connection, entry));
  }
  if (fenced) {
    REHOME_TRY(AddFence(connection, entry));
  }
  return FeedAll(connection, entry, TableName(to));
}

Result<IndexEntry> AddIndex(Connection& connection, const CollectionEntry& collection,
                            const Document& document) {
  const std::optional<IndexSpec> spec = ParseIndex(document.view());
  const std::optional<ValueView> name = document.Find("name");
  REHOME_TRY_ASSIGN(
      Statement add,
      connection.Prepare(
          R"(INSERT INTO "$:indexes"(collection, name, built, document) VALUES(?1, ?2, ?3, ?4) RETURNING number)"));
  add.Int(1, collection.number)
      .Text(2, name ? name->AsString() : "")
      .Int(3, spec ? 1 : 0)
      .Blob(4, document.bytes());
  REHOME_TRY(add.Step());
  IndexEntry entry{add.IntAt(0), spec.has_value(), spec.value_or(IndexSpec{}), document};
  REHOME_TRY(add.Step());
  if (entry.built) {
    REHOME_TRY(connection.Execute(
        fmt::format("CREATE TABLE {}(key BLOB NOT NULL, document BLOB NOT NULL, "
                    "PRIMARY KEY({})) WITHOUT ROWID",
                    IndexTableName(entry.number), entry.spec.unique ? "key" : "key, document")));
    REHOME_TRY(CreateStaleTriggers(connection, collection));
  }
  return entry;
}

Status RemoveIndex(Connection& connection, const CollectionEntry& collection,
                   const IndexEntry& index) {
  REHOME_TRY_ASSIGN(
      Statement remove,
      connection.Prepare(R"(DELETE FROM "$:indexes" WHERE collection = ?1 AND number = ?2)"));
  REHOME_TRY(remove.Int(1, collection.number).Int(2, index.number).Run());
  return connection.Execute("DROP TABLE IF EXISTS " + IndexTableName(index.number));
}

Result<bool> HasFence(Connection& connection, const CollectionEntry& collection) {
  REHOME_TRY_ASSIGN(
      Statement find,
      connection.Prepare("SELECT 1 FROM sqlite_master WHERE type = 'trigger' AND name = ?1"));
  const std::string name = fmt::format("$:fence:{}:INSERT", collection.number);
  return find.Text(1, name).Step();
}

Status AddFence(Connection& connection, const CollectionEntry& collection) {
  const std::string message =
      fmt::format("collection {} is fenced by rehome: the application moved to the new collections",
                  collection.name);
  for (const std::string_view operation : kOperations) {
    REHOME_TRY(connection.Execute(fmt::format(
        R"(CREATE TRIGGER IF NOT EXISTS {} BEFORE {} ON {} WHEN NOT EXISTS (SELECT 1 FROM "$:bypass") BEGIN SELECT RAISE(ABORT, {}); END)",
        TriggerName("fence", collection.number, operation), operation, TableName(collection.name),
        Quoted(message))));
  }
  return {};
}

Status RemoveFence(Connection& connection, const CollectionEntry& collection) {
  return DropTriggers(connection, "fence", collection.number);
}

}  // namespace rehome::sqlite
