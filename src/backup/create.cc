#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <cmath>
#include <set>
#include <utility>

#include "backup/backup.h"
#include "backup/live_writes.h"
#include "backup/names.h"
#include "backup/records.h"
#include "backup/vector_listing.h"
#include "base/atomic_file.h"

namespace rehome {
namespace {

constexpr std::size_t kScanCount = 1000;
constexpr std::size_t kScanBytes = std::size_t{8} << 20U;
constexpr unsigned kBackupsPerSecondMax = 999;
constexpr int kStatisticsPolls = 5;
constexpr Millis kStatisticsWait{1000};

Status MakeDirectory(const std::filesystem::path& path) {
  if (::mkdir(path.c_str(), 0700) != 0) {
    return std::unexpected(FileError(errno, "cannot create directory", path));
  }
  return {};
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

/// A backup being written: removed again unless it is finished.
class Unfinished {
 public:
  static Result<Unfinished> Begin(const std::filesystem::path& dir, WallTime now) {
    REHOME_TRY(MakeDirectories(dir));
    for (unsigned number = 1; number <= kBackupsPerSecondMax; ++number) {
      const std::string name = BackupName(now, number);
      const std::filesystem::path path = dir / UnfinishedName(name);
      std::error_code ignored;
      if (std::filesystem::exists(dir / name, ignored)) {
        continue;
      }
      if (::mkdir(path.c_str(), 0700) == 0) {
        return Unfinished(dir, path, now, number);
      }
      if (errno != EEXIST) {
        return std::unexpected(FileError(errno, "cannot create directory", path));
      }
    }
    return Fail(ErrorCode::kAlreadyExists, fmt::format("{} holds {} backups of this second",
                                                       dir.string(), kBackupsPerSecondMax));
  }
  Unfinished(Unfinished&& other) noexcept
      : dir_(std::move(other.dir_)),
        path_(std::exchange(other.path_, {})),
        time_(other.time_),
        number_(other.number_) {}
  Unfinished& operator=(Unfinished&&) = delete;
  Unfinished(const Unfinished&) = delete;
  Unfinished& operator=(const Unfinished&) = delete;
  ~Unfinished() {
    if (!path_.empty()) {
      std::error_code ignored;
      std::filesystem::remove_all(path_, ignored);
    }
  }

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  /// Gives the whole backup its name; another one that took it meanwhile makes this the next of its
  /// second.
  Result<std::filesystem::path> Finish() {
    for (const std::string_view part : {kDocumentsDir, kVectorsDir}) {
      REHOME_TRY(SyncDirectory(path_ / part));
    }
    REHOME_TRY(SyncDirectory(path_));
    for (; number_ <= kBackupsPerSecondMax; ++number_) {
      std::filesystem::path target = dir_ / BackupName(time_, number_);
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

 private:
  Unfinished(std::filesystem::path dir, std::filesystem::path path, WallTime time, unsigned number)
      : dir_(std::move(dir)), path_(std::move(path)), time_(time), number_(number) {}
  std::filesystem::path dir_;
  std::filesystem::path path_;  // empty once finished
  WallTime time_;
  unsigned number_;
};

/// One creation under way.
class Creation {
 public:
  Creation(const BackupRequest& request, Clock& clock, EventSink& events, const Call& call,
           std::filesystem::path root)
      : request_(request), clock_(clock), events_(events), call_(call), root_(std::move(root)) {}

  Status Documents();
  Status Vectors();
  Manifest& manifest() { return manifest_; }
  std::vector<std::string>& warnings() { return warnings_; }

 private:
  Result<CollectionBackup> Collection(const std::string& name,
                                      const std::vector<CollectionInfo>& infos);
  Result<NamespaceBackup> Namespace(const std::string& name, const IndexInfo& info);
  Status CheckStatistics(NamespaceBackup& ns);
  Result<BackupFile> WriteVectors(NamespaceBackup& ns);
  void Warn(std::string text) {
    events_.Warn(text);
    warnings_.push_back(std::move(text));
  }
  void Advance(std::string_view what, std::uint64_t done, std::uint64_t total) {
    events_.Advanced({.phase = request_.phase,
                      .step = fmt::format("backup {}", what),
                      .done = done,
                      .total = total,
                      .quarantined = 0});
  }

  const BackupRequest& request_;
  Clock& clock_;
  EventSink& events_;
  const Call& call_;
  std::filesystem::path root_;
  Manifest manifest_;
  std::vector<std::string> warnings_;
  std::uint64_t vanished_ = 0;  // of the namespace in hand: listed, then gone
};

Result<CollectionBackup> Creation::Collection(const std::string& name,
                                              const std::vector<CollectionInfo>& infos) {
  CollectionBackup out;
  out.name = name;
  out.window.started_at = FormatTime(clock_.Now());
  for (const CollectionInfo& info : infos) {
    if (info.name == name) {
      out.present = true;
      out.options = info.options;
      out.indexes = info.indexes;
    }
  }
  REHOME_TRY_ASSIGN(DocumentFiles files, DocumentFiles::Create(root_, name));
  if (out.present) {
    REHOME_TRY_ASSIGN(const std::uint64_t total, request_.documents->Count(name, call_));
    REHOME_TRY_ASSIGN(auto cursor, request_.documents->Scan(name, {}, call_));
    while (true) {
      REHOME_TRY_ASSIGN(const std::vector<Document> batch, cursor->Next(kScanCount, kScanBytes));
      if (batch.empty()) {
        break;
      }
      for (const Document& document : batch) {
        REHOME_TRY(files.Append(document.view()));
      }
      Advance(name, files.sum().digest.count(), total);
    }
  } else {
    Warn(fmt::format("collection {} does not exist: its backup is empty", name));
  }
  out.digest = files.sum().digest;
  out.content = files.sum().content;
  out.records = out.digest.count();
  REHOME_TRY_ASSIGN(out.files, files.Commit());
  return out;
}

Status Creation::Documents() {
  DocumentStore& store = *request_.documents;
  manifest_.documents_source = store.Identity();
  const std::set<std::string> names(request_.collections.begin(), request_.collections.end());
  if (names.empty()) {
    return {};  // no feed follows no collection
  }
  REHOME_TRY_ASSIGN(LiveWrites live, LiveWrites::Begin(store, {names.begin(), names.end()}, call_));
  REHOME_TRY_ASSIGN(const std::vector<CollectionInfo> infos, store.Collections(call_));
  for (const std::string& name : names) {
    auto collection = Collection(name, infos);
    if (!collection) {
      return std::unexpected(
          std::move(collection).error().In(fmt::format("backup of collection {}", name)));
    }
    manifest_.collections.push_back(std::move(*collection));
  }
  REHOME_TRY_ASSIGN(std::optional<std::string> warning,
                    live.Settle(root_, manifest_.collections, call_));
  if (warning) {
    Warn(std::move(*warning));
  }
  const std::string finished = FormatTime(clock_.Now());
  for (CollectionBackup& collection : manifest_.collections) {
    collection.window.finished_at = finished;
  }
  return {};
}

Result<BackupFile> Creation::WriteVectors(NamespaceBackup& ns) {
  REHOME_TRY_ASSIGN(RecordFile file, RecordFile::Create(root_, VectorsPath(ns.name)));
  VectorListing listing(*request_.vectors, ns.name, clock_, call_);
  while (true) {
    REHOME_TRY_ASSIGN(const std::vector<VectorRecord> page, listing.Next());
    if (page.empty()) {
      break;
    }
    for (const VectorRecord& record : page) {
      for (const float value : record.values) {
        if (!std::isfinite(value)) {
          return Fail(ErrorCode::kDataLoss,
                      fmt::format("vector {} holds a value that is not finite", record.id),
                      "no JSON and no index carries it; remove the vector, or write it again, then "
                      "repeat the backup");
        }
      }
      ns.digest.Add(VectorDigest(record));
      std::string line = VectorJson(record);
      line += '\n';
      REHOME_TRY(file.Append(line));
    }
    Advance(fmt::format("vectors {}", ns.name), ns.digest.count(), ns.statistics.value_or(0));
  }
  vanished_ = listing.vanished();
  if (vanished_ > 0) {
    Warn(fmt::format("namespace {}: {} vectors were deleted between being listed and being read",
                     ns.name, listing.vanished()));
  }
  ns.records = ns.digest.count();
  return file.Commit();
}

Status Creation::CheckStatistics(NamespaceBackup& ns) {
  for (int poll = 0; poll < kStatisticsPolls; ++poll) {
    REHOME_TRY_ASSIGN(const IndexInfo info, request_.vectors->Describe(call_));
    const auto counted = info.namespaces.find(ns.name);
    ns.statistics = counted == info.namespaces.end() ? 0 : counted->second;
    if (*ns.statistics == ns.records) {
      return {};
    }
    if (!clock_.SleepFor(kStatisticsWait, call_.stop)) {
      return Fail(ErrorCode::kCancelled, "stopped while waiting for the index's statistics");
    }
  }
  Warn(
      fmt::format("namespace {}: {} vectors were listed and fetched, the index's statistics say {}",
                  ns.name, ns.records, *ns.statistics));
  return {};
}

Result<NamespaceBackup> Creation::Namespace(const std::string& name, const IndexInfo& info) {
  VectorStore& store = *request_.vectors;
  NamespaceBackup out;
  out.name = name;
  out.dimension = info.dimension;
  out.metric = info.metric;
  out.vector_type = info.vector_type;
  const auto counted = info.namespaces.find(name);
  if (counted == info.namespaces.end()) {
    Warn(fmt::format("namespace {} does not exist: its backup is empty", name));
  } else {
    out.statistics = counted->second;
  }
  out.window.started_at = FormatTime(clock_.Now());
  REHOME_TRY_ASSIGN(out.lsn, store.IndexedLsn(name, call_));
  REHOME_TRY_ASSIGN(BackupFile file, WriteVectors(out));
  out.files.push_back(std::move(file));
  REHOME_TRY_ASSIGN(const std::optional<Lsn> after, store.IndexedLsn(name, call_));
  const auto text = [](const std::optional<Lsn>& lsn) {
    return lsn ? fmt::format("{}", *lsn) : std::string();
  };
  out.window.start_position = text(out.lsn);
  out.window.end_position = text(after);
  out.window.finished_at = FormatTime(clock_.Now());
  // No write became visible while it was read; an index that tells no LSN proves nothing.
  out.window.consistency = out.lsn && out.lsn == after ? Consistency::kExact : Consistency::kFuzzy;
  if (vanished_ > 0 && out.window.consistency == Consistency::kExact) {
    return Fail(
        ErrorCode::kDataLoss,
        fmt::format(
            "{} vectors are listed and cannot be fetched, though nothing was written meanwhile",
            vanished_),
        "run the same command again; if it stays, ask the index's provider");
  }
  REHOME_TRY(CheckStatistics(out));
  return out;
}

Status Creation::Vectors() {
  REHOME_TRY_ASSIGN(const IndexInfo info, request_.vectors->Describe(call_));
  manifest_.vectors_source = request_.vectors->Identity();
  for (const std::string& name :
       std::set<std::string>(request_.namespaces.begin(), request_.namespaces.end())) {
    auto ns = Namespace(name, info);
    if (!ns) {
      return std::unexpected(std::move(ns).error().In(fmt::format("backup of namespace {}", name)));
    }
    manifest_.namespaces.push_back(std::move(*ns));
  }
  return {};
}

/// Refuses before the first read what the manifest could not hold at the end.
Status CheckRequest(const BackupRequest& request) {
  Manifest names;
  names.notes = request.notes;
  for (const std::vector<std::string>* list : {&request.collections, &request.namespaces}) {
    for (const std::string& name : *list) {
      if (name.empty()) {
        return Fail(ErrorCode::kInvalidArgument,
                    "a collection or namespace to back up has no name");
      }
      names.notes.emplace(name, std::string());
    }
  }
  REHOME_TRY(ManifestText(names));
  return {};
}

}  // namespace

Result<BackupResult> CreateBackup(const BackupRequest& request, Clock& clock, EventSink& events,
                                  const Call& call) {
  REHOME_TRY(CheckRequest(request));
  const WallTime now = clock.Now();
  REHOME_TRY_ASSIGN(Unfinished unfinished, Unfinished::Begin(request.dir, now));
  for (const std::string_view part : {kDocumentsDir, kVectorsDir}) {
    REHOME_TRY(MakeDirectory(unfinished.path() / part));
  }
  Creation creation(request, clock, events, call, unfinished.path());
  creation.manifest().created_at = FormatTime(now);
  creation.manifest().notes = request.notes;
  if (request.documents != nullptr) {
    REHOME_TRY(creation.Documents());
  }
  if (request.vectors != nullptr) {
    REHOME_TRY(creation.Vectors());
  }
  REHOME_TRY_ASSIGN(const std::string text, ManifestText(creation.manifest()));
  REHOME_TRY(WriteFileAtomically(unfinished.path() / kManifestFile, text));
  REHOME_TRY_ASSIGN(std::filesystem::path path, unfinished.Finish());
  return BackupResult{.path = std::move(path),
                      .manifest_sha256 = ManifestSha256(text),
                      .manifest = std::move(creation.manifest()),
                      .warnings = std::move(creation.warnings())};
}

}  // namespace rehome
