#include "backup/load.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <system_error>
#include <utility>

#include "backup/duplicates.h"
#include "backup/json_file.h"
#include "backup/names.h"
#include "backup/target_writer.h"
#include "base/atomic_file.h"
#include "model/extended_json.h"
#include "model/sort_key.h"
#include "model/storable.h"

namespace rehome {
namespace {

constexpr std::size_t kProblemsListed = 10;
constexpr std::uint64_t kAdvanceEvery = 1000;
constexpr std::string_view kVectorsPrefix = "vectors_";

/// A file to load and what it is loaded into.
struct Source {
  std::filesystem::path path;  // as it was named
  std::filesystem::path file;  // links followed
  std::string name;            // collection or namespace
  std::uint64_t records = 0;
};

struct DimensionSeen {
  std::size_t dimension = 0;
  std::string where;  // empty: none seen yet
};

class Load {
 public:
  Load(const LoadRequest& request, Clock& clock, EventSink& events, const Call& call)
      : request_(request), clock_(clock), events_(events), call_(call) {}

  Result<LoadResult> Run();

 private:
  /// The files of `part` that end in `suffix`, in name order.
  Result<std::vector<Source>> Sources(std::string_view part, std::string_view prefix,
                                      std::string_view suffix);
  void Sort(const std::filesystem::path& path, std::string_view prefix, std::string_view suffix,
            std::vector<Source>& sources);
  Status CheckDocuments(Source& source);
  Status CheckVectors(Source& source, DimensionSeen& seen);
  void CheckVector(const std::filesystem::path& path, std::uint64_t line,
                   const VectorRecord& record, DimensionSeen& seen);
  Status ReportDuplicates(const Source& source, Duplicates& duplicates, std::string_view what);
  Status CheckAll(std::vector<Source>& documents, std::vector<Source>& vectors);
  Status WriteDocuments(const Source& source);
  Status WriteVectors(const Source& source);
  void Problem(const std::filesystem::path& path, std::uint64_t line, std::string_view detail);
  [[nodiscard]] Status Stopped() const {
    return call_.stop.stop_requested() ? Fail(ErrorCode::kCancelled, "stopped while loading")
                                       : Status{};
  }
  void Advance(std::string_view step, const Source& source, std::uint64_t done) {
    events_.Advanced({.phase = Phase::kPrepare,
                      .step = fmt::format("{} {}", step, source.name),
                      .done = done,
                      .total = source.records,
                      .quarantined = 0});
  }

  const LoadRequest& request_;
  Clock& clock_;
  EventSink& events_;
  const Call& call_;
  LoadResult result_;
  std::vector<std::string> problems_;
  std::uint64_t problem_count_ = 0;
};

void Load::Problem(const std::filesystem::path& path, std::uint64_t line, std::string_view detail) {
  if (++problem_count_ <= kProblemsListed) {
    problems_.push_back(line > 0 ? fmt::format("{}:{}: {}", path.string(), line, detail)
                                 : fmt::format("{}: {}", path.string(), detail));
  }
}

void Load::Sort(const std::filesystem::path& path, std::string_view prefix, std::string_view suffix,
                std::vector<Source>& sources) {
  const std::string file = path.filename().string();
  if (file.ends_with(".bson")) {
    Problem(path, 0,
            "BSON is not loaded; a backup of rehome is restored with `rehome backup restore`");
    return;
  }
  if (!file.starts_with(prefix) || !file.ends_with(suffix) ||
      file.size() <= prefix.size() + suffix.size()) {
    result_.warnings.push_back(
        fmt::format("{} is not loaded: its name is not {}*{}", path.string(), prefix, suffix));
    return;
  }
  const std::string stem = file.substr(prefix.size(), file.size() - prefix.size() - suffix.size());
  std::string name = DecodeName(stem).value_or(stem);  // other tools do not encode
  if (name.starts_with(kJournalPrefix)) {
    Problem(path, 0, "a collection of rehome's journal cannot be loaded");
    return;
  }
  std::error_code failed;
  sources.push_back({path, std::filesystem::weakly_canonical(path, failed), std::move(name), 0});
}

Result<std::vector<Source>> Load::Sources(std::string_view part, std::string_view prefix,
                                          std::string_view suffix) {
  std::vector<Source> sources;
  const std::filesystem::path dir = request_.dir / part;
  std::error_code failed;
  std::filesystem::directory_iterator entries(dir, failed);
  if (failed == std::errc::no_such_file_or_directory) {
    return sources;
  }
  for (; !failed && entries != std::filesystem::directory_iterator(); entries.increment(failed)) {
    Sort(entries->path(), prefix, suffix, sources);
  }
  if (failed) {
    return std::unexpected(FileError(failed.value(), "cannot list", dir));
  }
  std::ranges::sort(sources, {}, &Source::path);
  return sources;
}

Status Load::ReportDuplicates(const Source& source, Duplicates& duplicates, std::string_view what) {
  REHOME_TRY_ASSIGN(const std::optional<Duplicates::Pair> pair, duplicates.Find());
  if (pair) {
    Problem(source.path, pair->second_line,
            fmt::format("the same {} as in line {}", what, pair->first_line));
  }
  return {};
}

Status Load::CheckDocuments(Source& source) {
  REHOME_TRY_ASSIGN(JsonFile file, JsonFile::Open(source.file));
  Duplicates duplicates;
  while (true) {
    REHOME_TRY(Stopped());
    const auto text = file.Next();
    if (!text) {
      Problem(source.path, std::max<std::uint64_t>(file.line(), 1), text.error().message);
      return {};
    }
    if (!*text) {
      break;
    }
    const auto document = ParseExtendedJson(**text);
    const auto id = document ? document->Find("_id") : std::nullopt;
    if (!document) {
      Problem(source.path, file.line(), document.error().message);
    } else if (!id) {
      Problem(source.path, file.line(), "the document has no _id");
    } else if (const std::string why = WhyNotStorable(document->view()); !why.empty()) {
      Problem(source.path, file.line(), fmt::format("the document {}", why));
    } else {
      REHOME_TRY(duplicates.Add(SortKey(*id), file.line()));
    }
    if (++source.records % kAdvanceEvery == 0) {
      Advance("read", source, source.records);
    }
  }
  return ReportDuplicates(source, duplicates, "_id");
}

Status Load::CheckVectors(Source& source, DimensionSeen& seen) {
  REHOME_TRY_ASSIGN(JsonFile file, JsonFile::Open(source.file));
  Duplicates duplicates;
  while (true) {
    REHOME_TRY(Stopped());
    const auto text = file.Next();
    if (!text) {
      Problem(source.path, std::max<std::uint64_t>(file.line(), 1), text.error().message);
      return {};
    }
    if (!*text) {
      break;
    }
    const auto record = ParseVectorJson(**text);
    if (!record) {
      Problem(source.path, file.line(), record.error().message);
      continue;
    }
    ++source.records;
    CheckVector(source.path, file.line(), *record, seen);
    REHOME_TRY(duplicates.Add(record->id, file.line()));
  }
  return ReportDuplicates(source, duplicates, "id");
}

void Load::CheckVector(const std::filesystem::path& path, std::uint64_t line,
                       const VectorRecord& record, DimensionSeen& seen) {
  const std::size_t dimension = record.values.size();
  if (seen.where.empty()) {
    seen = {dimension, fmt::format("{}:{}", path.string(), line)};
  } else if (dimension != seen.dimension) {
    Problem(path, line,
            fmt::format("vector {} has {} values, {} has {}", record.id, dimension, seen.where,
                        seen.dimension));
    return;
  }
  const std::size_t metadata_bytes = MetadataJson(record.metadata).size();
  if (const std::string why = WhyNotStorable(record, metadata_bytes); !why.empty()) {
    Problem(path, line, fmt::format("vector {}: {}", record.id, why));
  }
}

Status Load::CheckAll(std::vector<Source>& documents, std::vector<Source>& vectors) {
  for (Source& source : documents) {
    REHOME_TRY(CheckDocuments(source));
  }
  DimensionSeen seen;
  if (!vectors.empty()) {
    REHOME_TRY_ASSIGN(const IndexInfo info, request_.vectors->Describe(call_));
    if (info.dimension > 0) {
      seen = {static_cast<std::size_t>(info.dimension), fmt::format("the index {}", info.identity)};
    }
  }
  for (Source& source : vectors) {
    REHOME_TRY(CheckVectors(source, seen));
  }
  if (problem_count_ > 0) {
    return Fail(
        ErrorCode::kInvalidArgument,
        fmt::format("{} broken {}:\n  {}{}", problem_count_,
                    problem_count_ == 1 ? "record or file" : "records or files",
                    fmt::join(problems_, "\n  "), problem_count_ > problems_.size() ? "\n  …" : ""),
        "nothing was written; mend the files or export them again");
  }
  return {};
}

Status Load::WriteDocuments(const Source& source) {
  REHOME_TRY(request_.documents->CreateCollection(source.name, Document(), call_));
  REHOME_TRY_ASSIGN(JsonFile file, JsonFile::Open(source.file));
  DocumentWriter writer(*request_.documents, source.name, {}, {}, call_);
  std::uint64_t done = 0;
  while (true) {
    REHOME_TRY_ASSIGN(const std::optional<std::string_view> text, file.Next());
    if (!text) {
      break;
    }
    REHOME_TRY_ASSIGN(Document document, ParseExtendedJson(*text));
    REHOME_TRY(writer.Append(std::move(document)));
    if (++done % kAdvanceEvery == 0) {
      Advance("load", source, done);
    }
  }
  REHOME_TRY(writer.Flush());
  Advance("load", source, done);
  result_.collections.emplace(source.name, std::move(writer.counts()));
  return {};
}

Status Load::WriteVectors(const Source& source) {
  REHOME_TRY_ASSIGN(JsonFile file, JsonFile::Open(source.file));
  VectorWriter writer(*request_.vectors, source.name, {}, clock_, call_);
  std::uint64_t done = 0;
  while (true) {
    REHOME_TRY_ASSIGN(const std::optional<std::string_view> text, file.Next());
    if (!text) {
      break;
    }
    REHOME_TRY_ASSIGN(VectorRecord record, ParseVectorJson(*text));
    REHOME_TRY(writer.Append(std::move(record)));
    if (++done % kAdvanceEvery == 0) {
      Advance("load", source, done);
    }
  }
  REHOME_TRY(writer.Flush());
  Advance("load", source, source.records);
  result_.namespaces.emplace(source.name, std::move(writer.counts()));
  return {};
}

Result<LoadResult> Load::Run() {
  std::vector<Source> documents;
  std::vector<Source> vectors;
  if (request_.documents != nullptr) {
    REHOME_TRY_ASSIGN(documents, Sources(kDocumentsDir, "", ".json"));
  }
  if (request_.vectors != nullptr) {
    REHOME_TRY_ASSIGN(vectors, Sources(kVectorsDir, kVectorsPrefix, ".jsonl"));
  }
  if (documents.empty() && vectors.empty() && problem_count_ == 0) {
    return Fail(
        ErrorCode::kNotFound, fmt::format("there is nothing to load in {}", request_.dir.string()),
        "load reads documents/COLLECTION.json and vectors/vectors_NAMESPACE.jsonl below it");
  }
  REHOME_TRY(CheckAll(documents, vectors));
  std::ranges::for_each(result_.warnings, [&](const std::string& text) { events_.Warn(text); });
  for (const Source& source : documents) {
    if (auto status = WriteDocuments(source); !status) {
      return std::unexpected(
          std::move(status).error().In(fmt::format("load of collection {}", source.name)));
    }
  }
  for (const Source& source : vectors) {
    if (auto status = WriteVectors(source); !status) {
      return std::unexpected(
          std::move(status).error().In(fmt::format("load of namespace {}", source.name)));
    }
  }
  return std::move(result_);
}

}  // namespace

bool LoadResult::complete() const {
  const auto whole = [](const auto& entry) { return entry.second.different == 0; };
  return std::ranges::all_of(collections, whole) && std::ranges::all_of(namespaces, whole);
}

Result<LoadResult> LoadApplication(const LoadRequest& request, Clock& clock, EventSink& events,
                                   const Call& call) {
  return Load(request, clock, events, call).Run();
}

}  // namespace rehome
