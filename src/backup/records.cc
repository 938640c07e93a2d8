#include "backup/records.h"

#include <fmt/format.h>

#include <utility>

#include "backup/names.h"
#include "model/extended_json.h"
#include "model/item.h"
#include "model/sort_key.h"

namespace rehome {

void DocumentSum::Add(DocumentView document) {
  const Md5Digest whole = Md5(document.bytes());
  content.Add(whole);
  const bool marked = document.Find(kIsEmbedded) || document.Find(kEmbeddingId);
  digest.Add(marked ? DocumentDigest(document) : whole);
}

Result<RecordFile> RecordFile::Create(const std::filesystem::path& root, std::string path) {
  REHOME_TRY_ASSIGN(AtomicFile file, AtomicFile::Create(root / path));
  return RecordFile(std::move(path), std::move(file));
}

Status RecordFile::Append(std::string_view record) {
  ++sum_.records;
  sum_.bytes += record.size();
  md5_.Update(record);
  sha256_.Update(record);
  return file_.Write(record);
}

Result<BackupFile> RecordFile::Commit() {
  REHOME_TRY(file_.Commit());
  sum_.md5 = Hex(std::string_view(md5_.Finish()));
  sum_.sha256 = Hex(std::string_view(sha256_.Finish()));
  return sum_;
}

Result<DocumentFiles> DocumentFiles::Create(const std::filesystem::path& root,
                                            std::string_view collection) {
  REHOME_TRY_ASSIGN(RecordFile json, RecordFile::Create(root, JsonPath(collection)));
  return DocumentFiles(root, collection, std::move(json));
}

Status DocumentFiles::Append(DocumentView document) {
  sum_.Add(document);
  if (RoundTrips(document)) {
    std::string line = ToExtendedJson(document, JsonMode::kCanonical);
    line += '\n';
    return json_.Append(line);
  }
  if (!bson_) {
    REHOME_TRY_ASSIGN(RecordFile file, RecordFile::Create(root_, BsonPath(collection_)));
    bson_.emplace(std::move(file));
  }
  return bson_->Append(document.bytes());
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
                                            FileReader::Hash hash) {
  REHOME_TRY_ASSIGN(FileReader file, FileReader::Open(path, hash));
  return DocumentReader(std::move(file), path.extension() == ".bson");
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
                                                const CollectionBackup& collection) {
  CollectionReader out;
  for (const BackupFile& file : collection.files) {
    REHOME_TRY_ASSIGN(DocumentReader reader,
                      DocumentReader::Open(backup / file.path, FileReader::Hash::kNo));
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

Result<VectorReader> VectorReader::Open(const std::filesystem::path& path, FileReader::Hash hash) {
  REHOME_TRY_ASSIGN(FileReader file, FileReader::Open(path, hash));
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
