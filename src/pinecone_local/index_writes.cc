// index_writes.cc — the writes of an index: judge, build a frame, commit.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "pinecone_local/index.h"
#include "pinecone_local/metadata.h"
#include "pinecone_local/refusal.h"

namespace rehome::pinecone_local {
namespace {

constexpr std::size_t kUpdateCountMax = 100'000;
constexpr float kZeroBelow = 1e-8F;

}  // namespace

Status CheckDimensionOf(const IndexConfig& config, std::size_t dimension) {
  if (config.sparse) {
    return Invalid("Index configuration does not support dense values - this index is sparse");
  }
  if (config.dimension != 0 && dimension != static_cast<std::size_t>(config.dimension)) {
    return Invalid(fmt::format("Vector dimension {} does not match the dimension of the index {}",
                               dimension, config.dimension));
  }
  return {};
}

namespace {

Status CheckDense(const IndexConfig& config, const VectorRecord& record) {
  if (record.values.empty()) {
    return Invalid(
        fmt::format("Vector ID '{}' has no dense values, which this index requires", record.id));
  }
  REHOME_TRY(CheckDimensionOf(config, record.values.size()));
  if (std::ranges::all_of(record.values,
                          [](float value) { return std::abs(value) < kZeroBelow; })) {
    return Invalid(
        fmt::format("Dense vectors must contain at least one non-zero value. Vector ID '{}' "
                    "contains only zeros",
                    record.id));
  }
  return {};
}

/// A record against the rules of its index.
Status CheckRecord(const IndexConfig& config, const VectorRecord& record) {
  if (!record.sparse.indices.empty() && !config.AcceptsSparse()) {
    return Invalid(
        "Index configuration does not support sparse values - only indexes that are sparse or "
        "using dotproduct are "
        "supported");
  }
  if (!config.sparse) {
    return CheckDense(config, record);
  }
  if (!record.values.empty()) {
    return CheckDimensionOf(config, record.values.size());
  }
  return record.sparse.indices.empty()
             ? Invalid(fmt::format("Vector ID '{}' has no sparse values, which this index requires",
                                   record.id))
             : Status{};
}

Status Patch(VectorRecord& record, const RecordPatch& patch) {
  if (!patch.values.empty()) {
    record.values = patch.values;
  }
  if (!patch.sparse.indices.empty()) {
    record.sparse = patch.sparse;
  }
  for (const auto& [key, value] : patch.set_metadata) {
    record.metadata.insert_or_assign(key, value);
  }
  return CheckMetadataSize(record.metadata);
}

}  // namespace

Status Index::CheckWritable(std::string_view ns) const {
  if (state_.aliases.contains(ns)) {
    return Fail(ErrorCode::kFailedPrecondition,
                fmt::format("{} is a namespace alias, which cannot be written to", ns));
  }
  return {};
}

Result<const Namespace*> Index::Known(std::string_view ns) const {
  REHOME_TRY(CheckWritable(ns));
  const Namespace& found = Get(ns);
  if (!found.known) {
    return Fail(ErrorCode::kNotFound, "Namespace not found");
  }
  return &found;
}

Result<Lsn> Index::CommitOperation(std::string_view ns, OperationKind kind, std::string_view text) {
  FrameBuilder frame(ns, Get(ns).lsn + 1);
  frame.Add(kind, text);
  REHOME_TRY(Commit(std::move(frame)));
  return Get(ns).lsn;
}

Result<Lsn> Index::Upsert(std::string_view ns, std::span<const VectorRecord> records) {
  CHECK(!records.empty());
  const std::scoped_lock lock(write_mutex_);
  REHOME_TRY(CheckWritable(ns));
  IndexConfig config = state_.config;
  const bool fixes_dimension =
      config.dimension == 0 && !config.sparse && !records.front().values.empty();
  if (fixes_dimension) {
    REHOME_TRY(CheckDimension(static_cast<std::int64_t>(records.front().values.size())));
    config.dimension = static_cast<int>(records.front().values.size());
  }
  FrameBuilder frame(ns, Get(ns).lsn + 1);
  if (fixes_dimension) {
    frame.Add(OperationKind::kConfigure, config.ToJson());
  }
  for (const VectorRecord& record : records) {
    REHOME_TRY(CheckRecord(config, record));
    frame.Put(record);
  }
  REHOME_TRY(Commit(std::move(frame)));
  return Get(ns).lsn;
}

Result<Lsn> Index::Update(std::string_view ns, std::string_view id, const RecordPatch& patch) {
  const std::scoped_lock lock(write_mutex_);
  if (!patch.values.empty()) {
    REHOME_TRY(CheckDimensionOf(state_.config, patch.values.size()));
  }
  const Namespace& found = Get(ns);
  const auto at = found.records.Find(id);
  if (!at) {
    return found.lsn;
  }
  REHOME_TRY_ASSIGN(VectorRecord record, Read(*at));
  REHOME_TRY(Patch(record, patch));
  REHOME_TRY(CheckRecord(state_.config, record));
  FrameBuilder frame(ns, found.lsn + 1);
  frame.Put(record);
  REHOME_TRY(Commit(std::move(frame)));
  return Get(ns).lsn;
}

Result<std::vector<std::string>> Index::Matching(std::string_view ns, const Filter& filter) const {
  std::vector<std::string> ids;
  REHOME_TRY(ForEachStoredMatch(ns, filter, [&](const OperationView& record) {
    ids.emplace_back(record.text);
    return true;
  }));
  return ids;
}

Result<UpdatedMany> Index::UpdateWhere(std::string_view ns, const Filter& filter,
                                       const Metadata& set, bool dry_run) {
  const std::scoped_lock lock(write_mutex_);
  REHOME_TRY(CheckWritable(ns));
  REHOME_TRY_ASSIGN(const auto ids, Matching(ns, filter));
  if (ids.size() > kUpdateCountMax) {
    return Invalid(fmt::format("Update by metadata matches {} records, more than {} per request",
                               ids.size(), kUpdateCountMax));
  }
  const auto patched = [&](const std::string& id) -> Result<VectorRecord> {
    REHOME_TRY_ASSIGN(VectorRecord record, Read(*Get(ns).records.Find(id)));
    REHOME_TRY(Patch(record, {.set_metadata = set}));
    return record;
  };
  for (const std::string& id : ids) {  // all are judged before the first is written
    REHOME_TRY(patched(id));
  }
  if (dry_run || ids.empty()) {
    return UpdatedMany{.matched = ids.size(), .lsn = Get(ns).lsn};
  }
  const Lsn lsn = Get(ns).lsn + 1;
  FrameBuilder frame(ns, lsn);
  for (const std::string& id : ids) {
    REHOME_TRY_ASSIGN(const VectorRecord record, patched(id));
    frame.Put(record);
    if (frame.bytes() >= kFrameBytesAim) {
      REHOME_TRY(Commit(std::exchange(frame, FrameBuilder(ns, lsn))));
    }
  }
  REHOME_TRY(Commit(std::move(frame)));
  return UpdatedMany{.matched = ids.size(), .lsn = lsn};
}

Result<Lsn> Index::Delete(std::string_view ns, std::span<const std::string> ids) {
  const std::scoped_lock lock(write_mutex_);
  REHOME_TRY_ASSIGN(const Namespace* found, Known(ns));
  FrameBuilder frame(ns, found->lsn + 1);
  bool any = false;
  for (const std::string& id : ids) {
    if (found->records.contains(id)) {
      frame.Add(OperationKind::kDelete, id);
      any = true;
    }
  }
  if (any) {
    REHOME_TRY(Commit(std::move(frame)));
  }
  return found->lsn;
}

Result<Lsn> Index::DeleteWhere(std::string_view ns, const Filter& filter) {
  const std::scoped_lock lock(write_mutex_);
  REHOME_TRY_ASSIGN(const Namespace* found, Known(ns));
  REHOME_TRY_ASSIGN(const auto ids, Matching(ns, filter));
  if (!ids.empty()) {
    FrameBuilder frame(ns, found->lsn + 1);
    for (const std::string& id : ids) {
      frame.Add(OperationKind::kDelete, id);
    }
    REHOME_TRY(Commit(std::move(frame)));
  }
  return found->lsn;
}

Result<Lsn> Index::DeleteAll(std::string_view ns) {
  const std::scoped_lock lock(write_mutex_);
  REHOME_TRY(Known(ns));
  return CommitOperation(ns, OperationKind::kClear);
}

Result<Lsn> Index::CreateNamespace(std::string_view ns, std::string_view schema) {
  const std::scoped_lock lock(write_mutex_);
  REHOME_TRY(CheckWritable(ns));
  if (Get(ns).exists()) {
    return Fail(ErrorCode::kAlreadyExists, fmt::format("Namespace {} already exists", ns));
  }
  return CommitOperation(ns, OperationKind::kCreateNamespace, schema);
}

Result<Lsn> Index::DropNamespace(std::string_view ns) {
  const std::scoped_lock lock(write_mutex_);
  REHOME_TRY_ASSIGN(const Namespace* found, Known(ns));
  if (!found->exists()) {
    return Fail(ErrorCode::kNotFound, "Namespace not found");
  }
  for (const auto& [name, alias] : state_.aliases) {
    if (alias.target == ns) {
      return Fail(ErrorCode::kFailedPrecondition,
                  fmt::format("the namespace alias {} points at {}", name, ns));
    }
  }
  return CommitOperation(ns, OperationKind::kDropNamespace);
}

Status Index::Define(const IndexConfig& config) {
  const std::scoped_lock lock(write_mutex_);
  if (!state_.config.is_open()) {
    return Fail(ErrorCode::kAlreadyExists, "Resource already exists.");
  }
  FrameBuilder frame({}, 0);
  frame.Add(OperationKind::kConfigure, config.ToJson());
  return Commit(std::move(frame));
}

Status Index::Configure(const IndexConfig& config) {
  const std::scoped_lock lock(write_mutex_);
  IndexConfig wanted = config;
  if (wanted.dimension == 0) {  // an upsert may have fixed it since the caller looked
    wanted.dimension = state_.config.dimension;
  }
  FrameBuilder frame({}, 0);
  frame.Add(OperationKind::kConfigure, wanted.ToJson());
  return Commit(std::move(frame));
}

}  // namespace rehome::pinecone_local
