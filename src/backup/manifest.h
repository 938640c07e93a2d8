#pragma once
// manifest.h — what a backup says about itself. Its text is canonical: one manifest has one text,
// and a file whose bytes differ from the text of what was read out of it is refused. That alone
// finds unknown and repeated keys, other number forms and white space; the SHA-256 inside finds the
// rest.
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backup/codec.h"
#include "base/digest.h"
#include "base/error.h"
#include "model/document.h"

namespace rehome {

inline constexpr std::int64_t kBackupFormat = 1;
inline constexpr std::int64_t kPackedFormat = 2;  // files are compressed, encrypted or both

struct BackupFile {
  std::string path;  // inside the backup, with `/`; always the one that names.h makes
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
  std::string md5;     // 32 lower-case hex digits
  std::string sha256;  // 64
  bool operator==(const BackupFile&) const = default;
};

/// How the contents relate to the writes made while they were read.
enum class Consistency : std::uint8_t {
  kExact,  // the state at the end position
  kFuzzy,  // each record as it stood at some moment of the window
};
[[nodiscard]] std::string_view Name(Consistency consistency);

/// The time in which the records were read, and the change positions (empty where there is no
/// feed).
struct BackupWindow {
  Consistency consistency = Consistency::kFuzzy;
  std::string started_at;  // "2026-11-23T11:49:02.123Z"
  std::string finished_at;
  std::string start_position;
  std::string end_position;
  bool operator==(const BackupWindow&) const = default;
};

struct CollectionBackup {
  std::string name;
  bool present = false;  // absent collections give an empty file
  Document options;      // as CollectionInfo, the validator among them
  std::vector<Document> indexes;
  std::uint64_t records = 0;
  SetDigest digest;   // DocumentDigest of every document as read
  SetDigest content;  // MD5 of every document's bytes as read, embedding marks included
  BackupWindow window;
  std::vector<BackupFile> files;  // .json; then .bson if a document needs it
  bool operator==(const CollectionBackup&) const = default;
};

struct NamespaceBackup {
  std::string name;
  std::uint64_t records = 0;
  SetDigest digest;                         // VectorDigest of every record
  std::optional<std::uint64_t> statistics;  // the index's own count when the listing was complete
  std::int64_t dimension = 0;
  std::string metric;
  std::string vector_type;
  std::optional<std::uint64_t> lsn;  // indexed when the reading began
  BackupWindow window;
  std::vector<BackupFile> files;  // one
  bool operator==(const NamespaceBackup&) const = default;
};

struct Manifest {
  std::string created_at;
  std::string documents_source;  // DocumentStore::Identity(); empty: no documents in this backup
  std::string vectors_source;
  std::vector<CollectionBackup> collections;
  std::vector<NamespaceBackup> namespaces;
  std::map<std::string, std::string>
      notes;  // run, plan, audit head: what the caller wants to find again
  bool zstd = false;
  std::string key_mark;  // StreamKey::Mark() of the key of its files; empty: not encrypted
  bool operator==(const Manifest&) const = default;
};

/// The canonical text, the SHA-256 of everything before it as its last field.
/// kInvalidArgument if a name is not UTF-8.
[[nodiscard]] Result<std::string> ManifestText(const Manifest& manifest);
/// The SHA-256 that stands in the text of a manifest.
[[nodiscard]] std::string ManifestSha256(std::string_view text);
/// kFailedPrecondition: a format this version does not read, by number. kDataLoss: anything else,
/// with what is wrong.
[[nodiscard]] Result<Manifest> ParseManifest(std::string_view text);
/// What reads the files of this backup. `key`: 64 hexadecimal digits, or empty.
/// kFailedPrecondition: it is encrypted, and this is not the key, or there is none.
[[nodiscard]] Result<Packing> PackingOf(const Manifest& manifest, const Secret& key);
/// Also kNotFound. Refuses what is not a regular file.
[[nodiscard]] Result<Manifest> ReadManifest(const std::filesystem::path& backup_dir);

}  // namespace rehome
