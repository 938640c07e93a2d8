#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <set>
#include <system_error>
#include <utility>

#include "backup/backup.h"
#include "backup/names.h"
#include "backup/records.h"
#include "base/atomic_file.h"
#include "model/sort_key.h"

namespace rehome {
namespace {

using Kind = BackupProblem::Kind;

constexpr std::size_t kProblemsPerFileMax = 20;

class Verification {
 public:
  Verification(std::filesystem::path root, const std::stop_token& stop, const Secret& key)
      : root_(std::move(root)), stop_(stop), key_(key) {}

  Result<VerifyResult> Run();

 private:
  void Add(Kind kind, std::string_view file, std::uint64_t line, std::string detail);
  void ReadManifestFile();
  Status WalkTree();
  void CheckEntry(const std::string& path);
  Status CheckCollection(const CollectionBackup& collection);
  Status CheckNamespace(const NamespaceBackup& ns);
  /// The file is there and can be read as one.
  bool IsReadable(const BackupFile& file);
  Status CheckDocuments(const BackupFile& file, DocumentSum& sum);
  Status CheckVectors(const BackupFile& file, const NamespaceBackup& ns, SetDigest& digest);
  /// Calls `check` for each record: nothing it finds wrong stops the pass over the file.
  template <class Reader, class Check>
  Status CheckRecords(const BackupFile& file, Reader& reader, Check check);
  void CheckSum(const BackupFile& file, std::uint64_t records, const FileSum& sum);
  void CheckTotals(std::string_view file, std::uint64_t records, std::uint64_t expected,
                   bool digests_equal);

  std::filesystem::path root_;
  const std::stop_token& stop_;
  const Secret& key_;
  Packing packing_;
  VerifyResult result_;
  std::map<std::string, std::size_t, std::less<>> problems_of_;
  std::map<std::string, std::string, std::less<>> path_of_sha256_;
  std::set<std::string, std::less<>> expected_;
};

void Verification::Add(Kind kind, std::string_view file, std::uint64_t line, std::string detail) {
  if (++problems_of_[std::string(file)] <= kProblemsPerFileMax) {
    result_.problems.push_back({kind, std::string(file), line, std::move(detail)});
  }
}

void Verification::ReadManifestFile() {
  auto manifest = ReadManifest(root_);
  if (manifest) {
    result_.manifest = std::move(*manifest);
    return;
  }
  const Error& error = manifest.error();
  if (error.code == ErrorCode::kNotFound) {
    Add(Kind::kMissing, kManifestFile, 0, error.message);
    return;
  }
  CheckEntry(std::string(kManifestFile));  // a link or device in its place
  Add(Kind::kManifest, kManifestFile, 0, error.message);
}

void Verification::CheckEntry(const std::string& path) {
  struct stat status{};
  if (::lstat((root_ / path).c_str(), &status) != 0) {
    Add(Kind::kUnreadable, path, 0, FileError(errno, "cannot look at", path).message);
    return;
  }
  if (path == kDocumentsDir || path == kVectorsDir) {
    if (!S_ISDIR(status.st_mode)) {
      Add(Kind::kNotRegular, path, 0, "not a directory");
    }
    return;
  }
  if (!expected_.contains(path)) {
    Add(Kind::kExtra, path, 0, "the manifest does not name it");
  } else if (!S_ISREG(status.st_mode)) {
    Add(Kind::kNotRegular, path, 0,
        S_ISLNK(status.st_mode) ? "a symbolic link" : "not a regular file");
  } else if (status.st_nlink > 1) {
    Add(Kind::kNotRegular, path, 0,
        "a hard link: it has another name, through which it can change");
  }
}

Status Verification::WalkTree() {
  for (const std::string_view part : {std::string_view(), kDocumentsDir, kVectorsDir}) {
    const std::filesystem::path directory = part.empty() ? root_ : root_ / part;
    std::error_code failed;
    if (!part.empty() &&
        !std::filesystem::is_directory(std::filesystem::symlink_status(directory, failed))) {
      continue;  // the files missing from it are named one by one
    }
    std::vector<std::string> names;
    std::filesystem::directory_iterator entries(directory, failed);
    for (; !failed && entries != std::filesystem::directory_iterator(); entries.increment(failed)) {
      names.push_back(entries->path().filename().string());
    }
    if (failed) {
      Add(Kind::kUnreadable, part, 0, FileError(failed.value(), "cannot list", directory).message);
    }
    std::ranges::sort(names);
    for (const std::string& name : names) {
      CheckEntry(part.empty() ? name : fmt::format("{}/{}", part, name));
    }
  }
  return {};
}

bool Verification::IsReadable(const BackupFile& file) {
  struct stat status{};
  if (::lstat((root_ / file.path).c_str(), &status) != 0) {
    Add(errno == ENOENT || errno == ENOTDIR ? Kind::kMissing : Kind::kUnreadable, file.path, 0,
        FileError(errno, "cannot look at", file.path).message);
    return false;
  }
  // What is no regular file was named by the walk; a link's target is nothing of this backup.
  return S_ISREG(status.st_mode);
}

template <class Reader, class Check>
Status Verification::CheckRecords(const BackupFile& file, Reader& reader, Check check) {
  while (true) {
    if (stop_.stop_requested()) {
      return Fail(ErrorCode::kCancelled, "stopped while verifying " + file.path);
    }
    const std::uint64_t before = reader.record();
    auto record = reader.Next();
    if (!record) {
      const bool damaged = record.error().code == ErrorCode::kDataLoss;
      Add(damaged ? Kind::kRecord : Kind::kUnreadable, file.path,
          std::max(reader.record(), before + 1), record.error().message);
      // Behind a broken line comes another line; behind anything else nothing can be told apart.
      if (!damaged || reader.record() == before || HoldsBson(file.path)) {
        break;
      }
      continue;
    }
    if (!*record) {
      break;
    }
    ++result_.records;
    check(**record);
  }
  const std::uint64_t records = reader.record();
  if (!reader.file().terminated()) {
    Add(Kind::kTruncated, file.path, records, "the last line is cut off");
  }
  auto sum = reader.file().Finish();
  if (sum) {
    CheckSum(file, records, *sum);
  } else {
    Add(Kind::kUnreadable, file.path, 0, sum.error().message);
  }
  return {};
}

void Verification::CheckSum(const BackupFile& file, std::uint64_t records, const FileSum& sum) {
  if (sum.sha256 == file.sha256 && sum.md5 == file.md5 && sum.bytes == file.bytes) {
    if (records != file.records) {
      Add(Kind::kCount, file.path, 0,
          fmt::format("{} records, the manifest says {}", records, file.records));
    }
    return;
  }
  const auto other = path_of_sha256_.find(sum.sha256);
  if (sum.bytes > 0 && other != path_of_sha256_.end() && other->second != file.path) {
    Add(Kind::kSwapped, file.path, 0, fmt::format("holds what {} should", other->second));
  } else if (sum.bytes != file.bytes) {
    Add(Kind::kTruncated, file.path, 0,
        fmt::format("{} bytes, the manifest says {}", sum.bytes, file.bytes));
  } else {
    Add(Kind::kChecksum, file.path, 0,
        fmt::format("SHA-256 {}, the manifest says {}", sum.sha256, file.sha256));
  }
}

Status Verification::CheckDocuments(const BackupFile& file, DocumentSum& sum) {
  auto reader = DocumentReader::Open(root_ / file.path, FileReader::Hash::kYes, packing_);
  if (!reader) {
    Add(Kind::kUnreadable, file.path, 0, reader.error().message);
    return {};
  }
  std::string last;
  return CheckRecords(file, *reader, [&](const Document& document) {
    sum.Add(DocumentDigests(document.view()));
    std::string key = SortKey(document.Id());
    if (key <= last) {
      Add(Kind::kRecord, file.path, reader->record(),
          key == last ? "the same _id as the record before" : "not in _id order");
    }
    last = std::move(key);
  });
}

Status Verification::CheckVectors(const BackupFile& file, const NamespaceBackup& ns,
                                  SetDigest& digest) {
  auto reader = VectorReader::Open(root_ / file.path, FileReader::Hash::kYes, packing_);
  if (!reader) {
    Add(Kind::kUnreadable, file.path, 0, reader.error().message);
    return {};
  }
  std::string last;
  return CheckRecords(file, *reader, [&](const VectorRecord& record) {
    digest.Add(VectorDigest(record));
    if (record.id <= last) {
      Add(Kind::kRecord, file.path, reader->record(),
          record.id == last ? "the same id as the record before" : "not in id order");
    }
    last = record.id;
    if (ns.dimension > 0 && static_cast<std::int64_t>(record.values.size()) != ns.dimension) {
      Add(Kind::kRecord, file.path, reader->record(),
          fmt::format("{} values, the index has {}", record.values.size(), ns.dimension));
    }
  });
}

void Verification::CheckTotals(std::string_view file, std::uint64_t records, std::uint64_t expected,
                               bool digests_equal) {
  // Once per file: what broke a file also breaks its totals, and is named already.
  if (problems_of_.contains(file)) {
    return;
  }
  if (records != expected) {
    Add(Kind::kCount, file, 0, fmt::format("{} records, the manifest says {}", records, expected));
  } else if (!digests_equal) {
    Add(Kind::kDigest, file, 0, "the records do not sum up to the manifest's digest");
  }
}

Status Verification::CheckCollection(const CollectionBackup& collection) {
  DocumentSum sum;
  bool whole = true;
  for (const BackupFile& file : collection.files) {
    if (IsReadable(file)) {
      REHOME_TRY(CheckDocuments(file, sum));
    }
    whole = whole && !problems_of_.contains(file.path);
  }
  if (whole) {
    CheckTotals(collection.files.front().path, sum.digest.count(), collection.records,
                sum.digest == collection.digest && sum.content == collection.content);
  }
  return {};
}

Status Verification::CheckNamespace(const NamespaceBackup& ns) {
  SetDigest digest;
  const BackupFile& file = ns.files.front();
  if (IsReadable(file)) {
    REHOME_TRY(CheckVectors(file, ns, digest));
  }
  CheckTotals(file.path, digest.count(), ns.records, digest == ns.digest);
  return {};
}

Result<VerifyResult> Verification::Run() {
  struct stat status{};
  if (::stat(root_.c_str(), &status) != 0) {
    return std::unexpected(FileError(errno, "cannot open backup", root_));
  }
  expected_.emplace(kManifestFile);
  ReadManifestFile();
  const Manifest none;
  const Manifest& manifest = result_.manifest ? *result_.manifest : none;
  const auto expect = [&](const BackupFile& file) {
    expected_.insert(file.path);
    path_of_sha256_.emplace(file.sha256, file.path);
  };
  for (const CollectionBackup& collection : manifest.collections) {
    std::ranges::for_each(collection.files, expect);
  }
  for (const NamespaceBackup& ns : manifest.namespaces) {
    std::ranges::for_each(ns.files, expect);
  }
  if (!result_.manifest) {
    return std::move(result_);  // without it nothing else can be judged
  }
  REHOME_TRY_ASSIGN(packing_, PackingOf(*result_.manifest, key_));
  REHOME_TRY(WalkTree());
  for (const CollectionBackup& collection : manifest.collections) {
    REHOME_TRY(CheckCollection(collection));
  }
  for (const NamespaceBackup& ns : manifest.namespaces) {
    REHOME_TRY(CheckNamespace(ns));
  }
  return std::move(result_);
}

}  // namespace

std::string_view Name(BackupProblem::Kind kind) {
  switch (kind) {
    case Kind::kManifest:
      return "manifest";
    case Kind::kMissing:
      return "missing";
    case Kind::kExtra:
      return "extra";
    case Kind::kNotRegular:
      return "not_regular";
    case Kind::kTruncated:
      return "truncated";
    case Kind::kSwapped:
      return "swapped";
    case Kind::kChecksum:
      return "checksum";
    case Kind::kRecord:
      return "record";
    case Kind::kCount:
      return "count";
    case Kind::kDigest:
      return "digest";
    case Kind::kUnreadable:
      return "unreadable";
  }
  return "unknown";
}

Result<VerifyResult> VerifyBackup(const std::filesystem::path& backup_dir,
                                  const std::stop_token& stop, const Secret& key) {
  return Verification(backup_dir, stop, key).Run();
}

}  // namespace rehome
