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
#include "base/digest.h"
#include "model/document.h"
#include "model/vector_record.h"

namespace rehome {

/// The two digests of a document.
struct DocumentDigests {
  explicit DocumentDigests(DocumentView document);
  Md5Digest content;  // every byte
  Md5Digest digest;   // without embedding marks
};

/// Those of a set of documents.
struct DocumentSum {
  SetDigest digest;
  SetDigest content;
  void Add(const DocumentDigests& document);
};

/// A document as a backup holds it.
struct DocumentRecord {
  explicit DocumentRecord(DocumentView document);
  DocumentDigests digests;
  bool is_line = true;  // else BSON: no line carries it
  std::string bytes;
};

/// How far a file that is being written stands on the disk.
struct FileMark {
  std::uint64_t bytes = 0;
  std::uint64_t records = 0;
  std::uint64_t turns = 0;  // of its packing
};

/// A file written record by record. It appears under its name on Commit; until then it ends in
/// `.part`, and stays there if nobody commits it.
class RecordFile {
 public:
  /// `path` inside `root`, its packing's suffix included; the directories above it exist.
  [[nodiscard]] static Result<RecordFile> Create(const std::filesystem::path& root,
                                                 std::string path, const Packing& packing);
  /// Goes on behind `mark`, which Checkpoint() gave; what is behind it is cut off.
  [[nodiscard]] static Result<RecordFile> Resume(const std::filesystem::path& root,
                                                 std::string path, const Packing& packing,
                                                 const FileMark& mark);
  RecordFile(RecordFile&& other) noexcept;
  RecordFile& operator=(RecordFile&&) = delete;
  RecordFile(const RecordFile&) = delete;
  RecordFile& operator=(const RecordFile&) = delete;
  ~RecordFile();

  /// Appends `record` and, for lines, the newline that it must hold already.
  [[nodiscard]] Status Append(std::string_view record);
  /// Everything appended so far is durable.
  [[nodiscard]] Result<FileMark> Checkpoint();
  [[nodiscard]] Result<BackupFile> Commit();

 private:
  RecordFile(const std::filesystem::path& root, std::string path, const Packing& packing,
             std::uint64_t turns);
  [[nodiscard]] Status Open(int flags);
  [[nodiscard]] Status Flush();

  std::filesystem::path final_;
  std::filesystem::path part_;
  int fd_ = -1;
  std::optional<Packer> packer_;
  std::string buffer_;
  BackupFile sum_;
  Hasher md5_{Hasher::Kind::kMd5};
  Hasher sha256_{Hasher::Kind::kSha256};
};

/// The one or two files of a collection: lines, and BSON for what no line carries.
class DocumentFiles {
 public:
  struct Mark {
    FileMark json;
    std::optional<FileMark> bson;
  };
  [[nodiscard]] static Result<DocumentFiles> Create(const std::filesystem::path& root,
                                                    std::string_view collection,
                                                    const Packing& packing);
  /// Goes on behind `mark`; reads what stands before it. kDataLoss: that is not what was written.
  [[nodiscard]] static Result<DocumentFiles> Resume(const std::filesystem::path& root,
                                                    std::string_view collection,
                                                    const Packing& packing, const Mark& mark);
  [[nodiscard]] Status Append(const DocumentRecord& record);
  [[nodiscard]] const DocumentSum& sum() const { return sum_; }
  [[nodiscard]] Result<Mark> Checkpoint();
  [[nodiscard]] Result<std::vector<BackupFile>> Commit();

 private:
  DocumentFiles(std::filesystem::path root, std::string_view collection, Packing packing,
                RecordFile json)
      : root_(std::move(root)),
        collection_(collection),
        packing_(packing),
        json_(std::move(json)) {}
  [[nodiscard]] Status AddStanding(const std::string& path, std::uint64_t records);

  std::filesystem::path root_;
  std::string collection_;
  Packing packing_;
  RecordFile json_;
  std::optional<RecordFile> bson_;
  DocumentSum sum_;
};

/// Reads the documents of one file, lines or BSON by its name, in file order.
class DocumentReader {
 public:
  [[nodiscard]] static Result<DocumentReader> Open(const std::filesystem::path& path,
                                                   FileReader::Hash hash,
                                                   const Packing& packing = {},
                                                   bool open_ended = false);
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
                                                     const CollectionBackup& collection,
                                                     const Packing& packing);
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
                                                 FileReader::Hash hash, const Packing& packing = {},
                                                 bool open_ended = false);
  [[nodiscard]] Result<std::optional<VectorRecord>> Next();
  [[nodiscard]] std::uint64_t record() const { return file_.records(); }
  [[nodiscard]] FileReader& file() { return file_; }

 private:
  explicit VectorReader(FileReader file) : file_(std::move(file)) {}
  FileReader file_;
};

}  // namespace rehome
