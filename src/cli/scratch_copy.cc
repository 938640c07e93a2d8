#include "cli/scratch_copy.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <ostream>
#include <set>

#include "backup/backup.h"
#include "base/atomic_file.h"
#include "base/random.h"
#include "journal/names.h"
#include "ports/listing.h"
#include "ports/scan.h"
#include "report/escape.h"

namespace rehome::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kScratchNameBytes = 8;
constexpr std::size_t kBatchCount = 1000;
constexpr std::size_t kBatchBytes = std::size_t{8} << 20U;

/// Beside the backups there is room for what they hold; a plan without backups yet gets the
/// system's place.
fs::path ScratchPath(const Plan& plan) {
  std::error_code ignored;
  const fs::path parent =
      fs::is_directory(plan.backup.dir, ignored) ? plan.backup.dir : fs::temp_directory_path();
  return parent / (".scratch-" + RandomHex(kScratchNameBytes));
}

StorePair ScratchPair(const StorePair& real, std::string_view scheme, const fs::path& dir,
                      std::string_view name) {
  const auto at = [&](std::string_view suffix) {
    return StoreSpec{
        .address = fmt::format("{}{}", scheme, (dir / fmt::format("{}{}", name, suffix)).string()),
        .secret = {}};
  };
  const StoreSpec target = at("");
  return {.source = real.same() ? target : at("-source"), .target = target};
}

/// The plan over the copies below `dir`: every path in it that is written to leads there.
Plan ScratchPlan(const Plan& real, const fs::path& dir, bool real_embedder) {
  Plan plan = real;
  plan.documents = ScratchPair(real.documents, "sqlite:", dir, "documents.db");
  plan.vectors = ScratchPair(real.vectors, "local:", dir, "vectors");
  plan.backup.dir = dir / "backups";
  plan.log_file.clear();
  plan.maintenance.reset();
  plan.cutover.namespace_alias.clear();  // an alias is an account's, it has no copy
  plan.cutover.quiet = Millis{0};        // nobody writes to a copy
  if (plan.cutover.env_file) {
    plan.cutover.env_file->path = dir / "application.env";
  }
  if (!real_embedder) {
    plan.index.embedder = EmbedderPlan{};
    plan.index.embedder.provider = "hashing";
    plan.index.embedder.dimensions = real.index.embedder.dimensions;
    plan.verify.legacy_embedder.reset();
    if (plan.verify.proposals) {
      plan.verify.proposals = VerifyPlan::Proposals{};
    }
  }
  return plan;
}

/// The collections of the source that the plan touches or looks at.
std::set<std::string> SourceCollections(const Plan& plan) {
  std::set<std::string> out(plan.backup.collections.begin(), plan.backup.collections.end());
  out.insert(plan.retire.collections.begin(), plan.retire.collections.end());
  out.insert(plan.items.from);
  if (plan.verify.probes) {
    out.insert(plan.verify.probes->from);
  }
  for (const StampPlan& stamp : plan.stamps) {
    out.insert(stamp.collection);
  }
  return out;
}

std::set<std::string> PointerCollections(const Plan& plan) {
  std::set<std::string> out;
  for (const CutoverPlan::PointerDocument& pointer : plan.cutover.documents) {
    out.insert(pointer.collection);
  }
  return out;
}

Status CopyDocuments(DocumentStore& from, DocumentStore& to, const std::string& collection,
                     std::uint64_t count_max, const Call& call) {
  REHOME_TRY_ASSIGN(auto cursor, from.Scan(collection, {}, call));
  for (std::uint64_t left = count_max; left > 0;) {
    REHOME_TRY_ASSIGN(
        auto documents,
        cursor->Next(static_cast<std::size_t>(std::min<std::uint64_t>(left, kBatchCount)),
                     kBatchBytes));
    if (documents.empty()) {
      return {};
    }
    left -= documents.size();
    std::vector<Write> writes;
    std::ranges::transform(documents, std::back_inserter(writes),
                           [](Document& document) { return Write::Insert(std::move(document)); });
    REHOME_TRY(to.Apply(collection, writes, {}, call));
  }
  return {};
}

/// The named collections that exist, with options and indexes; of `limited` only the first
/// `count_max` documents.
Status CopyCollections(DocumentStore& from, DocumentStore& to, const std::set<std::string>& names,
                       const std::string& limited, std::uint64_t count_max, const Call& call) {
  REHOME_TRY_ASSIGN(const auto infos, from.Collections(call));
  for (const CollectionInfo& info : infos) {
    if (!names.contains(info.name) || info.options.Find("viewOn")) {
      continue;
    }
    REHOME_TRY(to.CreateCollection(info.name, info.options, call));
    for (const Document& index : info.indexes) {
      REHOME_TRY(to.RestoreIndex(info.name, index, call));
    }
    REHOME_TRY(
        CopyDocuments(from, to, info.name, info.name == limited ? count_max : UINT64_MAX, call));
  }
  return {};
}

Status CopyNamespaces(VectorStore& from, VectorStore& to, const Plan& plan, const Call& call) {
  std::set<std::string> names(plan.backup.namespaces.begin(), plan.backup.namespaces.end());
  names.insert(plan.retire.namespaces.begin(), plan.retire.namespaces.end());
  for (const std::string& ns : names) {
    const auto copy_page = [&](const std::vector<std::string>& ids) -> Status {
      REHOME_TRY_ASSIGN(const auto records, from.Fetch(ns, ids, call));
      REHOME_TRY(to.Upsert(ns, records, call));
      return {};
    };
    REHOME_TRY(ForEachPage(from, ns, call, copy_page));
  }
  return {};
}

/// Removes what comes after the first `count_max` documents.
Status Trim(DocumentStore& store, const std::string& collection, std::uint64_t count_max,
            const Call& call) {
  std::uint64_t seen = 0;
  return ForEachBatch(store, collection, {}, call, [&](std::vector<Document> documents) -> Status {
    std::vector<Write> deletes;
    for (Document& document : documents) {
      if (++seen > count_max) {
        deletes.push_back(Write::Delete(std::move(document)));
      }
    }
    if (!deletes.empty()) {
      REHOME_TRY(store.Apply(collection, deletes, {}, call));
    }
    return {};
  });
}

Status CopyEnvFile(const Plan& real, const Plan& scratch) {
  if (!real.cutover.env_file) {
    return {};
  }
  const auto text = ReadFile(real.cutover.env_file->path);
  if (!text) {
    return {};  // the cutover's rehearsal says that it is missing
  }
  return WriteFileAtomically(scratch.cutover.env_file->path, *text);
}

class Copier {
 public:
  Copier(const Plan& real, const RehearseOptions& options, EventSink& events,
         CliEnvironment& environment)
      : real_(real),
        options_(options),
        events_(events),
        environment_(environment),
        call_{.stop = environment.stop} {}

  Status Fill(ScratchCopy& copy) {
    const Stores& scratch = copy.deps.stores;
    const std::uint64_t count_max = options_.sample.value_or(UINT64_MAX);
    if (options_.backup) {
      REHOME_TRY(Restore(scratch));
      REHOME_TRY_ASSIGN(copy.documents_there,
                        scratch.source_documents->Count(real_.items.from, call_));
      REHOME_TRY(Trim(*scratch.source_documents, real_.items.from, count_max, call_));
    }
    const std::set<std::string> pointers = PointerCollections(real_);
    if (!options_.backup || !pointers.empty()) {
      REHOME_TRY_ASSIGN(const Deps production,
                        Wire(real_, Access::kReadOnly, events_, environment_));
      const Stores& from = production.stores;
      if (!options_.backup) {
        REHOME_TRY_ASSIGN(copy.documents_there,
                          from.source_documents->Count(real_.items.from, call_));
        REHOME_TRY(CopyCollections(*from.source_documents, *scratch.source_documents,
                                   SourceCollections(real_), real_.items.from, count_max, call_));
        REHOME_TRY(CopyNamespaces(*from.source_vectors, *scratch.source_vectors, real_, call_));
      }
      REHOME_TRY(CopyCollections(*from.target_documents, *scratch.target_documents, pointers,
                                 real_.items.from, count_max, call_));
    }
    REHOME_TRY_ASSIGN(copy.documents, scratch.source_documents->Count(real_.items.from, call_));
    return CopyEnvFile(real_, copy.plan);
  }

 private:
  Status Restore(const Stores& scratch) {
    RestoreRequest request;
    REHOME_TRY_ASSIGN(request.backup, FindBackup(*options_.backup));
    request.documents = scratch.source_documents.get();
    request.vectors = scratch.source_vectors.get();
    request.key = real_.backup.key;
    REHOME_TRY_ASSIGN(const RestoreResult restored,
                      RestoreBackup(request, environment_.clock, events_, call_));
    for (const std::string& warning : restored.warnings) {
      events_.Warn(warning);
    }
    return {};
  }

  const Plan& real_;
  const RehearseOptions& options_;
  EventSink& events_;
  CliEnvironment& environment_;
  const Call call_;
};

Status AddDigests(DocumentStore& store, const Call& call, std::map<std::string, std::string>& out) {
  REHOME_TRY_ASSIGN(const auto infos, store.Collections(call));
  for (const CollectionInfo& info : infos) {
    if (info.name.starts_with(journal::kPrefix)) {
      continue;
    }
    SetDigest digest;
    REHOME_TRY(ForEachBatch(store, info.name, {}, call,
                            [&](const std::vector<Document>& documents) -> Status {
                              for (const Document& document : documents) {
                                digest.Add(Md5(document.bytes()));
                              }
                              return {};
                            }));
    if (digest.count() > 0) {
      out[fmt::format("collection {} in {}", info.name, store.Identity())] = digest.ToString();
    }
  }
  return {};
}

Status AddDigests(VectorStore& store, const Call& call, std::map<std::string, std::string>& out) {
  REHOME_TRY_ASSIGN(const IndexInfo index, store.Describe(call));
  for (const auto& [ns, ignored] : index.namespaces) {
    if (ns.empty() || ns == "__default__") {
      continue;
    }
    SetDigest digest;
    REHOME_TRY(ForEachPage(store, ns, call, [&](const std::vector<std::string>& ids) -> Status {
      REHOME_TRY_ASSIGN(const auto records, store.Fetch(ns, ids, call));
      for (const VectorRecord& record : records) {
        digest.Add(Md5(VectorJson(record)));
      }
      return {};
    }));
    if (digest.count() > 0) {
      out[fmt::format("namespace {} in {}", ns, store.Identity())] = digest.ToString();
    }
  }
  return {};
}

}  // namespace

Result<ScratchCopy> CopyIntoScratch(const Plan& plan, const RehearseOptions& options,
                                    EventSink& events, CliEnvironment& environment) {
  const fs::path dir = fs::absolute(ScratchPath(plan));
  REHOME_TRY_ASSIGN(auto directory, ScratchDirectory(dir));
  Plan scratch = ScratchPlan(plan, dir, options.real_embedder);
  if (!plan.cutover.namespace_alias.empty()) {
    events.Note("namespace aliases are not rehearsed: they exist only in the account");
  }
  // Without these two the embeddings' cache lies in the copy too: nothing is written outside of it.
  CliEnvironment inside = environment;
  inside.variables = [variables = environment.variables](const std::string& name) {
    return name == "HOME" || name == "XDG_CACHE_HOME" ? std::nullopt : variables(name);
  };
  REHOME_TRY_ASSIGN(Deps deps, Wire(scratch, Access::kReadWrite, events, inside));
  deps.run_hook = [&err =
                       environment.err](const std::vector<std::string>& arguments) -> Result<int> {
    err << "hook, not run: " << Escape(fmt::format("{}", fmt::join(arguments, " "))) << "\n";
    return 0;
  };
  ScratchCopy copy{
      .directory = std::move(directory), .plan = std::move(scratch), .deps = std::move(deps)};
  REHOME_TRY(Copier(plan, options, events, environment).Fill(copy));
  return copy;
}

Result<std::map<std::string, std::string>> DigestsOf(const ScratchCopy& copy, const Call& call) {
  std::map<std::string, std::string> out;
  const Stores& stores = copy.deps.stores;
  REHOME_TRY(AddDigests(*stores.source_documents, call, out));
  REHOME_TRY(AddDigests(*stores.target_documents, call, out));
  REHOME_TRY(AddDigests(*stores.source_vectors, call, out));
  REHOME_TRY(AddDigests(*stores.target_vectors, call, out));
  if (copy.plan.cutover.env_file) {
    const auto text = ReadFile(copy.plan.cutover.env_file->path);
    out["the application's env file"] = text ? Md5(*text).Hex() : "absent";
  }
  return out;
}

}  // namespace rehome::cli
