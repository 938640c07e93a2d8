#pragma once
// document_store.h — where documents live. Implementations: adapters/{sqlite,mongodb}.
// Contract for all methods (checked by tests/contract/document_store_contract.h):
//   threads   safe to call from several threads at once
//   repeat    calling again with the same arguments leaves the same state; outcomes tell what was
//             found
//   durable   what a call wrote survives a crash of everything once it returned (MongoDB: majority)
//   reads     see every write acknowledged before the call (MongoDB: majority)
//   errors    kUnavailable, kDeadlineExceeded, kOutcomeUnknown may be retried; kResourceExhausted
//             is a full disk; kUnauthenticated names the missing privilege
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "model/document.h"
#include "ports/call.h"
#include "ports/change_feed.h"

namespace rehome {

/// Ids in MongoDB's order, after < _id <= upto; an absent bound is open. Covers every BSON type.
struct IdRange {
  std::optional<Value> after;
  std::optional<Value> upto;
};

struct CollectionInfo {
  std::string name;
  Document options;  // MongoDB's `options` (validator, collation, capped, viewOn, timeseries, …)
  std::vector<Document> indexes;  // MongoDB's index documents, `_id_` left out
};

/// Ascending single- or multi-field index; array fields index each element.
struct IndexSpec {
  std::string name;
  std::vector<std::string> paths;
  bool unique = false;
  bool operator==(const IndexSpec&) const = default;
};

struct Write {
  enum class Kind : std::uint8_t {
    kInsert,   // if no document has an equal _id or unique key
    kReplace,  // if the stored document equals `expected` byte for byte
    kDelete,   // if the stored document equals `expected` byte for byte
    kPut,      // insert or replace, whatever is there: journal and ordered restores only
  };
  Kind kind = Kind::kInsert;
  Document
      document;  // what is written; for kDelete: only its _id counts (usually `expected` itself)
  Document expected;  // kReplace, kDelete

  [[nodiscard]] static Write Insert(Document document) {
    return {Kind::kInsert, std::move(document), {}};
  }
  [[nodiscard]] static Write Replace(Document expected, Document document) {
    return {Kind::kReplace, std::move(document), std::move(expected)};
  }
  [[nodiscard]] static Write Delete(Document expected) {
    Document copy = expected;
    return {Kind::kDelete, std::move(copy), std::move(expected)};
  }
  [[nodiscard]] static Write Put(Document document) {
    return {Kind::kPut, std::move(document), {}};
  }
};

struct WriteResult {
  enum class Outcome : std::uint8_t { kApplied, kConflict };
  Outcome outcome = Outcome::kApplied;
  /// kConflict: the document with that _id as it stands (absent: there is none).
  std::optional<Document> found;
  /// kConflict on a unique index: the index's name.
  std::string unique_index;
  [[nodiscard]] bool applied() const { return outcome == Outcome::kApplied; }
};

/// Whether the store now says what the write wanted: a repeat after a lost reply meets its own
/// effect.
[[nodiscard]] bool IsMade(const Write& write, const WriteResult& result);

struct WriteOptions {
  /// Passes a fence and a validator: what was stored is restored, what was written is written back.
  bool bypass_fence = false;
};

/// Reads a range in id order, in batches; needs no open snapshot between two calls.
class DocumentCursor {
 public:
  virtual ~DocumentCursor() = default;
  /// The next documents: at most `count_max` and about `bytes_max` bytes, at least one; empty at
  /// the end.
  [[nodiscard]] virtual Result<std::vector<Document>> Next(std::size_t count_max,
                                                           std::size_t bytes_max) = 0;
};

/// How a collection can be closed to the application's writes.
enum class FenceKind : std::uint8_t { kNone, kTrigger, kValidator, kUserWriteBlock };
[[nodiscard]] std::string_view Name(FenceKind kind);

class DocumentStore {
 public:
  virtual ~DocumentStore() = default;

  /// Who the store is, without credentials: equal for two handles of the same database
  /// ("sqlite:/abs/path/app.db").
  [[nodiscard]] virtual std::string Identity() const = 0;
  /// Reaches the store and reports what it is (version, topology, …) for `check`: flat, printable.
  [[nodiscard]] virtual Result<Document> Describe(const Call& call) = 0;
  /// Whether several threads that write get further than one: a server takes their batches side by
  /// side, a file one after the other.
  [[nodiscard]] virtual bool WritesSideBySide() const = 0;
  /// How long a write may still be under way after the process that asked for it died: a server ends
  /// what it has begun.
  [[nodiscard]] virtual Millis WritesOutlive() const = 0;

  /// All collections in name order; internal ones of the store itself left out, `rehome_*`
  /// included.
  [[nodiscard]] virtual Result<std::vector<CollectionInfo>> Collections(const Call& call) = 0;
  /// Creates it with MongoDB's `options` (validator, …); an existing one is left as it is.
  [[nodiscard]] virtual Status CreateCollection(std::string_view collection,
                                                const Document& options, const Call& call) = 0;
  /// An absent one is success.
  [[nodiscard]] virtual Status DropCollection(std::string_view collection, const Call& call) = 0;
  /// kAlreadyExists if `to` exists. Renaming what was already renamed (from absent, to present) is
  /// success.
  [[nodiscard]] virtual Status RenameCollection(std::string_view from, std::string_view to,
                                                const Call& call) = 0;
  /// kAlreadyExists if stored documents break a unique index: the message names the value.
  [[nodiscard]] virtual Status EnsureIndex(std::string_view collection, const IndexSpec& index,
                                           const Call& call) = 0;
  /// Creates an index as Collections() reported it (restores); kinds the store cannot build are
  /// kept as metadata.
  [[nodiscard]] virtual Status RestoreIndex(std::string_view collection, const Document& index,
                                            const Call& call) = 0;
  [[nodiscard]] virtual Status DropIndex(std::string_view collection, std::string_view name,
                                         const Call& call) = 0;

  /// Exact; 0 for an absent collection.
  [[nodiscard]] virtual Result<std::uint64_t> Count(std::string_view collection,
                                                    const Call& call) = 0;
  [[nodiscard]] virtual Result<std::unique_ptr<DocumentCursor>> Scan(std::string_view collection,
                                                                     const IdRange& range,
                                                                     const Call& call) = 0;
  /// At most `ranges_max` ranges that together cover MinKey to MaxKey, of about equal counts.
  [[nodiscard]] virtual Result<std::vector<IdRange>> SplitRanges(std::string_view collection,
                                                                 std::size_t ranges_max,
                                                                 const Call& call) = 0;
  /// One answer per id, in the order asked; equal means MongoDB's equality (5 finds 5.0).
  [[nodiscard]] virtual Result<std::vector<std::optional<Document>>> FindByIds(
      std::string_view collection, std::span<const Value> ids, const Call& call) = 0;
  /// Documents whose `path` (or an element of the array there) equals one of `values`, in id order;
  /// fast where an index starts with `path`, else a scan.
  [[nodiscard]] virtual Result<std::vector<Document>> FindByField(std::string_view collection,
                                                                  std::string_view path,
                                                                  std::span<const Value> values,
                                                                  std::size_t count_max,
                                                                  const Call& call) = 0;

  /// Writes in order, all durable on return; each write is atomic, the batch need not be. One
  /// result per write. An absent collection is created. A document that the store cannot hold (over
  /// 16 MiB) is kInvalidArgument and nothing of the batch was written.
  [[nodiscard]] virtual Result<std::vector<WriteResult>> Apply(std::string_view collection,
                                                               std::span<const Write> writes,
                                                               const WriteOptions& options,
                                                               const Call& call) = 0;

  /// A feed over the named collections. kFailedPrecondition where the store has none (standalone
  /// server).
  [[nodiscard]] virtual Result<std::unique_ptr<ChangeFeed>> OpenFeed(
      std::vector<std::string> collections, const Call& call) = 0;

  /// The strongest fence possible on `collection`.
  [[nodiscard]] virtual Result<FenceKind> PossibleFence(std::string_view collection,
                                                        const Call& call) = 0;
  /// What LiftFence needs to put back (the old validator); journaled before RaiseFence is called.
  [[nodiscard]] virtual Result<Document> FenceUndo(std::string_view collection, FenceKind kind,
                                                   const Call& call) = 0;
  /// From its return on, writes of others to `collection` fail, with a message that names rehome.
  [[nodiscard]] virtual Status RaiseFence(std::string_view collection, FenceKind kind,
                                          const Call& call) = 0;
  /// Lifting what is not raised is success.
  [[nodiscard]] virtual Status LiftFence(std::string_view collection, FenceKind kind,
                                         const Document& undo, const Call& call) = 0;
  [[nodiscard]] virtual Result<bool> IsFenced(std::string_view collection, const Call& call) = 0;
};

}  // namespace rehome
