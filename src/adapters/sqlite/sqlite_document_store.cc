#include "adapters/sqlite/sqlite_document_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "adapters/sqlite/catalog.h"
#include "adapters/sqlite/collection_writer.h"
#include "adapters/sqlite/connections.h"
#include "adapters/sqlite/feed.h"
#include "adapters/sqlite/index_keys.h"
#include "adapters/sqlite/stored_document.h"
#include "model/extended_json.h"
#include "model/sort_key.h"
#include "model/storable.h"

namespace rehome {
namespace sqlite {
namespace {

constexpr std::string_view kPrimaryIndex = "_id_";
constexpr std::string_view kHighestKey{"\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF",
                                       8};  // above every SortKey

/// The key bounds of a range: after < key <= upto.
struct KeyRange {
  std::string after;
  std::string upto;
};

KeyRange KeysOf(const IdRange& range) {
  return {range.after ? SortKey(range.after->view()) : std::string{},
          range.upto ? SortKey(range.upto->view()) : std::string(kHighestKey)};
}

/// Of a row (key, document).
Result<Document> DocumentAt(const Statement& row, std::string_view collection) {
  Result<Document> document = StoredDocument(row.BlobAt(0), row.BlobAt(1));
  if (!document) {
    return std::unexpected(
        std::move(document).error().In(fmt::format("collection {}", collection)));
  }
  return document;
}

class Cursor final : public DocumentCursor {
 public:
  Cursor(std::shared_ptr<Connections> connections, std::string_view collection,
         const IdRange& range, Call call)
      : connections_(std::move(connections)),
        collection_(collection),
        keys_(KeysOf(range)),
        call_(std::move(call)) {}

  [[nodiscard]] Result<std::vector<Document>> Next(std::size_t count_max,
                                                   std::size_t bytes_max) override {
    // The row's own key: a damaged document may say another _id, and would be met for ever.
    std::string last;
    auto batch = connections_->Read(call_, std::vector<Document>{}, [&](Connection& connection) {
      return Batch(connection, std::max<std::size_t>(count_max, 1), bytes_max, last);
    });
    if (batch && !batch->empty()) {
      keys_.after = std::move(last);
    }
    return batch;
  }

 private:
  Result<std::vector<Document>> Batch(Connection& connection, std::size_t count_max,
                                      std::size_t bytes_max, std::string& last) const {
    std::vector<Document> batch;
    REHOME_TRY_ASSIGN(const std::optional<CollectionEntry> entry,
                      FindCollection(connection, collection_));
    if (!entry) {
      return batch;
    }
    REHOME_TRY_ASSIGN(Statement scan,
                      connection.Prepare(fmt::format(
                          "SELECT key, document FROM {} WHERE key > ?1 AND key <= ?2 ORDER BY key",
                          TableName(collection_))));
    scan.Blob(1, keys_.after).Blob(2, keys_.upto);
    std::size_t bytes = 0;
    while (batch.size() < count_max && (bytes < bytes_max || batch.empty())) {
      REHOME_TRY_ASSIGN(const bool row, scan.Step());
      if (!row) {
        break;
      }
      REHOME_TRY_ASSIGN(Document document, DocumentAt(scan, collection_));
      bytes += document.bytes().size();
      last = scan.BlobAt(0);
      batch.push_back(std::move(document));
    }
    return batch;
  }

  const std::shared_ptr<Connections> connections_;
  const std::string collection_;
  KeyRange keys_;
  const Call call_;
};

/// Refuses what a store cannot hold, before anything is written.
Status CheckWrites(std::string_view collection, std::span<const Write> writes) {
  for (const Write& write : writes) {
    const bool compares = write.kind == Write::Kind::kReplace || write.kind == Write::Kind::kDelete;
    const Document& named = compares ? write.expected : write.document;
    const std::optional<ValueView> id = named.Find("_id");
    if (!id || (write.kind == Write::Kind::kReplace && !write.document.Find("_id"))) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("a write to {} names no _id", collection));
    }
    const auto refuse = [&](std::string_view why) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("the document {} of {} {}", ToExtendedJson(*id, JsonMode::kRelaxed),
                              collection, why));
    };
    const Document& meant = write.kind == Write::Kind::kDelete ? write.expected : write.document;
    if (const std::string why = WhyNotStorable(meant.view()); !why.empty()) {
      return refuse(why);
    }
    if (write.kind == Write::Kind::kReplace && SortKey(*id) != SortKey(write.document.Id())) {
      // Each was found by its own _id: one of the two was not what it was asked for.
      return Fail(ErrorCode::kDataLoss,
                  fmt::format("the document {} of {} cannot be replaced by one with _id {}",
                              ToExtendedJson(*id, JsonMode::kRelaxed), collection,
                              ToExtendedJson(write.document.Id(), JsonMode::kRelaxed)),
                  "a document there or its source says another _id than its row does, and rehome "
                  "verify names it: " +
                      WayPastRow(""));
    }
  }
  return {};
}

/// Rows inside one transaction that let its writes pass a fence.
class Bypass {
 public:
  static Status Raise(Connection& connection) {
    return connection.Execute(R"(INSERT INTO "$:bypass" VALUES(1))");
  }
  static Status Lower(Connection& connection) {
    return connection.Execute(R"(DELETE FROM "$:bypass")");
  }
};

/// Documents of a collection whose `path` has one of `values` (sort keys).
struct Matching {
  std::string_view collection;
  std::string_view path;
  std::span<const std::string> values;
  std::size_t count_max;
};

/// Steps `rows` (key, document; ordered by key) and keeps what matches.
Status KeepMatching(Statement& rows, const Matching& wanted, const Call& call,
                    std::vector<Document>& kept) {
  for (std::size_t row_count = 1; kept.size() < wanted.count_max; ++row_count) {
    REHOME_TRY_ASSIGN(const bool row, rows.Step());
    if (!row) {
      return {};
    }
    if (row_count % kRowsBetweenStops == 0 && call.stop.stop_requested()) {
      return std::unexpected(Cancelled("the search was through"));
    }
    REHOME_TRY_ASSIGN(Document document, DocumentAt(rows, wanted.collection));
    if (HasFieldValue(document.view(), wanted.path, wanted.values)) {
      kept.push_back(std::move(document));
    }
  }
  return {};
}

/// The keys of the documents that `index`, which starts with the path looked for, lists under one
/// of `parts`; ascending.
Result<std::vector<std::string>> KeysInIndex(Connection& connection, const IndexEntry& index,
                                             std::span<const std::string> parts) {
  REHOME_TRY_ASSIGN(Statement find, connection.Prepare(fmt::format(
                                        "SELECT document FROM {} WHERE key >= ?1 AND key < ?2",
                                        IndexTableName(index.number))));
  std::vector<std::string> keys;
  for (const std::string& part : parts) {
    const std::string above =
        part.substr(0, part.size() - 1) + '\x01';  // parts end with two zero bytes
    find.Blob(1, part).Blob(2, above);
    while (true) {
      REHOME_TRY_ASSIGN(const bool row, find.Step());
      if (!row) {
        break;
      }
      keys.emplace_back(find.BlobAt(0));
    }
    find.Reset();
  }
  std::ranges::sort(keys);
  const auto rest = std::ranges::unique(keys);
  keys.erase(rest.begin(), rest.end());
  return keys;
}

/// Ranges of about equal counts, found in one pass that reads no documents: the `_id` of every
/// `step`-th row is noted, and of so many every second is forgotten again.
Result<std::vector<IdRange>> CutEvenly(Connection& connection, std::string_view collection,
                                       std::size_t parts, const Call& call) {
  constexpr std::size_t kMarksPerPart = 64;
  REHOME_TRY_ASSIGN(Statement rows, connection.Prepare(fmt::format("SELECT id FROM {} ORDER BY key",
                                                                   TableName(collection))));
  std::vector<Value> marks;
  std::size_t step = 1;
  for (std::size_t row_count = 1;; ++row_count) {
    REHOME_TRY_ASSIGN(const bool row, rows.Step());
    if (!row) {
      break;
    }
    if (row_count % kRowsBetweenStops == 0 && call.stop.stop_requested()) {
      return std::unexpected(Cancelled("the collection was cut into ranges"));
    }
    if (row_count % step != 0) {
      continue;
    }
    Result<Value> id = DecodeId(rows.BlobAt(0));
    if (!id) {
      return std::unexpected(std::move(id).error().In(fmt::format("collection {}", collection)));
    }
    marks.push_back(*std::move(id));
    if (marks.size() == 2 * kMarksPerPart * parts) {
      for (std::size_t i = 0; 2 * i + 1 < marks.size(); ++i) {
        marks[i] = std::move(marks[2 * i + 1]);
      }
      marks.resize(marks.size() / 2);
      step *= 2;
    }
  }
  std::vector<IdRange> ranges(1);
  for (std::size_t part = 1; part < parts && marks.size() >= parts; ++part) {
    const Value& boundary = marks[part * marks.size() / parts - 1];
    ranges.back().upto = boundary;
    ranges.push_back({boundary, std::nullopt});
  }
  return ranges;
}

class Store final : public DocumentStore {
 public:
  Store(std::shared_ptr<Connections> connections, std::string identity, Clock& clock)
      : connections_(std::move(connections)), identity_(std::move(identity)), clock_(clock) {}

  [[nodiscard]] std::string Identity() const override { return identity_; }
  [[nodiscard]] Result<Document> Describe(const Call& call) override;
  [[nodiscard]] bool WritesSideBySide() const override { return false; }
  [[nodiscard]] Millis WritesOutlive() const override { return Millis{0}; }
  [[nodiscard]] Result<std::vector<CollectionInfo>> Collections(const Call& call) override;
  [[nodiscard]] Status CreateCollection(std::string_view collection, const Document& options,
                                        const Call& call) override;
  [[nodiscard]] Status DropCollection(std::string_view collection, const Call& call) override;
  [[nodiscard]] Status RenameCollection(std::string_view from, std::string_view to,
                                        const Call& call) override;
  [[nodiscard]] Status EnsureIndex(std::string_view collection, const IndexSpec& index,
                                   const Call& call) override;
  [[nodiscard]] Status RestoreIndex(std::string_view collection, const Document& index,
                                    const Call& call) override;
  [[nodiscard]] Status DropIndex(std::string_view collection, std::string_view name,
                                 const Call& call) override;
  [[nodiscard]] Result<std::uint64_t> Count(std::string_view collection, const Call& call) override;
  [[nodiscard]] Result<std::unique_ptr<DocumentCursor>> Scan(std::string_view collection,
                                                             const IdRange& range,
                                                             const Call& call) override;
  [[nodiscard]] Result<std::vector<IdRange>> SplitRanges(std::string_view collection,
                                                         std::size_t ranges_max,
                                                         const Call& call) override;
  [[nodiscard]] Result<std::vector<std::optional<Document>>> FindByIds(std::string_view collection,
                                                                       std::span<const Value> ids,
                                                                       const Call& call) override;
  [[nodiscard]] Result<std::vector<Document>> FindByField(std::string_view collection,
                                                          std::string_view path,
                                                          std::span<const Value> values,
                                                          std::size_t count_max,
                                                          const Call& call) override;
  [[nodiscard]] Result<std::vector<WriteResult>> Apply(std::string_view collection,
                                                       std::span<const Write> writes,
                                                       const WriteOptions& options,
                                                       const Call& call) override;
  [[nodiscard]] Result<std::unique_ptr<ChangeFeed>> OpenFeed(std::vector<std::string> collections,
                                                             const Call& call) override;
  [[nodiscard]] Result<FenceKind> PossibleFence(std::string_view collection,
                                                const Call& call) override;
  [[nodiscard]] Result<Document> FenceUndo(std::string_view collection, FenceKind kind,
                                           const Call& call) override;
  [[nodiscard]] Status RaiseFence(std::string_view collection, FenceKind kind,
                                  const Call& call) override;
  [[nodiscard]] Status LiftFence(std::string_view collection, FenceKind kind, const Document& undo,
                                 const Call& call) override;
  [[nodiscard]] Result<bool> IsFenced(std::string_view collection, const Call& call) override;

 private:
  /// `change(connection, entry)` in a write transaction; nothing to do where the collection or the
  /// file is absent.
  template <class F>
  [[nodiscard]] Status ChangeExisting(std::string_view collection, const Call& call, F&& change);
  [[nodiscard]] Status CreateIndex(std::string_view collection, const Document& index,
                                   const Call& call);
  /// Nearly always none of many inserts meets anything. kAlreadyExists: one does, and nothing of
  /// them was made.
  [[nodiscard]] Status InsertAll(std::string_view collection, std::span<const Write> writes,
                                 const Call& call);

  const std::shared_ptr<Connections> connections_;
  const std::string identity_;
  Clock& clock_;
};

template <class F>
Status Store::ChangeExisting(std::string_view collection, const Call& call, F&& change) {
  REHOME_TRY_ASSIGN(const bool present,
                    connections_->Read(call, false, [&](Connection& connection) -> Result<bool> {
                      REHOME_TRY_ASSIGN(const std::optional<CollectionEntry> entry,
                                        FindCollection(connection, collection));
                      return entry.has_value();
                    }));
  if (!present) {
    return {};
  }
  return connections_->Write(call, [&](Connection& connection) -> Status {
    REHOME_TRY_ASSIGN(const std::optional<CollectionEntry> entry,
                      FindCollection(connection, collection));
    return entry ? change(connection, *entry) : Status{};
  });
}

Status CheckName(std::string_view collection) {
  if (collection.empty() || collection.contains('\0')) {
    return Fail(ErrorCode::kInvalidArgument,
                "a collection's name must not be empty nor hold a NUL byte");
  }
  return {};
}

Result<Document> Store::Describe(const Call& call) {
  REHOME_TRY_ASSIGN(const bool exists, connections_->Exists());
  REHOME_TRY_ASSIGN(const std::int64_t page_bytes,
                    connections_->Read<std::int64_t>(call, 0, [](Connection& connection) {
                      return connection.ReadInt("PRAGMA page_size");
                    }));
  return DocumentBuilder()
      .String("store", "sqlite")
      .String("version", sqlite3_libversion())
      .String("file", connections_->file().string())
      .Bool("exists", exists)
      .Int64("page_bytes", page_bytes)
      .String("topology", "embedded")
      .Bool("change_feed", true)
      .Finish();
}

Result<std::vector<CollectionInfo>> Store::Collections(const Call& call) {
  return connections_->Read(call, std::vector<CollectionInfo>{}, ListCollections);
}

Status Store::CreateCollection(std::string_view collection, const Document& options,
                               const Call& call) {
  REHOME_TRY(CheckName(collection));
  return connections_->Write(call, [&](Connection& connection) -> Status {
    REHOME_TRY(EnsureCollection(connection, collection, options));
    return {};
  });
}

Status Store::DropCollection(std::string_view collection, const Call& call) {
  return ChangeExisting(collection, call, Drop);
}

Status Store::RenameCollection(std::string_view from, std::string_view to, const Call& call) {
  REHOME_TRY(CheckName(to));
  return connections_->Write(call, [&](Connection& connection) -> Status {
    REHOME_TRY_ASSIGN(const std::optional<CollectionEntry> source,
                      FindCollection(connection, from));
    REHOME_TRY_ASSIGN(const std::optional<CollectionEntry> target, FindCollection(connection, to));
    if (source && target) {
      return Fail(ErrorCode::kAlreadyExists,
                  fmt::format("{} cannot be renamed to {}, which exists", from, to));
    }
    if (!source && !target) {
      return Fail(ErrorCode::kNotFound, fmt::format("there is no collection {} to rename", from));
    }
    return source ? Rename(connection, *source, to) : Status{};
  });
}

Status Store::EnsureIndex(std::string_view collection, const IndexSpec& index, const Call& call) {
  return CreateIndex(collection, IndexDocument(index), call);
}

Status Store::RestoreIndex(std::string_view collection, const Document& index, const Call& call) {
  return CreateIndex(collection, index, call);
}

Status Store::CreateIndex(std::string_view collection, const Document& index, const Call& call) {
  REHOME_TRY(CheckName(collection));
  const std::optional<ValueView> name = index.Find("name");
  if (!name || !name->IsString() || name->AsString().empty()) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("an index of {} has no name", collection));
  }
  if (name->AsString() == kPrimaryIndex) {
    return {};
  }
  return connections_->Write(call, [&](Connection& connection) -> Status {
    REHOME_TRY_ASSIGN(const CollectionEntry entry,
                      EnsureCollection(connection, collection, Document()));
    REHOME_TRY_ASSIGN(const std::vector<IndexEntry> present, FindIndexes(connection, entry.number));
    for (const IndexEntry& other : present) {
      if (other.document.Find("name") != name) {
        continue;
      }
      // A collection copied from elsewhere may write the same index in other words (1.0 for 1,
      // another `v`).
      const std::optional<IndexSpec> spec = ParseIndex(index.view());
      if (other.document == index || (spec && other.built && other.spec == *spec)) {
        return {};
      }
      return Fail(
          ErrorCode::kFailedPrecondition,
          fmt::format("{} already has another index of the name {}", collection, name->AsString()),
          "drop that index or name this one differently");
    }
    REHOME_TRY_ASSIGN(const IndexEntry added, AddIndex(connection, entry, index));
    return added.built ? BuildIndex(connection, entry, added, false, call) : Status{};
  });
}

Status Store::DropIndex(std::string_view collection, std::string_view name, const Call& call) {
  return ChangeExisting(collection, call,
                        [&](Connection& connection, const CollectionEntry& entry) -> Status {
                          REHOME_TRY_ASSIGN(const std::vector<IndexEntry> indexes,
                                            FindIndexes(connection, entry.number));
                          for (const IndexEntry& index : indexes) {
                            if (index.document.Find("name") == Value::String(name).view()) {
                              return RemoveIndex(connection, entry, index);
                            }
                          }
                          return {};
                        });
}

Result<std::uint64_t> Store::Count(std::string_view collection, const Call& call) {
  return connections_->Read<std::uint64_t>(
      call, 0, [&](Connection& connection) -> Result<std::uint64_t> {
        REHOME_TRY_ASSIGN(const std::optional<CollectionEntry> entry,
                          FindCollection(connection, collection));
        if (!entry) {
          return 0;
        }
        REHOME_TRY_ASSIGN(const std::int64_t count,
                          connection.ReadInt("SELECT count(*) FROM " + TableName(collection)));
        return static_cast<std::uint64_t>(count);
      });
}

Result<std::unique_ptr<DocumentCursor>> Store::Scan(std::string_view collection,
                                                    const IdRange& range, const Call& call) {
  return std::make_unique<Cursor>(connections_, collection, range, call);
}

Result<std::vector<IdRange>> Store::SplitRanges(std::string_view collection, std::size_t ranges_max,
                                                const Call& call) {
  const std::size_t parts = std::max<std::size_t>(ranges_max, 1);
  if (parts == 1) {
    return std::vector<IdRange>(1);
  }
  return connections_->Read(call, std::vector<IdRange>(1),
                            [&](Connection& connection) -> Result<std::vector<IdRange>> {
                              REHOME_TRY_ASSIGN(const std::optional<CollectionEntry> entry,
                                                FindCollection(connection, collection));
                              return entry ? CutEvenly(connection, collection, parts, call)
                                           : Result<std::vector<IdRange>>(std::vector<IdRange>(1));
                            });
}

Result<std::vector<std::optional<Document>>> Store::FindByIds(std::string_view collection,
                                                              std::span<const Value> ids,
                                                              const Call& call) {
  using Found = std::vector<std::optional<Document>>;
  return connections_->Read(call, Found(ids.size()), [&](Connection& connection) -> Result<Found> {
    Found found(ids.size());
    REHOME_TRY_ASSIGN(const std::optional<CollectionEntry> entry,
                      FindCollection(connection, collection));
    if (!entry) {
      return found;
    }
    REHOME_TRY_ASSIGN(Statement find,
                      connection.Prepare(fmt::format("SELECT key, document FROM {} WHERE key = ?1",
                                                     TableName(collection))));
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const std::string key = SortKey(ids[i].view());
      REHOME_TRY_ASSIGN(const bool row, find.Blob(1, key).Step());
      if (row) {
        REHOME_TRY_ASSIGN(found[i], DocumentAt(find, collection));
      }
      find.Reset();
    }
    return found;
  });
}

Result<std::vector<Document>> Store::FindByField(std::string_view collection, std::string_view path,
                                                 std::span<const Value> values,
                                                 std::size_t count_max, const Call& call) {
  std::vector<std::string> wanted;
  std::vector<std::string> parts;
  bool whole_arrays = false;  // an index holds their elements only
  for (const Value& value : values) {
    wanted.push_back(SortKey(value.view()));
    parts.push_back(KeyPart(value.view()));
    whole_arrays = whole_arrays || value.view().type() == BsonType::kArray;
  }
  std::ranges::sort(wanted);
  const Matching matching{
      .collection = collection, .path = path, .values = wanted, .count_max = count_max};
  return connections_->Read(
      call, std::vector<Document>{}, [&](Connection& connection) -> Result<std::vector<Document>> {
        std::vector<Document> found;
        REHOME_TRY_ASSIGN(const std::optional<CollectionEntry> entry,
                          FindCollection(connection, collection));
        if (!entry) {
          return found;
        }
        REHOME_TRY_ASSIGN(const std::vector<IndexEntry> indexes,
                          FindIndexes(connection, entry->number));
        const auto index = std::ranges::find_if(
            indexes, [&](const IndexEntry& i) { return i.built && i.spec.paths.front() == path; });
        if (index == indexes.end() || entry->stale || whole_arrays) {
          REHOME_TRY_ASSIGN(Statement scan, connection.Prepare(fmt::format(
                                                "SELECT key, document FROM {} ORDER BY key",
                                                TableName(collection))));
          REHOME_TRY(KeepMatching(scan, matching, call, found));
          return found;
        }
        REHOME_TRY_ASSIGN(const std::vector<std::string> keys,
                          KeysInIndex(connection, *index, parts));
        REHOME_TRY_ASSIGN(Statement find, connection.Prepare(fmt::format(
                                              "SELECT key, document FROM {} WHERE key = ?1",
                                              TableName(collection))));
        for (const std::string& key : keys) {
          find.Blob(1, key);
          REHOME_TRY(KeepMatching(find, matching, call, found));
          find.Reset();
        }
        return found;
      });
}

Status Store::InsertAll(std::string_view collection, std::span<const Write> writes,
                        const Call& call) {
  return connections_->Write(call, [&](Connection& connection) -> Status {
    REHOME_TRY_ASSIGN(const CollectionEntry entry,
                      EnsureCollection(connection, collection, Document()));
    REHOME_TRY_ASSIGN(CollectionWriter writer, CollectionWriter::Open(connection, entry, call));
    REHOME_TRY_ASSIGN(const bool alone, writer.InsertAll(writes));
    return alone ? Status{} : Fail(ErrorCode::kAlreadyExists, "one of many inserts has a rival");
  });
}

Result<std::vector<WriteResult>> Store::Apply(std::string_view collection,
                                              std::span<const Write> writes,
                                              const WriteOptions& options, const Call& call) {
  REHOME_TRY(CheckName(collection));
  REHOME_TRY(CheckWrites(collection, writes));
  if (writes.size() > 1 && !options.bypass_fence &&
      std::ranges::all_of(writes, [](const Write& w) { return w.kind == Write::Kind::kInsert; })) {
    const Status inserted = InsertAll(collection, writes, call);
    if (inserted) {
      return std::vector<WriteResult>(writes.size());
    }
    if (inserted.error().code != ErrorCode::kAlreadyExists) {
      return std::unexpected(inserted.error());
    }
  }
  return connections_->Write(call, [&](Connection& connection) -> Result<std::vector<WriteResult>> {
    REHOME_TRY_ASSIGN(const CollectionEntry entry,
                      EnsureCollection(connection, collection, Document()));
    REHOME_TRY_ASSIGN(CollectionWriter writer, CollectionWriter::Open(connection, entry, call));
    if (options.bypass_fence) {
      REHOME_TRY(Bypass::Raise(connection));
    }
    std::vector<WriteResult> results;
    results.reserve(writes.size());
    for (const Write& write : writes) {
      REHOME_TRY_ASSIGN(WriteResult result, writer.Apply(write));
      results.push_back(std::move(result));
    }
    if (options.bypass_fence) {
      REHOME_TRY(Bypass::Lower(connection));
    }
    return results;
  });
}

Result<std::unique_ptr<ChangeFeed>> Store::OpenFeed(std::vector<std::string> collections,
                                                    const Call& /*call*/) {
  return Feed::Open(connections_, std::move(collections), clock_);
}

Result<FenceKind> Store::PossibleFence(std::string_view /*collection*/, const Call& /*call*/) {
  return FenceKind::kTrigger;
}

Result<Document> Store::FenceUndo(std::string_view /*collection*/, FenceKind /*kind*/,
                                  const Call& /*call*/) {
  return Document();
}

Status Store::RaiseFence(std::string_view collection, FenceKind kind, const Call& call) {
  REHOME_TRY(CheckName(collection));
  if (kind != FenceKind::kTrigger) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("SQLite has no fence of the kind {}", Name(kind)), "ask PossibleFence");
  }
  return connections_->Write(call, [&](Connection& connection) -> Status {
    REHOME_TRY_ASSIGN(const CollectionEntry entry,
                      EnsureCollection(connection, collection, Document()));
    return AddFence(connection, entry);
  });
}

Status Store::LiftFence(std::string_view collection, FenceKind /*kind*/, const Document& /*undo*/,
                        const Call& call) {
  return ChangeExisting(collection, call, RemoveFence);
}

Result<bool> Store::IsFenced(std::string_view collection, const Call& call) {
  return connections_->Read(call, false, [&](Connection& connection) -> Result<bool> {
    REHOME_TRY_ASSIGN(const std::optional<CollectionEntry> entry,
                      FindCollection(connection, collection));
    return entry ? HasFence(connection, *entry) : Result<bool>(false);
  });
}

}  // namespace
}  // namespace sqlite

Result<std::unique_ptr<DocumentStore>> SqliteDocumentStore::Open(const std::filesystem::path& file,
                                                                 OpenMode mode, Clock& clock) {
  std::error_code error;
  const std::filesystem::path absolute =
      std::filesystem::weakly_canonical(std::filesystem::absolute(file, error), error);
  if (file.empty() || error) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("`{}` names no file: {}", file.string(), error.message()));
  }
  if (std::filesystem::is_directory(absolute, error)) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("{} is a directory", absolute.string()),
                "name a SQLite file in it, or one that does not exist yet");
  }
  return std::make_unique<sqlite::Store>(std::make_shared<sqlite::Connections>(absolute, mode),
                                         "sqlite:" + absolute.string(), clock);
}

}  // namespace rehome
