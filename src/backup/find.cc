#include <algorithm>
#include <system_error>

#include "backup/backup.h"
#include "backup/names.h"
#include "base/atomic_file.h"

namespace rehome {

Result<BackupListing> ListBackups(const std::filesystem::path& dir) {
  BackupListing out;
  std::error_code failed;
  std::filesystem::directory_iterator entries(dir, failed);
  if (failed == std::errc::no_such_file_or_directory) {
    return out;
  }
  for (; !failed && entries != std::filesystem::directory_iterator(); entries.increment(failed)) {
    std::error_code ignored;
    const std::string name = entries->path().filename().string();
    if (!std::filesystem::is_directory(entries->symlink_status(ignored))) {
      continue;
    }
    if (IsBackupName(name)) {
      out.backups.push_back(entries->path());
    } else if (IsUnfinishedName(name)) {
      out.unfinished.push_back(entries->path());
    }
  }
  if (failed) {
    return std::unexpected(FileError(failed.value(), "cannot list", dir));
  }
  std::ranges::sort(out.backups);
  std::ranges::sort(out.unfinished);
  return out;
}

Result<std::filesystem::path> FindBackup(const std::filesystem::path& path) {
  std::error_code failed;
  // Without a file name ("backups/20261123T114902Z/") the name is the directory's.
  const std::filesystem::path named = path.has_filename() ? path : path.parent_path();
  if (std::filesystem::exists(std::filesystem::symlink_status(path / kManifestFile, failed)) ||
      (IsBackupName(named.filename().string()) && std::filesystem::is_directory(path, failed))) {
    return path;
  }
  REHOME_TRY_ASSIGN(BackupListing listing, ListBackups(path));
  if (listing.backups.empty()) {
    return Fail(ErrorCode::kNotFound, "no backup in " + path.string(),
                "make one with `rehome backup create`");
  }
  return std::move(listing.backups.back());
}

}  // namespace rehome
