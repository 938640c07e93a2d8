#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "backup/backup.h"
#include "backup/names.h"
#include "backup/records.h"
#include "backup/target_writer.h"
#include "backup/vector_listing.h"
#include "model/sort_key.h"
#include "ports/scan.h"

namespace rehome {
namespace {

constexpr std::uint64_t kRecordsBetweenSigns = 1000;

// A collection's own validator may have come after its documents: what was stored is restored.
constexpr WriteOptions kAsStored{.bypass_fence = true};

/// The records of `all` that were asked for. kInvalidArgument names what the backup does not hold.
template <class Backup>
Result<std::vector<const Backup*>> Chosen(const std::vector<Backup>& all,
                                          const std::optional<std::vector<std::string>>& names,
                                          std::string_view what) {
  std::vector<const Backup*> out;
  std::set<std::string> wanted;
  if (names) {
    wanted.insert(names->begin(), names->end());
  }
  for (const Backup& backup : all) {
    if (!names || wanted.erase(backup.name) > 0) {
      out.push_back(&backup);
    }
  }
  if (!wanted.empty()) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("the backup holds no {} {}", what, *wanted.begin()),
                "`rehome backup list` shows what there is");
  }
  return out;
}

class Restoration {
 public:
  Restoration(const RestoreRequest& request, const Packing& packing, Clock& clock,
              EventSink& events, const Call& call)
      : request_(request), packing_(packing), clock_(clock), events_(events), call_(call) {}

  Result<RestoreResult> Run(const Manifest& manifest);

 private:
  Status Collection(const CollectionBackup& collection, const std::vector<CollectionInfo>& present);
  Status WriteDocuments(const CollectionBackup& collection, DocumentWriter& writer);
  Status RestoreIndexes(const CollectionBackup& collection,
                        const std::vector<CollectionInfo>& present);
  Status RemoveExtraDocuments(const CollectionBackup& collection, WrittenCounts& counts);
  Status RemoveDocument(const std::string& collection, Document document, WrittenCounts& counts);
  Status CheckDimension(const std::vector<const NamespaceBackup*>& namespaces);
  Status Namespace(const NamespaceBackup& ns);
  Status WriteVectors(const NamespaceBackup& ns, VectorWriter& writer);
  Status HandleExtraVectors(const NamespaceBackup& ns, WrittenCounts& counts);
  Status RemoveVectors(const std::string& ns, const std::vector<std::string>& ids,
                       WrittenCounts& counts);
  /// The file holds what verification saw.
  static Status CheckUnchanged(const BackupFile& file, FileReader& reader);
  void Advance(std::string_view name, std::uint64_t done, std::uint64_t total) {
    events_.Advanced({.phase = request_.phase,
                      .step = fmt::format("restore {}", name),
                      .done = done,
                      .total = total,
                      .quarantined = 0});
  }

  const RestoreRequest& request_;
  const Packing packing_;
  Clock& clock_;
  EventSink& events_;
  const Call& call_;
  RestoreResult result_;
};

Status Restoration::CheckUnchanged(const BackupFile& file, FileReader& reader) {
  REHOME_TRY_ASSIGN(const FileSum sum, reader.Finish());
  if (sum.sha256 != file.sha256) {
    return Fail(ErrorCode::kDataLoss, fmt::format("{} changed while it was restored", file.path),
                "verify the backup, then restore again with --overwrite");
  }
  return {};
}

Status Restoration::WriteDocuments(const CollectionBackup& collection, DocumentWriter& writer) {
  std::uint64_t done = 0;
  for (const BackupFile& file : collection.files) {
    REHOME_TRY_ASSIGN(
        DocumentReader reader,
        DocumentReader::Open(request_.backup / file.path, FileReader::Hash::kYes, packing_));
    while (true) {
      REHOME_TRY_ASSIGN(std::optional<Document> document, reader.Next());
      if (!document) {
        break;
      }
      REHOME_TRY(writer.Append(std::move(*document)));
      if (++done % kRecordsBetweenSigns == 0) {
        Advance(collection.name, done, collection.records);
      }
    }
    REHOME_TRY(CheckUnchanged(file, reader.file()));
  }
  REHOME_TRY(writer.Flush());
  Advance(collection.name, done, collection.records);
  return {};
}

Status Restoration::RestoreIndexes(const CollectionBackup& collection,
                                   const std::vector<CollectionInfo>& present) {
  std::vector<Document> existing;
  for (const CollectionInfo& info : present) {
    if (info.name == collection.name) {
      existing = info.indexes;
    }
  }
  for (const Document& index : collection.indexes) {
    if (std::ranges::find(existing, index) == existing.end()) {
      REHOME_TRY(request_.documents->RestoreIndex(collection.name, index, call_));
    }
  }
  return {};
}

Status Restoration::RemoveDocument(const std::string& collection, Document document,
                                   WrittenCounts& counts) {
  REHOME_TRY(request_.save_document(collection, document));
  const Write write = Write::Delete(std::move(document));
  REHOME_TRY_ASSIGN(const auto results,
                    request_.documents->Apply(collection, {&write, 1}, kAsStored, call_));
  // A loser of the race is a document that somebody just wrote: it stays, as an extra one.
  ++(results.front().applied() || !results.front().found ? counts.removed : counts.extra);
  return {};
}

Status Restoration::RemoveExtraDocuments(const CollectionBackup& collection,
                                         WrittenCounts& counts) {
  REHOME_TRY_ASSIGN(CollectionReader backup,
                    CollectionReader::Open(request_.backup, collection, packing_));
  REHOME_TRY_ASSIGN(std::optional<Document> kept, backup.Next());
  std::string kept_key = kept ? SortKey(kept->Id()) : std::string();
  const auto remove_extra = [&](std::vector<Document> batch) -> Status {
    for (Document& document : batch) {
      const std::string key = SortKey(document.Id());
      while (kept && kept_key < key) {
        REHOME_TRY_ASSIGN(kept, backup.Next());
        kept_key = kept ? SortKey(kept->Id()) : std::string();
      }
      if (!kept || kept_key != key) {
        REHOME_TRY(RemoveDocument(collection.name, std::move(document), counts));
      }
    }
    return {};
  };
  return ForEachBatch(*request_.documents, collection.name, {}, call_, remove_extra);
}

Status Restoration::Collection(const CollectionBackup& collection,
                               const std::vector<CollectionInfo>& present) {
  DocumentStore& store = *request_.documents;
  if (collection.present) {
    REHOME_TRY(store.CreateCollection(collection.name, collection.options, call_));
  }
  DocumentWriter writer(store, collection.name,
                        request_.overwrite ? request_.save_document : DocumentWriter::Save(),
                        kAsStored, call_);
  REHOME_TRY(WriteDocuments(collection, writer));
  WrittenCounts& counts = writer.counts();
  if (request_.exact) {
    REHOME_TRY(RemoveExtraDocuments(collection, counts));
  } else {
    REHOME_TRY_ASSIGN(const std::uint64_t stored, store.Count(collection.name, call_));
    counts.extra = stored > collection.records ? stored - collection.records : 0;
  }
  REHOME_TRY(RestoreIndexes(collection, present));
  result_.collections.emplace(collection.name, std::move(counts));
  return {};
}

Status Restoration::CheckDimension(const std::vector<const NamespaceBackup*>& namespaces) {
  REHOME_TRY_ASSIGN(const IndexInfo info, request_.vectors->Describe(call_));
  for (const NamespaceBackup* ns : namespaces) {
    if (ns->records == 0) {
      continue;
    }
    if (info.dimension != 0 && ns->dimension != 0 && info.dimension != ns->dimension) {
      return Fail(ErrorCode::kFailedPrecondition,
                  fmt::format("namespace {} has vectors of {} dimensions, the index {} has {}",
                              ns->name, ns->dimension, info.identity, info.dimension),
                  "restore into an index of the same dimension");
    }
    if (!info.metric.empty() && !ns->metric.empty() && info.metric != ns->metric) {
      result_.warnings.push_back(
          fmt::format("namespace {} was in an index of metric {}, this one has {}", ns->name,
                      ns->metric, info.metric));
    }
  }
  return {};
}

Status Restoration::WriteVectors(const NamespaceBackup& ns, VectorWriter& writer) {
  const BackupFile& file = ns.files.front();
  REHOME_TRY_ASSIGN(VectorReader reader, VectorReader::Open(request_.backup / file.path,
                                                            FileReader::Hash::kYes, packing_));
  while (true) {
    REHOME_TRY_ASSIGN(std::optional<VectorRecord> record, reader.Next());
    if (!record) {
      break;
    }
    REHOME_TRY(writer.Append(std::move(*record)));
    if (reader.record() % kRecordsBetweenSigns == 0) {
      Advance(ns.name, reader.record(), ns.records);
    }
  }
  REHOME_TRY(writer.Flush());
  Advance(ns.name, reader.record(), ns.records);
  return CheckUnchanged(file, reader.file());
}

Status Restoration::RemoveVectors(const std::string& ns, const std::vector<std::string>& ids,
                                  WrittenCounts& counts) {
  REHOME_TRY_ASSIGN(const std::vector<VectorRecord> records,
                    request_.vectors->Fetch(ns, ids, call_));
  std::vector<std::string> saved;
  for (const VectorRecord& record : records) {
    REHOME_TRY(request_.save_vector(ns, record));
    saved.push_back(record.id);
  }
  REHOME_TRY(request_.vectors->Delete(ns, saved, call_));
  counts.removed += saved.size();
  return {};
}

Status Restoration::HandleExtraVectors(const NamespaceBackup& ns, WrittenCounts& counts) {
  REHOME_TRY_ASSIGN(VectorReader backup, VectorReader::Open(request_.backup / ns.files.front().path,
                                                            FileReader::Hash::kNo, packing_));
  REHOME_TRY_ASSIGN(std::optional<VectorRecord> kept, backup.Next());
  VectorListing listing(*request_.vectors, ns.name, clock_, call_);
  while (true) {
    REHOME_TRY_ASSIGN(const std::vector<std::string> ids, listing.NextIds());
    if (ids.empty()) {
      return {};
    }
    std::vector<std::string> extra;
    for (const std::string& id : ids) {
      while (kept && kept->id < id) {
        REHOME_TRY_ASSIGN(kept, backup.Next());
      }
      if (!kept || kept->id != id) {
        extra.push_back(id);
      }
    }
    if (request_.exact && !extra.empty()) {
      REHOME_TRY(RemoveVectors(ns.name, extra, counts));
    } else {
      counts.extra += extra.size();
    }
  }
}

Status Restoration::Namespace(const NamespaceBackup& ns) {
  VectorWriter writer(*request_.vectors, ns.name,
                      request_.overwrite ? request_.save_vector : VectorWriter::Save(), clock_,
                      call_);
  REHOME_TRY(WriteVectors(ns, writer));
  REHOME_TRY(HandleExtraVectors(ns, writer.counts()));
  result_.namespaces.emplace(ns.name, std::move(writer.counts()));
  return {};
}

Result<RestoreResult> Restoration::Run(const Manifest& manifest) {
  REHOME_TRY_ASSIGN(const auto collections,
                    Chosen(manifest.collections, request_.collections, "collection"));
  REHOME_TRY_ASSIGN(const auto namespaces,
                    Chosen(manifest.namespaces, request_.namespaces, "namespace"));
  if (request_.vectors != nullptr) {
    REHOME_TRY(CheckDimension(namespaces));
  }
  if (request_.documents != nullptr) {
    REHOME_TRY_ASSIGN(const std::vector<CollectionInfo> present,
                      request_.documents->Collections(call_));
    for (const CollectionBackup* collection : collections) {
      if (collection->name.starts_with(kJournalPrefix)) {
        result_.warnings.push_back(
            fmt::format("{} is of rehome's journal and stays as it is", collection->name));
        continue;
      }
      if (auto status = Collection(*collection, present); !status) {
        return std::unexpected(std::move(status).error().In(
            fmt::format("restore of collection {}", collection->name)));
      }
    }
  }
  if (request_.vectors != nullptr) {
    for (const NamespaceBackup* ns : namespaces) {
      if (auto status = Namespace(*ns); !status) {
        return std::unexpected(
            std::move(status).error().In(fmt::format("restore of namespace {}", ns->name)));
      }
    }
  }
  std::ranges::for_each(result_.warnings, [&](const std::string& text) { events_.Warn(text); });
  return std::move(result_);
}

}  // namespace

bool RestoreResult::complete() const {
  const auto whole = [](const auto& entry) { return entry.second.different == 0; };
  return std::ranges::all_of(collections, whole) && std::ranges::all_of(namespaces, whole);
}

Result<RestoreResult> RestoreBackup(const RestoreRequest& request, Clock& clock, EventSink& events,
                                    const Call& call) {
  // Nothing is replaced or removed that was not saved first.
  const bool destructive = request.overwrite || request.exact;
  CHECK(!destructive || request.documents == nullptr || request.save_document);
  CHECK(!destructive || request.vectors == nullptr || request.save_vector);
  REHOME_TRY_ASSIGN(const VerifyResult verified,
                    VerifyBackup(request.backup, call.stop, request.key));
  if (!verified.passed()) {
    const BackupProblem& first = verified.problems.front();
    return Fail(
        ErrorCode::kDataLoss,
        fmt::format("{} does not verify: {}{} {}: {} ({} problems in all)", request.backup.string(),
                    first.file, first.line > 0 ? fmt::format(":{}", first.line) : "",
                    Name(first.kind), first.detail, verified.problems.size()),
        "nothing was restored; `rehome backup verify` lists what is wrong; use another backup");
  }
  REHOME_TRY_ASSIGN(const Packing packing, PackingOf(*verified.manifest, request.key));
  return Restoration(request, packing, clock, events, call).Run(*verified.manifest);
}

}  // namespace rehome
