#include "phases/preflight.h"

#include <algorithm>
#include <array>
#include <utility>

#include "phases/preflight_look.h"
#include "phases/target_holdings.h"

namespace rehome {
namespace {

struct NamedConcern {
  std::string_view name;
  Concern look;
  unsigned needs;  // stores, as Reached
};

// In the order of a run: the stores, what is moved, where it goes, what it needs, how it ends.
constexpr std::array kConcerns{
    NamedConcern{"stores", LookAtStores, kNoStore},
    NamedConcern{"journal", LookAtRun, kTargetDocuments},
    NamedConcern{"lease", LookAtLease, kTargetDocuments},
    NamedConcern{"collections", LookAtCollections, kSourceDocuments | kTargetDocuments},
    NamedConcern{"change feed", LookAtFeed, kSourceDocuments},
    NamedConcern{"legacy namespaces", LookAtLegacyNamespaces, kSourceVectors},
    NamedConcern{"index", LookAtIndex, kTargetVectors},
    NamedConcern{"quota", LookAtQuota, kSourceDocuments | kTargetVectors},
    NamedConcern{"index writes", LookAtCanary, kTargetVectors},
    NamedConcern{"target namespaces", LookAtTargetNamespaces, kTargetVectors | kTargetDocuments},
    NamedConcern{"target tenants", LookAtTargetTenants, kTargetDocuments},
    NamedConcern{"target items", LookAtTargetItems, kSourceDocuments | kTargetDocuments},
    NamedConcern{"unique keys", LookAtUniqueKeys, kTargetDocuments},
    NamedConcern{"embedder", LookAtEmbedder, kNoStore},
    NamedConcern{"backup directory", LookAtBackupDirectory, kSourceDocuments | kSourceVectors},
    NamedConcern{"backups", LookAtBackups, kNoStore},
    NamedConcern{"maintenance", LookAtMaintenance, kNoStore},
    NamedConcern{"env file", LookAtEnvFile, kNoStore},
    NamedConcern{"pointers", LookAtPointerDocuments, kTargetDocuments},
    NamedConcern{"namespace aliases", LookAtAliases, kTargetVectors},
    NamedConcern{"fence", LookAtFence, kSourceDocuments},
    NamedConcern{"hooks", LookAtHooks, kNoStore},
    NamedConcern{"retention", LookAtRetention, kNoStore},
};

bool IsUnreachable(ErrorCode code) {
  return code == ErrorCode::kUnavailable || code == ErrorCode::kUnauthenticated ||
         code == ErrorCode::kDeadlineExceeded;
}

}  // namespace

bool PreflightReport::passed() const {
  return std::ranges::none_of(findings, [](const Finding& finding) {
    return finding.severity == Finding::Severity::kError;
  });
}

void Look::Ok(std::string check, std::string message, std::string hint) {
  report.findings.push_back(
      {Finding::Severity::kOk, std::move(check), std::move(message), std::move(hint)});
}

void Look::Warn(std::string check, std::string message, std::string hint) {
  report.findings.push_back(
      {Finding::Severity::kWarning, std::move(check), std::move(message), std::move(hint)});
}

void Look::Error(std::string check, std::string message, std::string hint) {
  report.findings.push_back(
      {Finding::Severity::kError, std::move(check), std::move(message), std::move(hint)});
}

void Look::Failed(std::string check, const rehome::Error& error) {
  report.unreachable |= IsUnreachable(error.code);
  Error(std::move(check), error.message, error.hint);
}

Result<PreflightReport> RunPreflight(const Plan& plan, const Mapper& /*mapper*/, const Deps& deps,
                                     const RunRecord* run) {
  Look look{.plan = plan, .deps = deps, .run = RunToGoOn(plan, run), .call = {.stop = deps.stop}};
  for (const NamedConcern& concern : kConcerns) {
    if ((concern.needs & ~look.reached) != 0) {
      continue;
    }
    const Status status = concern.look(look);
    if (!status && status.error().code == ErrorCode::kCancelled) {
      return std::unexpected(status.error());
    }
    if (!status) {
      look.Failed(std::string(concern.name), status.error());
    }
  }
  return std::move(look.report);
}

}  // namespace rehome
