#include "pinecone_local/index.h"

#include <algorithm>
#include <utility>

#include "pinecone_local/metadata.h"

namespace rehome::pinecone_local {
namespace {

/// A frame of many records is cut at about this size.
constexpr std::size_t kFrameBytesAim = std::size_t{4} << 20U;

const Namespace kNoNamespace;

template <class Map>
const Namespace& FindNamespace(const Map& namespaces, std::string_view ns) {
  const auto found = namespaces.find(ns);
  return found == namespaces.end() ? kNoNamespace : found->second;
}

}  // namespace

std::optional<StoredAt> NamespaceView::Find(std::string_view id) const {
  const auto found = ns_->records.find(id);
  return found == ns_->records.end() ? std::nullopt : std::optional(found->second);
}

Status NamespaceView::ForEachMatch(const Filter& filter, std::string_view after,
                                   const std::function<bool(const OperationView&)>& sink) const {
  for (auto at = ns_->records.upper_bound(after); at != ns_->records.end(); ++at) {
    REHOME_TRY_ASSIGN(const OperationView record, Read(at->second));
    REHOME_TRY_ASSIGN(const Metadata metadata, ReadStoredMetadata(record.metadata));
    if (filter.Matches(metadata) && !sink(record)) {
      return {};
    }
  }
  return {};
}

void Index::State::Put(Namespace& ns, std::uint64_t offset, const OperationView& operation) {
  auto& at = ns.records[std::string(operation.text)];
  const std::uint64_t bytes = operation.bytes.size();
  live_bytes += bytes - at.bytes;
  ns.bytes += bytes - at.bytes;
  at = {.offset = offset, .bytes = bytes};
}

void Index::State::Remove(Namespace& ns, std::string_view id) {
  if (const auto found = ns.records.find(id); found != ns.records.end()) {
    live_bytes -= found->second.bytes;
    ns.bytes -= found->second.bytes;
    ns.records.erase(found);
  }
}

void Index::State::Clear(Namespace& ns) {
  live_bytes -= ns.bytes;
  ns.bytes = 0;
  ns.records.clear();
}

void Index::State::Apply(const FrameView& frame, std::uint64_t offset,
                         const OperationView& operation) {
  if (operation.kind == OperationKind::kConfigure) {
    if (auto read = IndexConfig::FromJson(operation.text)) {
      config = *std::move(read);
    }
    return;
  }
  Namespace& ns = namespaces[std::string(frame.ns)];
  ns.lsn = frame.lsn;
  ns.known = true;
  switch (operation.kind) {
    case OperationKind::kPut:
      return Put(ns, offset, operation);
    case OperationKind::kDelete:
      return Remove(ns, operation.text);
    case OperationKind::kClear:
      return Clear(ns);
    case OperationKind::kCreateNamespace:
      ns.created = true;
      ns.schema = operation.text;
      return;
    case OperationKind::kDropNamespace:
      Clear(ns);
      ns = Namespace{};
      ns.lsn = frame.lsn;
      return;
    case OperationKind::kConfigure:
      return;
  }
}

OperationSink Index::State::Sink() {
  return [this](const FrameView& frame, std::uint64_t offset,
                const OperationView& operation) -> Status {
    Apply(frame, offset, operation);
    return {};
  };
}

Result<std::shared_ptr<Index>> Index::Open(std::filesystem::path file, LogFile::Mode mode,
                                           const IndexConfig& config) {
  const std::shared_ptr<Index> index(new Index(std::move(file), mode));
  REHOME_TRY_ASSIGN(
      index->log_,
      LogFile::Open(index->file_, mode, [&](std::uint64_t offset, std::string_view payload) {
        return ForEachOperation(offset, payload, index->state_.Sink());
      }));
  if (!index->state_.config.name.empty()) {
    return index;
  }
  if (mode == LogFile::Mode::kReadOnly) {
    index->state_.config = config;
  } else {
    REHOME_TRY(index->Configure(config));
  }
  return index;
}

IndexConfig Index::config() const {
  const std::shared_lock lock(state_mutex_);
  return state_.config;
}

NamespaceView Index::View(std::string_view ns) const {
  std::shared_lock lock(state_mutex_);
  const Namespace& found = FindNamespace(state_.namespaces, ns);
  return {std::move(lock), &found, log_};
}

std::vector<NamespaceSummary> Index::Namespaces(std::string_view prefix) const {
  const std::shared_lock lock(state_mutex_);
  std::vector<NamespaceSummary> summaries;
  for (auto at = state_.namespaces.lower_bound(prefix);
       at != state_.namespaces.end() && at->first.starts_with(prefix); ++at) {
    const Namespace& ns = at->second;
    if (ns.exists()) {
      summaries.push_back(
          {.name = at->first, .count = ns.records.size(), .bytes = ns.bytes, .schema = ns.schema});
    }
  }
  return summaries;
}

const Namespace& Index::Get(std::string_view ns) const {
  return FindNamespace(state_.namespaces, ns);
}

Status Index::Commit(FrameBuilder frame) {
  std::string bytes = std::move(frame).Finish();
  if (log_.NeedsRoom(bytes.size()) && mode_ == LogFile::Mode::kReadWrite) {
    const std::unique_lock lock(state_mutex_);
    REHOME_TRY(log_.MakeRoom(bytes.size()));
  }
  REHOME_TRY_ASSIGN(const std::uint64_t offset, log_.Append(bytes));
  const std::unique_lock lock(state_mutex_);
  return ForEachOperation(offset, std::string_view(bytes).substr(kFrameHeaderBytes), state_.Sink());
}

Result<VectorRecord> Index::Read(const StoredAt& at) const {
  REHOME_TRY_ASSIGN(const OperationView stored, DecodeOperation(log_.From(at.offset)));
  return ToRecord(stored);
}

Status Index::CompactIfWasteful(std::uint64_t bytes_min) {
  const std::scoped_lock lock(write_mutex_);
  const std::uint64_t bytes = log_.bytes();
  if (mode_ == LogFile::Mode::kReadOnly || bytes < std::max(bytes_min, compact_above_bytes_) ||
      bytes / 2 < state_.live_bytes) {
    return {};
  }
  const Status compacted = Compact();
  compact_above_bytes_ = compacted ? 0 : bytes * 2;
  return compacted;
}

Status Index::Compact() {
  const std::filesystem::path fresh = file_.string() + ".new";
  std::error_code ignored;  // what cannot be removed cannot be opened either
  std::filesystem::remove(fresh, ignored);
  {
    const auto nothing = [](std::uint64_t, std::string_view) { return Status{}; };
    REHOME_TRY_ASSIGN(LogFile log, LogFile::Open(fresh, mode_, nothing));
    REHOME_TRY(WriteLiveTo(log));
  }
  State state;
  REHOME_TRY_ASSIGN(
      LogFile log, LogFile::Open(fresh, mode_, [&](std::uint64_t offset, std::string_view payload) {
        return ForEachOperation(offset, payload, state.Sink());
      }));
  const std::unique_lock state_lock(state_mutex_);
  REHOME_TRY(log.MoveTo(file_));
  std::swap(log_, log);
  std::swap(state_, state);
  return {};
}

Status Index::WriteLiveTo(LogFile& log) const {
  const auto append = [&log](FrameBuilder frame) -> Status {
    std::string bytes = std::move(frame).Finish();
    if (log.NeedsRoom(bytes.size())) {
      REHOME_TRY(log.MakeRoom(bytes.size()));
    }
    REHOME_TRY(log.Append(bytes));
    return {};
  };
  FrameBuilder configuration({}, 0);
  configuration.Add(OperationKind::kConfigure, state_.config.ToJson());
  REHOME_TRY(append(std::move(configuration)));
  for (const auto& [name, ns] : state_.namespaces) {
    FrameBuilder frame(name, ns.lsn);
    frame.Add(ns.known ? OperationKind::kClear : OperationKind::kDropNamespace);
    if (ns.created) {
      frame.Add(OperationKind::kCreateNamespace, ns.schema);
    }
    for (const auto& [id, at] : ns.records) {
      REHOME_TRY_ASSIGN(const OperationView stored, DecodeOperation(log_.From(at.offset)));
      frame.Copy(stored);
      if (frame.bytes() >= kFrameBytesAim) {
        REHOME_TRY(append(std::exchange(frame, FrameBuilder(name, ns.lsn))));
      }
    }
    REHOME_TRY(append(std::move(frame)));
  }
  return {};
}

}  // namespace rehome::pinecone_local
