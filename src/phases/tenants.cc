#include <fmt/format.h>

#include <algorithm>

#include "flow/remover.h"
#include "model/item.h"
#include "phases/phases.h"
#include "phases/target_collections.h"

namespace rehome {
namespace {

/// Inserts documents whose `_id`s are ours to choose; one that stands there and is not ours is
/// refused.
Status InsertTenants(Session& session, const std::string& collection,
                     const std::vector<Document>& documents, Counts& counts) {
  const LedgerTarget target{LedgerTarget::Store::kDocuments, collection};
  std::vector<Value> ids;
  std::vector<LedgerEntry> entries;
  std::vector<Write> writes;
  for (const Document& document : documents) {
    ids.emplace_back(document.Id());
    entries.push_back(
        {.id = ids.back(), .before = {}, .after = DocumentDigest(document.view()), .text = {}});
    writes.push_back(Write::Insert(document));
  }
  REHOME_TRY_ASSIGN(const auto histories, session.ledger().Find(target, ids, session.call()));
  REHOME_TRY_ASSIGN(const auto before, session.target().FindByIds(collection, ids, session.call()));
  REHOME_TRY_ASSIGN(const auto batch, session.ledger().Open(target, entries, session.call()));
  REHOME_TRY_ASSIGN(const auto results,
                    session.target().Apply(collection, writes, {}, session.call()));
  std::vector<bool> written(results.size());
  for (std::size_t i = 0; i < results.size(); ++i) {
    // Absent before, there now: a repeat after a lost reply finds what it wrote itself.
    const bool ours = histories[i].LastDone() != nullptr || !before[i];
    const bool equal = ours && results[i].found == documents[i];
    written[i] = results[i].applied() || equal;
    counts[collection] += written[i] ? 1 : 0;
  }
  REHOME_TRY(session.ledger().Close(batch, written, session.call()));
  const auto refused = std::ranges::find(written, false);
  if (refused == written.end()) {
    return {};
  }
  const auto& result = results[static_cast<std::size_t>(refused - written.begin())];
  const Document& wanted = documents[static_cast<std::size_t>(refused - written.begin())];
  return Fail(ErrorCode::kFailedPrecondition,
              fmt::format("{} already holds a document that is not this run's under {} {}",
                          collection, result.unique_index.empty() ? "_id" : result.unique_index,
                          wanted.Id().AsString()),
              "rename the tenant in the plan, or remove that document if it is a leftover");
}

}  // namespace

Result<PhaseOutcome> RunTenants(Session& session) {
  const TenantsPlan& tenants = session.plan().tenants;
  PhaseOutcome out;
  REHOME_TRY(CreateTargetCollection(session, tenants.organizations_collection, Document()));
  REHOME_TRY(CreateTargetCollection(session, tenants.profiles_collection, Document()));
  REHOME_TRY(EnsureIndexes(session, tenants.organizations_collection));
  REHOME_TRY(EnsureIndexes(session, tenants.profiles_collection));
  std::vector<Document> documents;
  for (const Organization& organization : tenants.organizations) {
    documents.push_back(organization.document);
    session.run().namespaces.try_emplace(organization.org_id,
                                         session.plan().NamespaceOf(organization.org_id).name());
  }
  REHOME_TRY(session.Save());
  REHOME_TRY(InsertTenants(session, tenants.organizations_collection, documents, out.counts));
  documents.clear();
  for (const Profile& profile : tenants.profiles) {
    documents.push_back(profile.document);
  }
  REHOME_TRY(InsertTenants(session, tenants.profiles_collection, documents, out.counts));
  SetDigest digest;
  for (const Organization& organization : tenants.organizations) {
    digest.Add(DocumentDigest(organization.document.view()));
  }
  for (const Profile& profile : tenants.profiles) {
    digest.Add(DocumentDigest(profile.document.view()));
  }
  out.digest = digest.ToString();
  return out;
}

Result<Counts> UndoTenants(Session& session) {
  Counts counts;
  for (const std::string& collection : {session.plan().tenants.profiles_collection,
                                        session.plan().tenants.organizations_collection}) {
    REHOME_TRY_ASSIGN(const auto removed, RemoveAllOurs(session.flow(), collection,
                                                        "changed before rollback", session.call()));
    counts[fmt::format("{} removed", collection)] = static_cast<std::int64_t>(removed.removed);
    counts[fmt::format("{} saved", collection)] = static_cast<std::int64_t>(removed.saved);
    counts[fmt::format("foreign {} left", collection)] = static_cast<std::int64_t>(removed.foreign);
    REHOME_TRY(DropIfOursAndEmpty(session, collection));
  }
  return counts;
}

}  // namespace rehome
