#include "backup/unfinished.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>
#include <ranges>
#include <system_error>
#include <utility>

#include "backup/backup.h"
#include "backup/names.h"
#include "base/atomic_file.h"

namespace rehome {
namespace {

using Json = nlohmann::ordered_json;

constexpr unsigned kBackupsPerSecondMax = 999;
constexpr std::size_t kProgressBytesMax = std::size_t{256} << 20U;
constexpr std::string_view kProgressFile = "progress.json";

std::string_view Name(BackupProgress::Stage stage) {
  switch (stage) {
    case BackupProgress::Stage::kScanning:
      return "scanning";
    case BackupProgress::Stage::kSettling:
      return "settling";
    case BackupProgress::Stage::kSettled:
      return "settled";
  }
  return "unknown";
}

Json FromMark(const FileMark& mark) {
  return {{"bytes", mark.bytes}, {"records", mark.records}, {"turns", mark.turns}};
}

FileMark ToMark(const Json& json) {
  return {.bytes = json.at("bytes"), .records = json.at("records"), .turns = json.at("turns")};
}

Status MakeDirectories(const std::filesystem::path& path) {
  std::error_code failed;
  if (path.empty() || std::filesystem::is_directory(path, failed)) {
    return {};
  }
  REHOME_TRY(MakeDirectories(path.parent_path()));
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return std::unexpected(FileError(errno, "cannot create directory", path));
  }
  return {};
}

Status MakeParts(const std::filesystem::path& path) {
  for (const std::string_view part : {kDocumentsDir, kVectorsDir}) {
    if (::mkdir((path / part).c_str(), 0700) != 0) {
      return std::unexpected(FileError(errno, "cannot create directory", path / part));
    }
  }
  return {};
}

}  // namespace

std::string BackupProgress::ToText() const {
  Json json{{"stage", Name(stage)},
            {"feed_start", feed_start},
            {"manifest", ManifestText(done).value_or("")}};
  if (part) {
    json["part"] = {{"name", part->name},
                    {"started_at", part->started_at},
                    {"json", FromMark(part->files.json)},
                    {"bson", part->files.bson ? FromMark(*part->files.bson) : Json()},
                    {"last", part->last},
                    {"lsn", part->lsn ? Json(*part->lsn) : Json()}};
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<BackupProgress> BackupProgress::Parse(std::string_view text) {
  try {
    const Json json = Json::parse(text);
    BackupProgress out;
    const std::string stage = json.at("stage");
    out.stage = stage == Name(Stage::kScanning)  ? Stage::kScanning
                : stage == Name(Stage::kSettled) ? Stage::kSettled
                                                 : Stage::kSettling;
    out.feed_start = json.at("feed_start");
    REHOME_TRY_ASSIGN(out.done, ParseManifest(json.at("manifest").get<std::string>()));
    if (const auto part = json.find("part"); part != json.end()) {
      Part& in = out.part.emplace();
      in.name = part->at("name");
      in.started_at = part->at("started_at");
      in.files.json = ToMark(part->at("json"));
      if (!part->at("bson").is_null()) {
        in.files.bson = ToMark(part->at("bson"));
      }
      in.last = part->at("last");
      if (!part->at("lsn").is_null()) {
        in.lsn = part->at("lsn").get<std::uint64_t>();
      }
    }
    return out;
  } catch (const Json::exception& exception) {
    return Fail(ErrorCode::kDataLoss, fmt::format("{}: {}", kProgressFile, exception.what()));
  }
}

Unfinished::Unfinished(Unfinished&& other) noexcept
    : dir_(std::move(other.dir_)),
      request_(std::move(other.request_)),
      time_(other.time_),
      path_(std::exchange(other.path_, {})),
      lock_(std::exchange(other.lock_, -1)),
      resumable_(other.resumable_),
      found_(std::move(other.found_)) {}

Unfinished::~Unfinished() {
  if (!path_.empty() && !resumable_) {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  if (lock_ >= 0) {
    static_cast<void>(::close(lock_));
  }
}

bool Unfinished::Lock(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  struct stat status{};
  const bool ours = fd >= 0 && ::fstat(fd, &status) == 0 && status.st_uid == ::geteuid() &&
                    ::flock(fd, LOCK_EX | LOCK_NB) == 0;
  if (!ours && fd >= 0) {
    static_cast<void>(::close(fd));
  }
  lock_ = ours ? fd : -1;
  return ours;
}

bool Unfinished::TakeOver(const std::filesystem::path& path) {
  if (!Lock(path)) {
    return false;
  }
  const auto text = ReadRegularFile(path / kProgressFile, kProgressBytesMax);
  const std::string head = request_ + "\n";
  if (text && text->starts_with(head)) {
    auto progress = BackupProgress::Parse(std::string_view(*text).substr(head.size()));
    if (progress && progress->stage != BackupProgress::Stage::kSettling) {
      found_ = std::move(*progress);
      path_ = path;
      resumable_ = true;
      return true;
    }
  }
  static_cast<void>(::close(std::exchange(lock_, -1)));
  return false;
}

Status Unfinished::Make() {
  for (unsigned number = 1; number <= kBackupsPerSecondMax; ++number) {
    const std::string name = BackupName(time_, number);
    const std::filesystem::path path = dir_ / UnfinishedName(name);
    std::error_code ignored;
    if (std::filesystem::exists(dir_ / name, ignored)) {
      continue;
    }
    if (::mkdir(path.c_str(), 0700) == 0) {
      path_ = path;
      if (!Lock(path)) {
        return Fail(ErrorCode::kAborted, fmt::format("somebody else took {}", path.string()),
                    "run the same command again");
      }
      return MakeParts(path);
    }
    if (errno != EEXIST) {
      return std::unexpected(FileError(errno, "cannot create directory", path));
    }
  }
  return Fail(ErrorCode::kAlreadyExists, fmt::format("{} holds {} backups of this second",
                                                     dir_.string(), kBackupsPerSecondMax));
}

Result<Unfinished> Unfinished::Begin(const std::filesystem::path& dir, std::string_view request,
                                     WallTime now, bool may_resume) {
  REHOME_TRY(MakeDirectories(dir));
  Unfinished out(dir, std::string(request), now);
  REHOME_TRY_ASSIGN(const BackupListing listing, ListBackups(dir));
  for (const std::filesystem::path& left : std::views::reverse(listing.unfinished)) {
    if (may_resume && out.TakeOver(left)) {
      return out;
    }
  }
  REHOME_TRY(out.Make());
  return out;
}

Status Unfinished::Note(const BackupProgress& progress) {
  REHOME_TRY(WriteFileAtomically(path_ / kProgressFile,
                                 fmt::format("{}\n{}", request_, progress.ToText())));
  resumable_ = progress.stage != BackupProgress::Stage::kSettling;
  return {};
}

Result<std::filesystem::path> Unfinished::Finish() {
  if (::unlink((path_ / kProgressFile).c_str()) != 0 && errno != ENOENT) {
    return std::unexpected(FileError(errno, "cannot remove", path_ / kProgressFile));
  }
  for (const std::string_view part : {kDocumentsDir, kVectorsDir}) {
    REHOME_TRY(SyncDirectory(path_ / part));
  }
  REHOME_TRY(SyncDirectory(path_));
  for (unsigned number = 1; number <= kBackupsPerSecondMax; ++number) {
    std::filesystem::path target = dir_ / BackupName(time_, number);
    if (::rename(path_.c_str(), target.c_str()) == 0) {
      path_.clear();
      REHOME_TRY(SyncDirectory(dir_));
      return target;
    }
    if (errno != EEXIST && errno != ENOTEMPTY) {
      return std::unexpected(FileError(errno, "cannot rename", path_));
    }
  }
  return Fail(ErrorCode::kAlreadyExists,
              fmt::format("no free name for a backup in {}", dir_.string()));
}

}  // namespace rehome
