#include "pinecone_local/index.h"

#include <algorithm>
#include <utility>

#include "pinecone_local/metadata.h"

namespace rehome::pinecone_local {
namespace {
const Namespace kNoNamespace;

template <class Map>
const Namespace& FindNamespace(const Map& namespaces, std::string_view ns) {
  const auto found = namespaces.find(ns);
  return found == namespaces.end() ? kNoNamespace : found->second;
}

/// The records of `ns` that match, in id order from the first id greater than `after`, until `sink`
/// says false.
Status WalkMatches(const Namespace& ns, const LogFile& log, const Filter& filter,
                   std::string_view after, const std::function<bool(const OperationView&)>& sink) {
  const RecordTable::Ids& ids = ns.records.ids();
  for (auto at = ids.upper_bound(after); at != ids.end(); ++at) {
    REHOME_TRY_ASSIGN(const OperationView record,
                      DecodeOperation(log.From(ns.records.row(at->second).at.offset)));
    REHOME_TRY_ASSIGN(const Metadata metadata, ReadStoredMetadata(record.metadata));
    if (filter.Matches(metadata) && !sink(record)) {
      return {};
    }
  }
  return {};
}

Status AppendFrame(LogFile& log, FrameBuilder frame) {
  std::string bytes = std::move(frame).Finish();
  if (log.NeedsRoom(bytes.size())) {
    REHOME_TRY(log.MakeRoom(bytes.size()));
  }
  REHOME_TRY(log.Append(bytes));
  return {};
}

/// Writes what is live of a namespace in `from` to another log.
Status CopyNamespace(const LogFile& from, std::string_view name, const Namespace& ns, LogFile& to) {
  FrameBuilder frame(name, ns.lsn);
  frame.Add(ns.known ? OperationKind::kClear : OperationKind::kDropNamespace);
  if (ns.created) {
    frame.Add(OperationKind::kCreateNamespace, ns.schema);
  }
  for (const auto& [id, row] : ns.records.ids()) {
    REHOME_TRY_ASSIGN(const OperationView stored,
                      DecodeOperation(from.From(ns.records.row(row).at.offset)));
    frame.Copy(stored);
    if (frame.bytes() >= kFrameBytesAim) {
      REHOME_TRY(AppendFrame(to, std::exchange(frame, FrameBuilder(name, ns.lsn))));
    }
  }
  return AppendFrame(to, std::move(frame));
}

}  // namespace

Status NamespaceView::ForEachMatch(const Filter& filter, std::string_view after,
                                   const std::function<bool(const OperationView&)>& sink) const {
  return WalkMatches(*ns_, *log_, filter, after, sink);
}

Status Index::ForEachStoredMatch(std::string_view ns, const Filter& filter,
                                 const std::function<bool(const OperationView&)>& sink) const {
  return WalkMatches(Get(ns), log_, filter, {}, sink);
}

void Index::State::Put(Namespace& ns, std::uint64_t offset, const OperationView& operation) {
  const std::uint64_t before = ns.records.Put(offset, operation);
  live_bytes += operation.bytes.size() - before;
  ns.bytes += operation.bytes.size() - before;
}

void Index::State::Remove(Namespace& ns, std::string_view id) {
  const std::uint64_t bytes = ns.records.Remove(id);
  live_bytes -= bytes;
  ns.bytes -= bytes;
}

void Index::State::Clear(Namespace& ns) {
  live_bytes -= ns.bytes;
  ns.bytes = 0;
  ns.records.Clear();
}

void Index::State::ApplyToIndex(const OperationView& operation) {
  if (operation.kind == OperationKind::kConfigure) {
    if (auto read = IndexConfig::FromJson(operation.text)) {
      config = *std::move(read);
    }
  } else if (operation.kind == OperationKind::kSetAlias) {
    if (auto read = Alias::FromJson(operation.text)) {
      aliases.insert_or_assign(read->name, *read);
    }
  } else if (const auto found = aliases.find(operation.text); found != aliases.end()) {
    aliases.erase(found);
  }
}

void Index::State::Apply(const FrameView& frame, std::uint64_t offset,
                         const OperationView& operation) {
  if (operation.kind >= OperationKind::kConfigure) {
    return ApplyToIndex(operation);
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
    case OperationKind::kSetAlias:
    case OperationKind::kDropAlias:
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
  std::shared_ptr<Index> index(new Index(std::move(file), mode));
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
  ShowDue();
  std::shared_lock lock(state_mutex_);
  const auto alias = state_.aliases.find(ns);
  const std::string served(alias == state_.aliases.end() ? ns : alias->second.target);
  const Namespace& found = FindNamespace(visible().namespaces, served);
  return {std::move(lock), served, &found, log_};
}

void Index::ShowDue() const {
  {
    const std::shared_lock lock(state_mutex_);
    if (!lagging_ || lagging_->waiting.empty()) {
      return;
    }
  }
  const std::unique_lock lock(state_mutex_);
  if (!lagging_) {
    return;
  }
  auto& waiting = lagging_->waiting;
  const SteadyTime now = lagging_->clock->Steady();
  for (; !waiting.empty() && waiting.front().due <= now; waiting.pop_front()) {
    const auto& frame = waiting.front();
    // It was applied to the writers' state before: it fits.
    CHECK(ForEachOperation(frame.offset, log_.From(frame.offset).substr(0, frame.bytes),
                           lagging_->state.Sink()));
  }
}

Status Index::SetLag(Millis lag, Clock& clock) {
  const std::scoped_lock write_lock(write_mutex_);
  auto lagging = std::make_unique<Lagging>();
  if (lag > Millis{0} && !lagging_) {
    REHOME_TRY(LogFile::Open(file_, LogFile::Mode::kReadOnly,
                             [&](std::uint64_t offset, std::string_view payload) {
                               return ForEachOperation(offset, payload, lagging->state.Sink());
                             }));
  }
  const std::unique_lock lock(state_mutex_);
  if (lag <= Millis{0}) {
    lagging_.reset();
    return {};
  }
  if (!lagging_) {
    lagging_ = std::move(lagging);
  }
  lagging_->lag = lag;
  lagging_->clock = &clock;
  return {};
}

std::vector<NamespaceSummary> Index::Namespaces(std::string_view prefix) const {
  ShowDue();
  const std::shared_lock lock(state_mutex_);
  std::vector<NamespaceSummary> summaries;
  const auto& namespaces = visible().namespaces;
  for (auto at = namespaces.lower_bound(prefix);
       at != namespaces.end() && at->first.starts_with(prefix); ++at) {
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
  const auto payload = std::string_view(bytes).substr(kFrameHeaderBytes);
  if (lagging_) {
    lagging_->waiting.push_back({.due = lagging_->clock->Steady() + lagging_->lag,
                                 .offset = offset,
                                 .bytes = payload.size()});
  }
  return ForEachOperation(offset, payload, state_.Sink());
}

Result<VectorRecord> Index::Read(const StoredAt& at) const {
  REHOME_TRY_ASSIGN(const OperationView stored, DecodeOperation(log_.From(at.offset)));
  return ToRecord(stored);
}

Status Index::CompactIfWasteful(std::uint64_t bytes_min) {
  const std::scoped_lock lock(write_mutex_);
  const std::uint64_t bytes = log_.bytes();
  if (mode_ == LogFile::Mode::kReadOnly || lagging_ ||
      bytes < std::max(bytes_min, compact_above_bytes_) || bytes / 2 < state_.live_bytes) {
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
  FrameBuilder configuration({}, 0);
  configuration.Add(OperationKind::kConfigure, state_.config.ToJson());
  for (const auto& [name, alias] : state_.aliases) {
    configuration.Add(OperationKind::kSetAlias, alias.ToJson());
  }
  REHOME_TRY(AppendFrame(log, std::move(configuration)));
  for (const auto& [name, ns] : state_.namespaces) {
    REHOME_TRY(CopyNamespace(log_, name, ns, log));
  }
  return {};
}

}  // namespace rehome::pinecone_local
