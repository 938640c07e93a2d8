#pragma once
// records.h — the records of a backup's files: writes them with their sums, reads them back. Shared
// by create, verify, restore and load.
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backup/file_reader.h"
#include "backup/manifest.h"
#include "base/atomic_file.h"
#include "base/digest.h"
#include "model/document.h"
#include "model/vector_record.h"

namespace rehome {

/// The two digests of a set of documents.
struct DocumentSum {
  SetDigest digest;   // without embedding marks
  SetDigest content;  // every byte
  void Add(DocumentView document);
};

/// A file written record by record. It appears on Commit.
class RecordFile {
 public:
  /// `path` inside `root`; the directories above it exist.
  [[nodiscard]] static Result<RecordFile> Create(const std::filesystem::path& root,
                                                 std::string path);
  /// Appends `record` and, for lines, the newline that it must hold already.
  [[nodiscard]] Status Append(std::string_view record);
  [[nodiscard]] Result<BackupFile> Commit();

 private:
  RecordFile(std::string path, AtomicFile file) : file_(std::move(file)) {
    sum_.path = std::move(path);
  }
  AtomicFile file_;
  BackupFile sum_;
  Hasher md5_{Hasher::Kind::kMd5};
  Hasher sha256_{Hasher::Kind::kSha256};
};

/// The one or two files of a collection: lines, and BSON for what no line carries.
class DocumentFiles {
 public:
  [[nodiscard]] static Result<DocumentFiles> Create(const std::filesystem::path& root,
                                                    std::string_view collection);
  [[nodiscard]] Status Append(DocumentView document);
  [[nodiscard]] const DocumentSum& sum() const { return sum_; }
  [[nodiscard]] Result<std::vector<BackupFile>> Commit();

 private:
  DocumentFiles(std::filesystem::path root, std::string_view collection, RecordFile json)
      : root_(std::move(root)), collection_(collection), json_(std::move(json)) {}
  std::filesystem::path root_;
  std::string collection_;
  RecordFile json_;
  std::optional<RecordFile> bson_;
  DocumentSum sum_;
};

/// Reads the documents of one file, `.json` or `.bson` by its name, in file order.
class DocumentReader {
 public:
  [[nodiscard]] static Result<DocumentReader> Open(const std::filesystem::path& path,
                                                   FileReader::Hash hash);
  /// Nothing at the end. kDataLoss: the record `record()` is no document with an `_id`, the message
  /// says why; a reader of lines can go on behind it.
  [[nodiscard]] Result<std::optional<Document>> Next();
  [[nodiscard]] std::uint64_t record() const { return file_.records(); }
  [[nodiscard]] bool is_bson() const { return bson_; }
  [[nodiscard]] FileReader& file() { return file_; }

 private:
  DocumentReader(FileReader file, bool bson) : file_(std::move(file)), bson_(bson) {}
  FileReader file_;
  bool bson_;
};

/// The documents of all files of a collection as one stream in `_id` order.
class CollectionReader {
 public:
  [[nodiscard]] static Result<CollectionReader> Open(const std::filesystem::path& backup,
                                                     const CollectionBackup& collection);
  [[nodiscard]] Result<std::optional<Document>> Next();

 private:
  struct Source {
    DocumentReader reader;
    std::optional<Document> head;
    std::string key;  // sort key of head
    [[nodiscard]] Status Advance();
  };
  std::vector<Source> sources_;
};

/// Reads the records of a vectors file. Errors as DocumentReader.
class VectorReader {
 public:
  [[nodiscard]] static Result<VectorReader> Open(const std::filesystem::path& path,
                                                 FileReader::Hash hash);
  [[nodiscard]] Result<std::optional<VectorRecord>> Next();
  [[nodiscard]] std::uint64_t record() const { return file_.records(); }
  [[nodiscard]] FileReader& file() { return file_; }

 private:
  explicit VectorReader(FileReader file) : file_(std::move(file)) {}
  FileReader file_;
};

}  // namespace rehome
