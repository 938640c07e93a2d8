#include "backup/records.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "backup/names.h"
#include "base/atomic_file.h"
#include "model/extended_json.h"
#include "model/item.h"
#include "model/sort_key.h"

namespace rehome {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{1} << 20U;

}  // namespace

DocumentDigests::DocumentDigests(DocumentView document) : content(Md5(document.bytes())) {
  const bool marked = document.Find(kIsEmbedded) || document.Find(kEmbeddingId);
  digest = marked ? DocumentDigest(document) : content;
}

void DocumentSum::Add(const DocumentDigests& document) {
  digest.Add(document.digest);
  content.Add(document.content);
}

DocumentRecord::DocumentRecord(DocumentView document) : digests(document) {
  std::optional<std::string> line = FaithfulJson(document);
  is_line = line.has_value();
  bytes = is_line ? *std::move(line) + '\n' : std::string(document.bytes());
}

RecordFile::RecordFile(const std::filesystem::path& root, std::string path, const Packing& packing,
                       std::uint64_t turns)
    : final_(root / path), part_(final_) {
  part_ += kPartSuffix;
  if (!packing.plain()) {
    packer_.emplace(packing, BoundName(final_), turns);
  }
  sum_.path = std::move(path);
}

RecordFile::RecordFile(RecordFile&& other) noexcept
    : final_(std::move(other.final_)),
      part_(std::move(other.part_)),
      fd_(std::exchange(other.fd_, -1)),
      packer_(std::move(other.packer_)),
      buffer_(std::move(other.buffer_)),
      sum_(std::move(other.sum_)),
      md5_(std::move(other.md5_)),
      sha256_(std::move(other.sha256_)) {}

RecordFile::~RecordFile() {
  if (fd_ >= 0) {
    static_cast<void>(::close(fd_));
  }
}

Status RecordFile::Open(int flags) {
  fd_ = ::open(part_.c_str(), flags | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0600);
  return fd_ >= 0 ? Status{} : std::unexpected(FileError(errno, "cannot create", part_));
}

Result<RecordFile> RecordFile::Create(const std::filesystem::path& root, std::string path,
                                      const Packing& packing) {
  RecordFile file(root, std::move(path), packing, 0);
  REHOME_TRY(file.Open(O_CREAT | O_TRUNC));
  return file;
}

Result<RecordFile> RecordFile::Resume(const std::filesystem::path& root, std::string path,
                                      const Packing& packing, const FileMark& mark) {
  RecordFile file(root, std::move(path), packing, mark.turns);
  REHOME_TRY(file.Open(O_APPEND));
  if (::ftruncate(file.fd_, static_cast<off_t>(mark.bytes)) != 0) {
    return std::unexpected(FileError(errno, "cannot cut off the end of", file.part_));
  }
  REHOME_TRY_ASSIGN(FileReader standing, FileReader::Open(file.part_, FileReader::Hash::kNo));
  REHOME_TRY(standing.EachPiece([&](std::string_view piece) {
    file.md5_.Update(piece);
    file.sha256_.Update(piece);
    file.sum_.bytes += piece.size();
  }));
  file.sum_.records = mark.records;
  return file;
}

Status RecordFile::Append(std::string_view record) {
  ++sum_.records;
  if (packer_) {
    REHOME_TRY(packer_->Append(record, buffer_));
  } else {
    buffer_ += record;
  }
  return buffer_.size() < kBufferBytes ? Status{} : Flush();
}

Status RecordFile::Flush() {
  md5_.Update(buffer_);
  sha256_.Update(buffer_);
  sum_.bytes += buffer_.size();
  std::string_view rest = buffer_;
  while (!rest.empty()) {
    const ssize_t wrote = ::write(fd_, rest.data(), rest.size());
    if (wrote < 0 && errno != EINTR) {
      return std::unexpected(FileError(errno, "cannot write", part_));
    }
    rest.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(wrote, 0)));
  }
  buffer_.clear();
  return {};
}

Result<FileMark> RecordFile::Checkpoint() {
  if (packer_) {
    REHOME_TRY(packer_->Turn(buffer_));
  }
  REHOME_TRY(Flush());
  if (::fdatasync(fd_) != 0) {
    return std::unexpected(FileError(errno, "cannot sync", part_));
  }
  return FileMark{
      .bytes = sum_.bytes, .records = sum_.records, .turns = packer_ ? packer_->turns() : 0};
}

Result<BackupFile> RecordFile::Commit() {
  if (packer_) {
    REHOME_TRY(packer_->Finish(buffer_));
  }
  REHOME_TRY(Flush());
  if (::fsync(fd_) != 0) {
    return std::unexpected(FileError(errno, "cannot sync", part_));
  }
  static_cast<void>(::close(std::exchange(fd_, -1)));
  if (::rename(part_.c_str(), final_.c_str()) != 0) {
    return std::unexpected(FileError(errno, "cannot rename into place", final_));
  }
  REHOME_TRY(SyncDirectory(final_.parent_path()));
  sum_.md5 = Hex(std::string_view(md5_.Finish()));
  sum_.sha256 = Hex(std::string_view(sha256_.Finish()));
  return sum_;
}

Result<DocumentFiles> DocumentFiles::Create(const std::filesystem::path& root,
                                            std::string_view collection, const Packing& packing) {
  REHOME_TRY_ASSIGN(RecordFile json,
                    RecordFile::Create(root, JsonPath(collection) + packing.Suffix(), packing));
  return DocumentFiles(root, collection, packing, std::move(json));
}

Result<DocumentFiles> DocumentFiles::Resume(const std::filesystem::path& root,
                                            std::string_view collection, const Packing& packing,
                                            const Mark& mark) {
  const std::string json_path = JsonPath(collection) + packing.Suffix();
  REHOME_TRY_ASSIGN(RecordFile json, RecordFile::Resume(root, json_path, packing, mark.json));
  DocumentFiles out(root, collection, packing, std::move(json));
  REHOME_TRY(out.AddStanding(json_path, mark.json.records));
  if (mark.bson) {
    const std::string bson_path = BsonPath(collection) + packing.Suffix();
    REHOME_TRY_ASSIGN(RecordFile bson, RecordFile::Resume(root, bson_path, packing, *mark.bson));
    out.bson_.emplace(std::move(bson));
    REHOME_TRY(out.AddStanding(bson_path, mark.bson->records));
  }
  return out;
}

Status DocumentFiles::AddStanding(const std::string& path, std::uint64_t records) {
  REHOME_TRY_ASSIGN(DocumentReader reader,
                    DocumentReader::Open(root_ / (path + std::string(kPartSuffix)),
                                         FileReader::Hash::kNo, packing_, true));
  while (true) {
    REHOME_TRY_ASSIGN(const std::optional<Document> document, reader.Next());
    if (!document) {
      break;
    }
    sum_.Add(DocumentDigests(document->view()));
  }
  if (reader.record() != records) {
    return Fail(ErrorCode::kDataLoss, fmt::format("{} holds {} records, {} were written", path,
                                                  reader.record(), records));
  }
  return {};
}

Status DocumentFiles::Append(const DocumentRecord& record) {
  sum_.Add(record.digests);
  if (record.is_line) {
    return json_.Append(record.bytes);
  }
  if (!bson_) {
    REHOME_TRY_ASSIGN(
        RecordFile file,
        RecordFile::Create(root_, BsonPath(collection_) + packing_.Suffix(), packing_));
    bson_.emplace(std::move(file));
  }
  return bson_->Append(record.bytes);
}

Result<DocumentFiles::Mark> DocumentFiles::Checkpoint() {
  Mark out;
  REHOME_TRY_ASSIGN(out.json, json_.Checkpoint());
  if (bson_) {
    REHOME_TRY_ASSIGN(out.bson, bson_->Checkpoint());
  }
  return out;
}

Result<std::vector<BackupFile>> DocumentFiles::Commit() {
  REHOME_TRY_ASSIGN(BackupFile json, json_.Commit());
  std::vector<BackupFile> files{std::move(json)};
  if (bson_) {
    REHOME_TRY_ASSIGN(BackupFile bson, bson_->Commit());
    files.push_back(std::move(bson));
  }
  return files;
}

Result<DocumentReader> DocumentReader::Open(const std::filesystem::path& path,
                                            FileReader::Hash hash, const Packing& packing,
                                            bool open_ended) {
  REHOME_TRY_ASSIGN(FileReader file, FileReader::Open(path, hash, packing, open_ended));
  return DocumentReader(std::move(file), HoldsBson(path));
}

Result<std::optional<Document>> DocumentReader::Next() {
  REHOME_TRY_ASSIGN(const std::optional<std::string_view> record,
                    bson_ ? file_.Bson() : file_.Line());
  if (!record) {
    return std::nullopt;
  }
  Result<Document> document =
      bson_ ? Document::Parse(std::string(*record)) : ParseExtendedJson(*record);
  if (!document) {
    return Fail(ErrorCode::kDataLoss, document.error().message);
  }
  if (!document->Find("_id")) {
    return Fail(ErrorCode::kDataLoss, "the document has no _id");
  }
  return std::move(*document);
}

Status CollectionReader::Source::Advance() {
  REHOME_TRY_ASSIGN(head, reader.Next());
  key = head ? SortKey(head->Id()) : std::string();
  return {};
}

Result<CollectionReader> CollectionReader::Open(const std::filesystem::path& backup,
                                                const CollectionBackup& collection,
                                                const Packing& packing) {
  CollectionReader out;
  for (const BackupFile& file : collection.files) {
    REHOME_TRY_ASSIGN(DocumentReader reader,
                      DocumentReader::Open(backup / file.path, FileReader::Hash::kNo, packing));
    out.sources_.push_back({std::move(reader), std::nullopt, {}});
    REHOME_TRY(out.sources_.back().Advance());
  }
  return out;
}

Result<std::optional<Document>> CollectionReader::Next() {
  Source* first = nullptr;
  for (Source& source : sources_) {
    if (source.head && (first == nullptr || source.key < first->key)) {
      first = &source;
    }
  }
  if (first == nullptr) {
    return std::nullopt;
  }
  std::optional<Document> out = std::move(first->head);
  REHOME_TRY(first->Advance());
  return out;
}

Result<VectorReader> VectorReader::Open(const std::filesystem::path& path, FileReader::Hash hash,
                                        const Packing& packing, bool open_ended) {
  REHOME_TRY_ASSIGN(FileReader file, FileReader::Open(path, hash, packing, open_ended));
  return VectorReader(std::move(file));
}

Result<std::optional<VectorRecord>> VectorReader::Next() {
  REHOME_TRY_ASSIGN(const std::optional<std::string_view> line, file_.Line());
  if (!line) {
    return std::nullopt;
  }
  Result<VectorRecord> record = ParseVectorJson(*line);
  if (!record) {
    return Fail(ErrorCode::kDataLoss, record.error().message);
  }
  return std::move(*record);
}

}  // namespace rehome
