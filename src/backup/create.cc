#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "backup/backup.h"
#include "backup/live_writes.h"
#include "backup/names.h"
#include "backup/records.h"
#include "backup/unfinished.h"
#include "backup/vector_listing.h"
#include "base/atomic_file.h"
#include "ports/scan.h"

namespace rehome {
namespace {

constexpr std::size_t kScanBytes = std::size_t{8} << 20U;
constexpr int kStatisticsPolls = 5;
constexpr Millis kStatisticsWait{1000};

std::string IdToHex(ValueView id) {
  return Hex(DocumentBuilder().Append("_id", id).Finish().bytes());
}

Result<Value> IdFromHex(std::string_view hex) {
  REHOME_TRY_ASSIGN(std::string bytes, BytesOfHex(hex));
  REHOME_TRY_ASSIGN(const Document document, Document::Parse(std::move(bytes)));
  return Value(document.Id());
}

/// A batch of documents, ready to be written.
struct Prepared {
  std::vector<DocumentRecord> records;
  std::size_t bytes = 0;  // of the documents
  std::string last;       // the last one's _id, in hexadecimal digits
};

/// One creation under way.
class Creation {
 public:
  Creation(const BackupRequest& request, Packing packing, Clock& clock, EventSink& events,
           const Call& call, Unfinished& unfinished)
      : request_(request),
        packing_(packing),
        clock_(clock),
        events_(events),
        call_(call),
        unfinished_(unfinished),
        root_(unfinished.path()) {}

  Status Documents();
  Status Vectors();
  /// What the next attempt can go on with; `created_at` and the notes are this attempt's.
  void Resume();
  Manifest& manifest() { return progress_.done; }
  std::vector<std::string>& warnings() { return warnings_; }

 private:
  Result<CollectionBackup> Collection(const std::string& name,
                                      const std::vector<CollectionInfo>& infos);
  Result<DocumentFiles> OpenDocuments(const std::string& name,
                                      const std::optional<BackupProgress::Part>& part,
                                      bool& resumed);
  Status Scan(CollectionBackup& out, DocumentFiles& files, const std::string& last);
  Result<NamespaceBackup> Namespace(const std::string& name, const IndexInfo& info);
  Status CheckStatistics(NamespaceBackup& ns);
  Result<BackupFile> WriteVectors(NamespaceBackup& ns);
  Result<RecordFile> OpenVectors(NamespaceBackup& ns, VectorListing& listing);
  /// The part of the interrupted attempt if it is of `name`.
  std::optional<BackupProgress::Part> TakePart(const std::string& name);
  /// Notes how far the files stand; true if it is time to.
  [[nodiscard]] bool IsDue(std::size_t bytes) {
    since_ += bytes;
    return since_ >= request_.checkpoint_bytes;
  }
  Status Note(BackupProgress::Part part);
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
  const Packing packing_;
  Clock& clock_;
  EventSink& events_;
  const Call& call_;
  Unfinished& unfinished_;
  std::filesystem::path root_;
  BackupProgress progress_;
  std::optional<BackupProgress::Part> part_;  // of the interrupted attempt
  std::uint64_t since_ = 0;                   // bytes since the last note
  std::vector<std::string> warnings_;
  std::uint64_t vanished_ = 0;  // of the namespace in hand: listed, then gone
};

void Creation::Resume() {
  if (!unfinished_.found()) {
    return;
  }
  progress_ = *unfinished_.found();
  part_ = std::exchange(progress_.part, std::nullopt);
  events_.Note(fmt::format(
      "going on with the backup that was interrupted: {} finished parts, {}",
      progress_.done.collections.size() + progress_.done.namespaces.size(),
      part_ ? fmt::format("{} half written", part_->name) : std::string("none half written")));
}

std::optional<BackupProgress::Part> Creation::TakePart(const std::string& name) {
  if (!part_ || part_->name != name) {
    return std::nullopt;
  }
  return std::exchange(part_, std::nullopt);
}

Status Creation::Note(BackupProgress::Part part) {
  since_ = 0;
  progress_.part = std::move(part);
  return unfinished_.Note(progress_);
}

Status Creation::Scan(CollectionBackup& out, DocumentFiles& files, const std::string& last) {
  DocumentStore& store = *request_.documents;
  IdRange range;
  if (!last.empty()) {
    REHOME_TRY_ASSIGN(range.after, IdFromHex(last));
  }
  REHOME_TRY_ASSIGN(const std::uint64_t total, store.Count(out.name, call_));
  const auto prepare = [](const std::vector<Document>& batch) -> Result<Prepared> {
    Prepared prepared{.records = {}, .bytes = 0, .last = IdToHex(batch.back().Id())};
    prepared.records.reserve(batch.size());
    for (const Document& document : batch) {
      prepared.records.emplace_back(document.view());
      prepared.bytes += document.bytes().size();
    }
    return prepared;
  };
  const auto write = [&](const Prepared& prepared) -> Status {
    for (const DocumentRecord& record : prepared.records) {
      REHOME_TRY(files.Append(record));
    }
    if (IsDue(prepared.bytes)) {
      REHOME_TRY_ASSIGN(const DocumentFiles::Mark mark, files.Checkpoint());
      REHOME_TRY(Note({.name = out.name,
                       .started_at = out.window.started_at,
                       .files = mark,
                       .last = prepared.last,
                       .lsn = {}}));
    }
    Advance(out.name, files.sum().digest.count(), total);
    return {};
  };
  return ForEachPrepared<Prepared>({store, out.name, range}, call_, prepare, write,
                                   {.bytes_max = kScanBytes, .ahead = request_.read_ahead});
}

Result<DocumentFiles> Creation::OpenDocuments(const std::string& name,
                                              const std::optional<BackupProgress::Part>& part,
                                              bool& resumed) {
  if (part) {
    auto files = DocumentFiles::Resume(root_, name, packing_, part->files);
    resumed = files.has_value();
    if (resumed) {
      return files;
    }
  }
  // Also where what stands there is not what was noted: once more from its start.
  return DocumentFiles::Create(root_, name, packing_);
}

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
  const auto part = TakePart(name);
  bool resumed = false;
  REHOME_TRY_ASSIGN(DocumentFiles files, OpenDocuments(name, part, resumed));
  if (resumed) {
    out.window.started_at = part->started_at;
  }
  if (out.present) {
    REHOME_TRY(Scan(out, files, resumed ? part->last : std::string()));
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
  if (progress_.stage == BackupProgress::Stage::kSettled) {
    return {};
  }
  DocumentStore& store = *request_.documents;
  manifest().documents_source = store.Identity();
  const std::set<std::string> names(request_.collections.begin(), request_.collections.end());
  if (names.empty()) {  // no feed follows no collection
    progress_.stage = BackupProgress::Stage::kSettled;
    return unfinished_.Note(progress_);
  }
  REHOME_TRY_ASSIGN(LiveWrites live, LiveWrites::Begin(store, {names.begin(), names.end()},
                                                       packing_, progress_.feed_start, call_));
  progress_.feed_start = live.start();
  REHOME_TRY_ASSIGN(const std::vector<CollectionInfo> infos, store.Collections(call_));
  for (const std::string& name : names) {
    if (std::ranges::find(manifest().collections, name, &CollectionBackup::name) !=
        manifest().collections.end()) {
      continue;
    }
    auto collection = Collection(name, infos);
    if (!collection) {
      return std::unexpected(
          std::move(collection).error().In(fmt::format("backup of collection {}", name)));
    }
    manifest().collections.push_back(std::move(*collection));
    progress_.part.reset();
    REHOME_TRY(unfinished_.Note(progress_));
  }
  progress_.stage = BackupProgress::Stage::kSettling;
  REHOME_TRY(unfinished_.Note(progress_));
  REHOME_TRY_ASSIGN(std::optional<std::string> warning,
                    live.Settle(root_, manifest().collections, call_));
  if (warning) {
    Warn(std::move(*warning));
  }
  const std::string finished = FormatTime(clock_.Now());
  for (CollectionBackup& collection : manifest().collections) {
    collection.window.finished_at = finished;
  }
  progress_.stage = BackupProgress::Stage::kSettled;
  return unfinished_.Note(progress_);
}

/// JSON carries no other, and no index takes one.
Status CheckFinite(const VectorRecord& record) {
  for (const float value : record.values) {
    if (!std::isfinite(value)) {
      return Fail(ErrorCode::kDataLoss,
                  fmt::format("vector {} holds a value that is not finite", record.id),
                  "no JSON and no index carries it; remove the vector, or write it again, then "
                  "repeat the backup");
    }
  }
  return {};
}

Result<RecordFile> Creation::OpenVectors(NamespaceBackup& ns, VectorListing& listing) {
  const std::string path = VectorsPath(ns.name) + packing_.Suffix();
  const auto part = TakePart(ns.name);
  auto resumed = part ? RecordFile::Resume(root_, path, packing_, part->files.json)
                      : RecordFile::Create(root_, path, packing_);
  if (!part || !resumed) {
    return part ? RecordFile::Create(root_, path, packing_) : std::move(resumed);
  }
  REHOME_TRY_ASSIGN(VectorReader standing,
                    VectorReader::Open(root_ / (path + std::string(kPartSuffix)),
                                       FileReader::Hash::kNo, packing_, true));
  while (true) {
    REHOME_TRY_ASSIGN(const std::optional<VectorRecord> record, standing.Next());
    if (!record) {
      break;
    }
    ns.digest.Add(VectorDigest(*record));
  }
  ns.window.started_at = part->started_at;
  ns.lsn = part->lsn;
  listing.SkipThrough(part->last);
  return resumed;
}

Result<BackupFile> Creation::WriteVectors(NamespaceBackup& ns) {
  VectorListing listing(*request_.vectors, ns.name, clock_, call_);
  REHOME_TRY_ASSIGN(RecordFile file, OpenVectors(ns, listing));
  while (true) {
    REHOME_TRY_ASSIGN(const std::vector<VectorRecord> page, listing.Next());
    if (page.empty()) {
      break;
    }
    std::size_t bytes = 0;
    for (const VectorRecord& record : page) {
      REHOME_TRY(CheckFinite(record));
      ns.digest.Add(VectorDigest(record));
      std::string line = VectorJson(record);
      line += '\n';
      bytes += line.size();
      REHOME_TRY(file.Append(line));
    }
    if (IsDue(bytes)) {
      REHOME_TRY_ASSIGN(const FileMark mark, file.Checkpoint());
      REHOME_TRY(Note({.name = ns.name,
                       .started_at = ns.window.started_at,
                       .files = {.json = mark, .bson = {}},
                       .last = page.back().id,
                       .lsn = ns.lsn}));
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
  manifest().vectors_source = request_.vectors->Identity();
  for (const std::string& name :
       std::set<std::string>(request_.namespaces.begin(), request_.namespaces.end())) {
    if (std::ranges::find(manifest().namespaces, name, &NamespaceBackup::name) !=
        manifest().namespaces.end()) {
      continue;
    }
    auto ns = Namespace(name, info);
    if (!ns) {
      return std::unexpected(std::move(ns).error().In(fmt::format("backup of namespace {}", name)));
    }
    manifest().namespaces.push_back(std::move(*ns));
    progress_.part.reset();
    REHOME_TRY(unfinished_.Note(progress_));
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

/// What a backup is of, in one line: an interrupted one of the same is gone on with.
std::string RequestText(const BackupRequest& request, const Packing& packing) {
  const auto identity = [](const auto* store) {
    return store == nullptr ? std::string("none") : store->Identity();
  };
  return Sha256Hex(fmt::format("{}\n{}\n{}\n{}\n{}\n{}", identity(request.documents),
                               identity(request.vectors), fmt::join(request.collections, "\n"),
                               fmt::join(request.namespaces, "\n"), packing.Suffix(),
                               packing.key ? packing.key->Mark() : std::string()));
}

}  // namespace

Result<BackupResult> CreateBackup(const BackupRequest& request, Clock& clock, EventSink& events,
                                  const Call& call) {
  REHOME_TRY(CheckRequest(request));
  REHOME_TRY_ASSIGN(const Packing packing, MakePacking(request.zstd, request.key));
  const WallTime now = clock.Now();
  REHOME_TRY_ASSIGN(
      Unfinished unfinished,
      Unfinished::Begin(request.dir, RequestText(request, packing), now, request.resume));
  Creation creation(request, packing, clock, events, call, unfinished);
  creation.Resume();
  Manifest& manifest = creation.manifest();
  manifest.created_at = FormatTime(now);
  manifest.notes = request.notes;
  manifest.zstd = packing.zstd;
  manifest.key_mark = packing.key ? packing.key->Mark() : std::string();
  if (request.documents != nullptr) {
    REHOME_TRY(creation.Documents());
  }
  if (request.vectors != nullptr) {
    REHOME_TRY(creation.Vectors());
  }
  REHOME_TRY_ASSIGN(const std::string text, ManifestText(manifest));
  REHOME_TRY(WriteFileAtomically(unfinished.path() / kManifestFile, text));
  REHOME_TRY_ASSIGN(std::filesystem::path path, unfinished.Finish());
  return BackupResult{.path = std::move(path),
                      .manifest_sha256 = ManifestSha256(text),
                      .manifest = std::move(manifest),
                      .warnings = std::move(creation.warnings())};
}

}  // namespace rehome
