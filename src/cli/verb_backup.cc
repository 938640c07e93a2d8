#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <ostream>

#include "backup/backup.h"
#include "backup/names.h"
#include "cli/console.h"
#include "cli/copy_counts.h"
#include "cli/events.h"
#include "cli/exit_codes.h"
#include "cli/saved_file.h"
#include "cli/verbs.h"
#include "cli/wiring.h"
#include "journal/audit.h"
#include "report/escape.h"
#include "report/table.h"

namespace rehome::cli {
namespace {

using Json = nlohmann::ordered_json;

std::filesystem::path DirOf(const Plan& plan, const BackupOptions& options) {
  return options.dir.value_or(plan.backup.dir);
}

Result<int> Create(const Plan& plan, const BackupOptions& options, CliEnvironment& environment) {
  REHOME_TRY_ASSIGN(const auto events, OpenEvents(plan, true, environment));
  REHOME_TRY_ASSIGN(const Deps deps, Wire(plan, Access::kReadOnly, *events, environment));
  BackupRequest request;
  request.dir = DirOf(plan, options);
  request.zstd = plan.backup.zstd;
  request.key = plan.backup.key;
  request.read_ahead = plan.limits.ReadsAhead();
  if (options.only != Only::kVectors) {
    request.documents = deps.stores.source_documents.get();
    request.collections =
        options.collections.empty() ? plan.backup.collections : options.collections;
  }
  if (options.only != Only::kDocuments) {
    request.vectors = deps.stores.source_vectors.get();
    request.namespaces = plan.backup.namespaces;
  }
  REHOME_TRY_ASSIGN(const AuditHead audit,
                    ReadAuditHead(*deps.stores.target_documents, {.stop = environment.stop}));
  request.notes = {{"plan", plan.name}, {"audit_head", audit.hash}};
  REHOME_TRY_ASSIGN(const BackupResult result,
                    CreateBackup(request, environment.clock, *events, {.stop = environment.stop}));
  if (options.common.json) {
    PrintJson({{"path", result.path.string()},
               {"manifest_sha256", result.manifest_sha256},
               {"warnings", result.warnings}},
              environment);
  } else {
    environment.out << fmt::format(
        "Made {0}\n  manifest SHA-256 {1}\nNext: rehome backup verify --dir {0}\n",
        Escape(result.path.string()), result.manifest_sha256);
  }
  return kExitDone;
}

Result<int> Verify(const Plan& plan, const BackupOptions& options, CliEnvironment& environment) {
  REHOME_TRY_ASSIGN(const auto path, FindBackup(DirOf(plan, options)));
  REHOME_TRY_ASSIGN(const VerifyResult result,
                    VerifyBackup(path, environment.stop, plan.backup.key));
  if (options.common.json) {
    Json problems = Json::array();
    for (const BackupProblem& problem : result.problems) {
      problems.push_back({{"kind", Name(problem.kind)},
                          {"file", problem.file},
                          {"line", problem.line},
                          {"detail", problem.detail}});
    }
    PrintJson({{"passed", result.passed()},
               {"path", path.string()},
               {"records", result.records},
               {"problems", std::move(problems)}},
              environment);
  } else if (result.passed()) {
    environment.out << fmt::format("{} is whole: {} records, every byte read\n",
                                   Escape(path.string()), FormatCount(result.records));
  } else {
    TextTable table({{"what"}, {"file"}, {"line", TextTable::Align::kRight}, {"detail"}});
    for (const BackupProblem& problem : result.problems) {
      table.Add({std::string(Name(problem.kind)), problem.file,
                 problem.line == 0 ? "" : FormatCount(problem.line), problem.detail});
    }
    environment.out << Escape(path.string()) << " is damaged:\n"
                    << table.Render()
                    << "Next: rehome backup create makes a new one; this one is not restored\n";
  }
  return result.passed() ? kExitDone : kExitCheckFailed;
}

/// The stores that a restore writes to; those that are left out are null.
struct RestoreTarget {
  std::shared_ptr<DocumentStore> documents;
  std::shared_ptr<VectorStore> vectors;
};

/// What is written into the plan's own stores stands in the audit log first.
Result<RestoreTarget> OpenTarget(const Plan& plan, const BackupOptions& options,
                                 const std::string& announcement, EventSink& events,
                                 CliEnvironment& environment) {
  RestoreTarget target;
  if (!options.into) {
    REHOME_TRY_ASSIGN(const Deps deps, Wire(plan, Access::kReadWrite, events, environment));
    target = {deps.stores.source_documents, deps.stores.source_vectors};
    REHOME_TRY(AppendAudit(*deps.stores.target_documents, environment.clock,
                           {.action = "backup restore", .detail = announcement, .run_id = {}}, {},
                           {.stop = environment.stop}));
  } else if (KindOf(*options.into) == StoreKind::kDocuments) {
    REHOME_TRY_ASSIGN(target.documents, OpenDocuments({.address = *options.into, .secret = {}},
                                                      Access::kReadWrite, environment.clock));
  } else {
    REHOME_TRY_ASSIGN(target.vectors,
                      OpenVectors({.address = *options.into, .secret = plan.vectors.source.secret},
                                  plan, environment));
  }
  if (options.only == Only::kDocuments) {
    target.vectors.reset();
  } else if (options.only == Only::kVectors) {
    target.documents.reset();
  }
  if (!target.documents && !target.vectors) {
    return Fail(ErrorCode::kInvalidArgument,
                "--only leaves out what --into names: there is nothing to restore",
                "leave one of them out");
  }
  return target;
}

std::string Announcement(const Plan& plan, const BackupOptions& options,
                         const std::filesystem::path& backup) {
  std::string text = fmt::format(
      "restore: writes what is absent from {} into {}", backup.string(),
      options.into.value_or(plan.documents.source.address + " and " + plan.vectors.source.address));
  text += options.overwrite ? "; what differs is saved, then replaced"
                            : "; what differs is kept and listed";
  text += options.exact ? "; what the backup does not hold is saved, then removed" : "";
  return text;
}

/// A backup of a collection that a cutover had closed holds its fence among the options.
Status WarnOfFences(DocumentStore& store, RestoreResult& result, EventSink& events,
                    const Call& call) {
  for (const auto& [name, counts] : result.collections) {
    REHOME_TRY_ASSIGN(const bool fenced, store.IsFenced(name, call));
    if (fenced) {
      result.warnings.push_back(fmt::format(
          "{} is closed to the application by the fence of a cutover: `rehome revert` opens it; "
          "where no run knows of it, take its validator off (collMod)",
          name));
      events.Warn(result.warnings.back());
    }
  }
  return {};
}

Result<int> Restore(const Plan& plan, const BackupOptions& options, CliEnvironment& environment) {
  REHOME_TRY_ASSIGN(const auto path, FindBackup(DirOf(plan, options)));
  const std::string announcement = Announcement(plan, options, path);
  REHOME_TRY(Confirm(announcement, options.common, environment));
  REHOME_TRY_ASSIGN(const auto events, OpenEvents(plan, true, environment));
  REHOME_TRY_ASSIGN(const RestoreTarget target,
                    OpenTarget(plan, options, announcement, *events, environment));
  SavedFile saved(path.parent_path() /
                  fmt::format("saved-{}.jsonl", BackupName(environment.clock.Now(), 1)));
  RestoreRequest request;
  request.backup = path;
  request.documents = target.documents.get();
  request.vectors = options.collections.empty() ? target.vectors.get() : nullptr;
  if (!options.collections.empty()) {
    request.collections = options.collections;
  }
  request.overwrite = options.overwrite;
  request.exact = options.exact;
  request.key = plan.backup.key;
  request.save_document = [&](const std::string& collection, const Document& document) {
    return saved.Add(collection, document);
  };
  request.save_vector = [&](const std::string& ns, const VectorRecord& vector) {
    return saved.Add(ns, vector);
  };
  const Call call{.stop = environment.stop};
  REHOME_TRY_ASSIGN(RestoreResult result, RestoreBackup(request, environment.clock, *events, call));
  if (target.documents) {
    REHOME_TRY(WarnOfFences(*target.documents, result, *events, call));
  }
  if (options.common.json) {
    PrintJson({{"complete", result.complete()},
               {"path", path.string()},
               {"collections", CountsJson(result.collections)},
               {"namespaces", CountsJson(result.namespaces)},
               {"saved", saved.path().string()},
               {"warnings", result.warnings}},
              environment);
  } else {
    environment.out << CountsText(result.collections, result.namespaces);
    if (!saved.path().empty()) {
      environment.out << "What was replaced or removed: " << Escape(saved.path().string()) << "\n";
    }
    environment.out << (result.complete() ? "Restored.\n"
                                          : "Restored what was absent; what differs was kept "
                                            "(--overwrite saves and replaces it).\n");
  }
  return result.complete() ? kExitDone : kExitCheckFailed;
}

Result<int> List(const Plan& plan, const BackupOptions& options, CliEnvironment& environment) {
  const auto dir = DirOf(plan, options);
  REHOME_TRY_ASSIGN(const BackupListing listing, ListBackups(dir));
  const auto strings = [](const std::vector<std::filesystem::path>& paths) {
    std::vector<std::string> texts;
    std::ranges::transform(paths, std::back_inserter(texts),
                           [](const auto& path) { return path.string(); });
    return texts;
  };
  if (options.common.json) {
    PrintJson({{"backups", strings(listing.backups)}, {"unfinished", strings(listing.unfinished)}},
              environment);
    return kExitDone;
  }
  if (listing.backups.empty() && listing.unfinished.empty()) {
    environment.out << "No backups in " << Escape(dir.string()) << ". Next: rehome backup create\n";
  }
  for (const std::string& path : strings(listing.backups)) {
    environment.out << Escape(path) << "\n";
  }
  for (const std::string& path : strings(listing.unfinished)) {
    environment.out << Escape(path) << "  unfinished: left by an interruption, never used\n";
  }
  return kExitDone;
}

}  // namespace

int RunVerb(const BackupOptions& options, CliEnvironment& environment) {
  return WithPlan(options.common, environment, [&](const Plan& plan) -> Result<int> {
    switch (options.action) {
      case BackupOptions::Action::kCreate:
        return Create(plan, options, environment);
      case BackupOptions::Action::kVerify:
        return Verify(plan, options, environment);
      case BackupOptions::Action::kRestore:
        return Restore(plan, options, environment);
      case BackupOptions::Action::kList:
        return List(plan, options, environment);
    }
    return kExitBug;
  });
}

}  // namespace rehome::cli
