#pragma once
// ledger.h — who wrote what: the intents.
//
// Before a batch is written to either store, Open() makes one record of it durable: per datum its
// id, the digest of what stands there and the digest of what will. After the batch, Close() notes
// which of them were really written. From that alone follows what is ours:
//   ours     equals the last closed write of its id, or one that is still open (a crash between)
//   changed  its id has a closed write of ours and it equals none of these
//   foreign  its id has none
// A batch is stored in records of at most kEntriesMax entries, found again by id through an index
// on `ids`. A closed record keeps the entries that were written, and loses those that a later
// closed write of their id supersedes (FindToWrite()); of an id that was deleted nothing stays. So
// the ledger of a run that follows its source for weeks has the size of the target, not of all that
// ever happened.
#include <atomic>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/digest.h"
#include "base/error.h"
#include "model/document.h"
#include "ports/document_store.h"

namespace rehome {

/// What a batch is about: a collection of the target, or a namespace.
struct LedgerTarget {
  enum class Store : std::uint8_t { kDocuments, kVectors };
  Store store = Store::kDocuments;
  std::string name;
  bool operator==(const LedgerTarget&) const = default;
};

struct LedgerEntry {
  Value id;                         // a document's _id; a vector's id as a string
  std::optional<Md5Digest> before;  // absent: nothing stood there
  std::optional<Md5Digest> after;   // absent: a delete
  std::optional<Md5Digest> text;    // vectors: MD5 of the embedded text
};

/// What decides about one id: the writes that are still open, newest first, then the last closed
/// one. A closed delete decides like no history.
struct OwnedHistory {
  struct Step {
    std::optional<Md5Digest> before;
    std::optional<Md5Digest> after;
    std::optional<Md5Digest> text;
    bool open = false;
  };
  std::vector<Step> steps;

  /// The closed step; null if no write of this id was closed.
  [[nodiscard]] const Step* LastDone() const;
};

enum class Ownership : std::uint8_t { kOurs, kChanged, kForeign };
/// Judges a datum that stands in the target with digest `found`.
[[nodiscard]] Ownership Judge(const OwnedHistory& history, const Md5Digest& found);

class Ledger {
 public:
  /// A batch's part for one target.
  struct Intent {
    LedgerTarget target;
    std::vector<LedgerEntry> entries;
  };

  static constexpr std::size_t kEntriesMax = 128;

  /// `epoch` is the lease's: batch numbers of different runners never meet. `store` must outlive
  /// it.
  Ledger(DocumentStore& store, std::string run_id, std::int64_t epoch);

  /// Creates the indexes that Find() and LeftOpen() need; once per run.
  [[nodiscard]] static Status Prepare(DocumentStore& store, const Call& call);

  /// A batch whose intents are durable. Must be closed with one outcome per entry, in order.
  struct Batch {
    std::vector<Document> records;
  };
  [[nodiscard]] Result<Batch> Open(const LedgerTarget& target, std::span<const LedgerEntry> entries,
                                   const Call& call);
  /// One batch over several targets, made durable at once.
  [[nodiscard]] Result<Batch> Open(std::span<const Intent> intents, const Call& call);
  [[nodiscard]] Status Close(const Batch& batch, const std::vector<bool>& written,
                             const Call& call);

  /// One history per id, in the order asked.
  [[nodiscard]] Result<std::vector<OwnedHistory>> Find(const LedgerTarget& target,
                                                       std::span<const Value> ids,
                                                       const Call& call) const;
  /// Find(), for the runner that is about to write to these ids: where it meets many superseded
  /// entries it drops them. Dropping changes no history, whatever it is interrupted by.
  [[nodiscard]] Result<std::vector<OwnedHistory>> FindToWrite(const LedgerTarget& target,
                                                              std::span<const Value> ids,
                                                              const Call& call);

  /// A batch that an earlier runner opened and never closed: its crash came between intent and
  /// outcome.
  struct OpenRecord {
    LedgerTarget target;
    std::vector<LedgerEntry> entries;
    Document record;
  };
  /// Open records of this run with an epoch below this runner's.
  [[nodiscard]] Result<std::vector<OpenRecord>> LeftOpen(const Call& call) const;
  [[nodiscard]] Status Close(const OpenRecord& record, const std::vector<bool>& written,
                             const Call& call);

 private:
  struct Reading;
  /// Adds the records of one target's part.
  void AddTo(Batch& batch, const LedgerTarget& target, std::span<const LedgerEntry> entries);
  [[nodiscard]] Result<Batch> MakeDurable(Batch batch, const Call& call);
  [[nodiscard]] Result<Reading> Read(const LedgerTarget& target, std::span<const Value> ids,
                                     const Call& call) const;
  /// True if all of them are made.
  [[nodiscard]] Result<bool> ApplyAll(std::span<const Write> writes, const Call& call);
  [[nodiscard]] Status Forget(const LedgerTarget& target, std::span<const Value> deleted,
                              const Call& call);

  DocumentStore& store_;
  const std::string run_id_;
  const std::int64_t epoch_;
  const std::string id_prefix_;
  std::atomic<std::int64_t> next_ = 0;
};

}  // namespace rehome
