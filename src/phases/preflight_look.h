#pragma once
// preflight_look.h — what the concerns of the preflight share. Private to preflight*.cc.
#include <optional>
#include <string>
#include <vector>

#include "phases/preflight.h"

namespace rehome {

/// Which stores answered; a concern that needs another one is left out, since its finding stands.
enum Reached : unsigned {  // NOLINT(performance-enum-size): a set of them is unsigned
  kNoStore = 0,
  kSourceDocuments = 1,
  kTargetDocuments = 2,
  kSourceVectors = 4,
  kTargetVectors = 8,
};

/// One preflight under way: what it looks at, what it learned, what it found.
struct Look {
  const Plan& plan;
  const Deps& deps;
  const RunRecord* run;  // null: the plan never ran there
  Call call;
  PreflightReport report{};
  unsigned reached = kNoStore;
  std::vector<CollectionInfo> source_collections{};
  std::vector<CollectionInfo> target_collections{};
  IndexInfo source_index{};
  IndexInfo target_index{};
  std::optional<double> oplog_hours{};  // of the source, where it says so

  [[nodiscard]] bool HasEmbeddedIndex() const {
    return plan.vectors.target.address.starts_with("local:");
  }
  [[nodiscard]] bool IsCutOver() const { return run != nullptr && run->IsCutOver(); }
  [[nodiscard]] bool IsRetired() const {
    return run != nullptr && run->state == RunState::kRetired;
  }

  void Ok(std::string check, std::string message, std::string hint = {});
  void Warn(std::string check, std::string message, std::string hint);
  void Error(std::string check, std::string message, std::string hint);
  /// What could not be looked at; sets `unreachable` where its store is.
  void Failed(std::string check, const rehome::Error& error);
};

/// A concern adds its findings. An error is what kept it from looking.
using Concern = Status (*)(Look& look);

// preflight_stores.cc
[[nodiscard]] Status LookAtStores(Look& look);
[[nodiscard]] Status LookAtCollections(Look& look);
[[nodiscard]] Status LookAtFeed(Look& look);
[[nodiscard]] Status LookAtIndex(Look& look);
[[nodiscard]] Status LookAtLegacyNamespaces(Look& look);

// preflight_index.cc
[[nodiscard]] Status LookAtQuota(Look& look);
[[nodiscard]] Status LookAtCanary(Look& look);

// preflight_target.cc
[[nodiscard]] Status LookAtTargetNamespaces(Look& look);
[[nodiscard]] Status LookAtTargetItems(Look& look);
[[nodiscard]] Status LookAtTargetTenants(Look& look);
[[nodiscard]] Status LookAtUniqueKeys(Look& look);

// preflight_host.cc
[[nodiscard]] Status LookAtEmbedder(Look& look);
[[nodiscard]] Status LookAtBackupDirectory(Look& look);
[[nodiscard]] Status LookAtBackups(Look& look);

// preflight_cutover.cc
[[nodiscard]] Status LookAtEnvFile(Look& look);
[[nodiscard]] Status LookAtPointerDocuments(Look& look);
[[nodiscard]] Status LookAtAliases(Look& look);
[[nodiscard]] Status LookAtFence(Look& look);
[[nodiscard]] Status LookAtHooks(Look& look);
[[nodiscard]] Status LookAtRetention(Look& look);
[[nodiscard]] Status LookAtMaintenance(Look& look);

// preflight_journal.cc
[[nodiscard]] Status LookAtLease(Look& look);
[[nodiscard]] Status LookAtRun(Look& look);

}  // namespace rehome
