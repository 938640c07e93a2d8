#include "phases/vector_steps.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "flow/vector_writer.h"
#include "model/fields.h"
#include "model/item.h"
#include "ports/listing.h"
#include "ports/scan.h"

namespace rehome {
namespace {

std::set<std::string> LegacyNamespaces(const Plan& plan) {
  std::set<std::string> out(plan.backup.namespaces.begin(), plan.backup.namespaces.end());
  out.insert(plan.retire.namespaces.begin(), plan.retire.namespaces.end());
  return out;
}

Status RefuseBeforeItems(Session& session) {
  if (session.run().IsDone(Phase::kItems)) {
    return {};
  }
  return Fail(ErrorCode::kFailedPrecondition,
              "the vector steps need phase 2 (items), which has not run",
              "`rehome run --phase 2` first");
}

/// Those of `items` that are marked, of the organization, and (if asked for) ours.
Result<std::vector<Write>> Resets(Session& session, const std::vector<Document>& items,
                                  std::string_view org_id, bool only_ours) {
  const std::vector<Value> ids = IdsOf(items);
  REHOME_TRY_ASSIGN(const auto histories,
                    session.ledger().Find(session.flow().ItemsTarget(), ids, session.call()));
  std::vector<Write> out;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const DocumentView item = items[i].view();
    const bool wanted = !only_ours || Judge(histories[i], DocumentDigest(item)) == Ownership::kOurs;
    if (wanted && IsMarked(item) && StringField(item, "org_id") == org_id) {
      out.push_back(Write::Replace(items[i], WithMark(item, "")));
    }
  }
  return out;
}

Result<std::size_t> ResetMarks(Session& session, std::string_view org_id, bool only_ours) {
  std::size_t count = 0;
  const std::string& collection = session.plan().items.to;
  const auto reset = [&](const std::vector<Document>& items) -> Status {
    REHOME_TRY_ASSIGN(const auto resets, Resets(session, items, org_id, only_ours));
    if (!resets.empty()) {
      REHOME_TRY(session.target().Apply(collection, resets, {}, session.call()));
      count += resets.size();
    }
    return {};
  };
  REHOME_TRY(ForEachBatch(session.target(), collection, {}, session.call(), reset));
  return count;
}

}  // namespace

Result<KnownNamespace> FindNamespace(const Plan& plan, std::string_view ns) {
  std::vector<std::string> known;
  for (const Organization& organization : plan.tenants.organizations) {
    known.push_back(plan.NamespaceOf(organization.org_id).name());
    if (known.back() == ns) {
      return KnownNamespace{.role = KnownNamespace::Role::kTenant, .org_id = organization.org_id};
    }
  }
  const auto legacy = LegacyNamespaces(plan);
  if (legacy.contains(std::string(ns))) {
    return KnownNamespace{.role = KnownNamespace::Role::kLegacy, .org_id = {}};
  }
  known.insert(known.end(), legacy.begin(), legacy.end());
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("plan {} knows no namespace `{}`", plan.name, ns),
              fmt::format("it knows {}", fmt::join(known, ", ")));
}

Result<KnownNamespace> FindTenantNamespace(const Plan& plan, std::string_view ns) {
  REHOME_TRY_ASSIGN(KnownNamespace found, FindNamespace(plan, ns));
  if (found.role == KnownNamespace::Role::kLegacy) {
    return Fail(
        ErrorCode::kFailedPrecondition,
        fmt::format("namespace {} belongs to the old side: nothing is removed from it or embedded "
                    "into it before it is retired",
                    ns),
        "`rehome retire` removes it, once its gates are passed; `rehome vectors backup` saves it");
  }
  return found;
}

Result<BackupResult> BackUpNamespace(const Plan& plan, const Deps& deps, const std::string& ns) {
  REHOME_TRY_ASSIGN(const KnownNamespace known, FindNamespace(plan, ns));
  VectorStore& store = known.role == KnownNamespace::Role::kLegacy ? *deps.stores.source_vectors
                                                                   : *deps.stores.target_vectors;
  BackupRequest request;
  request.vectors = &store;
  request.namespaces = {ns};
  request.dir = plan.backup.dir;
  request.notes = {{"plan", plan.name}, {"step", "vectors backup"}};
  request.phase = Phase::kVectors;
  request.zstd = plan.backup.zstd;
  request.key = plan.backup.key;
  return CreateBackup(request, deps.clock, deps.events, Call{.stop = deps.stop});
}

Result<RunReport> ClearNamespace(Session& session, const std::string& ns) {
  REHOME_TRY_ASSIGN(const KnownNamespace known, FindTenantNamespace(session.plan(), ns));
  REHOME_TRY(RefuseBeforeItems(session));
  REHOME_TRY(SettleFirst(session));
  if (session.run().IsCutOver()) {
    return Fail(
        ErrorCode::kFailedPrecondition,
        fmt::format("the application reads namespace {}: cleared, it would find nothing", ns),
        "`rehome vectors reembed` makes its vectors again in place; `rehome revert` first, to "
        "clear it all the same");
  }
  REHOME_TRY(session.Audit("vectors clear", ns));
  REHOME_TRY(ReopenVectors(session));
  REHOME_TRY_ASSIGN(const std::size_t reset, ResetMarks(session, known.org_id, false));
  REHOME_TRY_ASSIGN(const TenantNamespace tenant, session.flow().NamespaceOf(known.org_id));
  VectorsRemoved total;
  REHOME_TRY(ForEachPage(
      session.target_vectors(), tenant.name(), session.call(),
      [&](const std::vector<std::string>& ids) -> Status {
        REHOME_TRY_ASSIGN(const VectorsRemoved removed,
                          RemoveVectors(session.flow(), tenant, ids, session.call()));
        total.removed += removed.removed;
        total.saved += removed.saved;
        total.foreign.insert(total.foreign.end(), removed.foreign.begin(), removed.foreign.end());
        return {};
      }));
  REHOME_TRY(session.SettleLeftOpen());
  REHOME_TRY_ASSIGN(const std::string file, ExportSaved(session));
  RunReport report;
  report.nothing_to_do = total.removed == 0 && reset == 0;
  report.done.push_back(
      fmt::format("{} vectors removed from {}, {} of them changed by others and saved first, {} "
                  "foreign left; {} items wait for their vector",
                  total.removed, ns, total.saved, total.foreign.size(), reset));
  if (!file.empty()) {
    report.done.push_back(fmt::format("what was saved: {}", file));
  }
  report.done.emplace_back("`rehome vectors reembed` or `rehome run --phase 3` makes them again");
  return report;
}

Result<RunReport> ReembedNamespace(Session& session, const std::string& ns) {
  REHOME_TRY_ASSIGN(const KnownNamespace known, FindTenantNamespace(session.plan(), ns));
  REHOME_TRY(RefuseBeforeItems(session));
  REHOME_TRY(SettleFirst(session));
  REHOME_TRY(session.Audit("vectors reembed", ns));
  REHOME_TRY(ReopenVectors(session));
  REHOME_TRY_ASSIGN(const std::size_t reset, ResetMarks(session, known.org_id, true));
  REHOME_TRY_ASSIGN(RunReport report, Run(session, {.only = {}, .through = Phase::kVectors}));
  report.done.insert(report.done.begin(),
                     fmt::format("{} items of {} were embedded again", reset, known.org_id));
  return report;
}

}  // namespace rehome
