#include <fmt/format.h>

#include <utility>

#include "backup/backup.h"
#include "backup/records.h"
#include "backup/vector_listing.h"
#include "ports/scan.h"

namespace rehome {
namespace {

using Kind = BackupProblem::Kind;

Result<DocumentSum> SumOf(DocumentStore& store, const std::string& collection, const Call& call) {
  DocumentSum sum;
  REHOME_TRY(
      ForEachBatch(store, collection, {}, call, [&](const std::vector<Document>& batch) -> Status {
        for (const Document& document : batch) {
          sum.Add(DocumentDigests(document.view()));
        }
        return {};
      }));
  return sum;
}

Result<SetDigest> SumOf(VectorStore& store, const std::string& ns, Clock& clock, const Call& call) {
  SetDigest sum;
  VectorListing listing(store, ns, clock, call);
  while (true) {
    REHOME_TRY_ASSIGN(const std::vector<VectorRecord> page, listing.Next());
    if (page.empty()) {
      return sum;
    }
    for (const VectorRecord& record : page) {
      sum.Add(VectorDigest(record));
    }
  }
}

void Compare(ProofResult& result, const std::string& name, const SetDigest& restored,
             const SetDigest& read) {
  if (restored != read) {
    result.problems.push_back(
        {restored.count() == read.count() ? Kind::kDigest : Kind::kCount, name, 0,
         fmt::format("restored {}, read {}", restored.ToString(), read.ToString())});
  }
}

}  // namespace

Result<ProofResult> ProveRestore(const RestoreRequest& request, Clock& clock, EventSink& events,
                                 const Call& call) {
  CHECK(request.documents != nullptr);
  REHOME_TRY_ASSIGN(const Manifest manifest, ReadManifest(request.backup));
  const SteadyTime begin = clock.Steady();
  REHOME_TRY_ASSIGN(const RestoreResult restored, RestoreBackup(request, clock, events, call));
  ProofResult result;
  result.took = std::chrono::duration_cast<Millis>(clock.Steady() - begin);
  for (const CollectionBackup& collection : manifest.collections) {
    if (!restored.collections.contains(collection.name)) {
      continue;  // of the journal
    }
    REHOME_TRY_ASSIGN(const DocumentSum sum, SumOf(*request.documents, collection.name, call));
    result.documents += sum.content.count();
    Compare(result, collection.name, sum.content, collection.content);
  }
  for (const NamespaceBackup& ns : manifest.namespaces) {
    if (request.vectors == nullptr) {
      break;
    }
    REHOME_TRY_ASSIGN(const SetDigest sum, SumOf(*request.vectors, ns.name, clock, call));
    result.vectors += sum.count();
    Compare(result, ns.name, sum, ns.digest);
  }
  return result;
}

}  // namespace rehome
