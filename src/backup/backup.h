#pragma once
// backup.h — makes, finds, verifies, restores and proves backups (design.md section 7).
//   streams   memory does not grow with the number of records
//   order     records in `_id` (or id) order: equal data gives equal files, the manifest's times
//             apart
//   crash     a backup appears under its name when it is whole and synced; leftovers show as such
//   errors    kResourceExhausted: full disk; kFailedPrecondition: a directory that may not be
//             written; the stores' errors with the collection or namespace before them
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "backup/manifest.h"
#include "base/clock.h"
#include "base/error.h"
#include "model/document.h"
#include "model/vector_record.h"
#include "ports/call.h"
#include "ports/document_store.h"
#include "ports/event_sink.h"
#include "ports/vector_store.h"

namespace rehome {

struct BackupRequest {
  DocumentStore* documents = nullptr;  // null: no documents
  VectorStore* vectors = nullptr;      // null: no vectors
  std::vector<std::string> collections;
  std::vector<std::string> namespaces;
  std::filesystem::path dir;                 // the backup is made below it; created if absent
  std::map<std::string, std::string> notes;  // into the manifest: no secrets
  Phase phase = Phase::kPrepare;             // for progress
  bool zstd = false;                         // compressed
  Secret key{};                              // encrypted; 64 hexadecimal digits, empty: not
  /// An interrupted backup goes on behind the last multiple of this, or so.
  std::uint64_t checkpoint_bytes = std::uint64_t{16} << 20U;
  bool read_ahead = false;  // the next documents on a thread of their own, while some are written
  bool resume = true;       // false: whatever was left is left alone
};

struct BackupResult {
  std::filesystem::path path;
  std::string manifest_sha256;        // the one inside the manifest
  Manifest manifest;                  // per collection and namespace: records, digests, files
  std::vector<std::string> warnings;  // absent collections, statistics that lag, fuzzy windows
};

/// An unfinished backup of the same things below `dir`, which a crash or a stop left and which nobody
/// is writing, is gone on with.
[[nodiscard]] Result<BackupResult> CreateBackup(const BackupRequest& request, Clock& clock,
                                                EventSink& events, const Call& call);

struct BackupListing {
  std::vector<std::filesystem::path> backups;     // oldest first; damaged ones too
  std::vector<std::filesystem::path> unfinished;  // what crashes left
};
/// An absent directory holds none.
[[nodiscard]] Result<BackupListing> ListBackups(const std::filesystem::path& dir);
/// `path` itself if it is a backup, else the newest below it; kNotFound if there is none.
[[nodiscard]] Result<std::filesystem::path> FindBackup(const std::filesystem::path& path);

/// One thing that is wrong with a backup or a restored copy.
struct BackupProblem {
  enum class Kind : std::uint8_t {
    kManifest,    // unreadable, edited, of another format
    kMissing,     // a file of the manifest is not there
    kExtra,       // a file that the manifest does not name
    kNotRegular,  // a link, device, or a file with a second name
    kTruncated,   // shorter or longer than the manifest says
    kSwapped,     // holds what another file of this backup should
    kChecksum,    // bytes differ
    kRecord,      // a line that is no record, out of order, repeated or of a wrong dimension
    kCount,       // other number of records
    kDigest,      // other documents or vectors
    kUnreadable,  // the system refuses to read it
  };
  Kind kind = Kind::kManifest;
  std::string file;        // inside the backup; for restored copies the collection or namespace
  std::uint64_t line = 0;  // from 1; 0: the whole file
  std::string detail;
};
[[nodiscard]] std::string_view Name(BackupProblem::Kind kind);

struct VerifyResult {
  std::vector<BackupProblem> problems;  // empty: whole. At most 20 per file.
  std::optional<Manifest> manifest;     // if it could be read
  std::uint64_t records = 0;
  [[nodiscard]] bool passed() const { return problems.empty(); }
};
/// Reads every byte. What is wrong is data; an error means that verification could not finish
/// (kCancelled, kNotFound; kFailedPrecondition: encrypted, and `key` does not open it).
[[nodiscard]] Result<VerifyResult> VerifyBackup(const std::filesystem::path& backup_dir,
                                                const std::stop_token& stop = {},
                                                const Secret& key = {});

struct RestoreRequest {
  std::filesystem::path backup;                         // a backup, not the directory above it
  DocumentStore* documents = nullptr;                   // null: documents are left out
  VectorStore* vectors = nullptr;                       // null: vectors are left out
  std::optional<std::vector<std::string>> collections;  // nothing: all of the backup
  std::optional<std::vector<std::string>> namespaces;
  bool overwrite = false;  // a record that differs is saved, then replaced
  bool exact = false;      // a record that the backup does not hold is saved, then removed
  Phase phase = Phase::kPrepare;
  Secret key{};  // of an encrypted backup
  /// Called before a record is replaced or removed; its error stops the restore. Needed for
  /// overwrite and exact.
  std::function<Status(const std::string& collection, const Document&)> save_document;
  std::function<Status(const std::string& ns, const VectorRecord&)> save_vector;
};

/// What became of the records of one collection or namespace.
struct WrittenCounts {
  std::uint64_t inserted = 0;
  std::uint64_t equal = 0;
  std::uint64_t replaced = 0;
  std::uint64_t different = 0;  // kept as the store has it
  std::uint64_t extra = 0;      // in the store, not in the backup; kept
  std::uint64_t removed = 0;
  std::vector<std::string>
      different_ids;  // the first 1,000: `_id` as Extended JSON, or the vector's id
  bool operator==(const WrittenCounts&) const = default;
};

struct RestoreResult {
  std::map<std::string, WrittenCounts> collections;
  std::map<std::string, WrittenCounts> namespaces;
  std::vector<std::string> warnings;
  /// Nothing that differs was kept.
  [[nodiscard]] bool complete() const;
};
/// Every record written is read back before it counts. Running it again goes on where it stopped.
/// kDataLoss: the backup does not verify, with its first problem. kInvalidArgument: a name that it
/// does not hold. Collections of the journal (`rehome_*`) are left alone, with a warning.
[[nodiscard]] Result<RestoreResult> RestoreBackup(const RestoreRequest& request, Clock& clock,
                                                  EventSink& events, const Call& call);

struct ProofResult {
  std::vector<BackupProblem> problems;  // empty: what was restored is what was read
  Millis took{0};                       // the restore alone
  std::uint64_t documents = 0;
  std::uint64_t vectors = 0;
  [[nodiscard]] bool passed() const { return problems.empty(); }
};
/// Restores the whole backup into the request's stores, empty scratch ones with documents at least,
/// and compares their digests with those of the bytes as read from the source.
[[nodiscard]] Result<ProofResult> ProveRestore(const RestoreRequest& request, Clock& clock,
                                               EventSink& events, const Call& call);

}  // namespace rehome
