#pragma once
// names.h — the names of what a backup consists of. A collection or namespace may be called
// anything; a file may not.
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"

namespace rehome {

inline constexpr std::string_view kManifestFile = "manifest.json";
inline constexpr std::string_view kDocumentsDir = "documents";
inline constexpr std::string_view kVectorsDir = "vectors";
/// What the name of a file ends in that is being written.
inline constexpr std::string_view kPartSuffix = ".part";
/// Collections of the journal: no backup is restored over them.
inline constexpr std::string_view kJournalPrefix = "rehome_";

/// A file name's stem for `name`: letters, digits, `_`, `-` and inner dots stay, every other byte
/// becomes %XX (upper-case hex). One that would be longer than 180 bytes becomes a prefix, `%-` and
/// its SHA-256 in hex.
[[nodiscard]] std::string EncodeName(std::string_view name);
/// The name that EncodeName made `stem` of. Nothing if it made none such, or if only the manifest
/// knows the name.
[[nodiscard]] std::optional<std::string> DecodeName(std::string_view stem);

/// Paths inside a backup, with `/`.
[[nodiscard]] std::string JsonPath(std::string_view collection);
[[nodiscard]] std::string BsonPath(std::string_view collection);
[[nodiscard]] std::string VectorsPath(std::string_view ns);

/// "20261123T114902Z", and "20261123T114902Z-002" for the second one of that second.
[[nodiscard]] std::string BackupName(WallTime time, unsigned number);
[[nodiscard]] bool IsBackupName(std::string_view name);
/// The name under which a backup is written until it is whole; recognisable after a crash.
[[nodiscard]] std::string UnfinishedName(std::string_view backup_name);
[[nodiscard]] bool IsUnfinishedName(std::string_view name);

}  // namespace rehome
