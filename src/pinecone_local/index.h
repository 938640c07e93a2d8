#pragma once
// index.h — one index: its namespaces in memory (id → place in the log), its records in one log
// file. A write is judged against the current state, appended and synced as one frame, then
// applied; opening the file applies the same frames again. So what a call returned is durable, and
// a frame is visible whole or not at all. Safe for several threads: one writer at a time, readers
// beside it except while a frame is applied.
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "model/vector_record.h"
#include "pinecone_local/filter.h"
#include "pinecone_local/index_config.h"
#include "pinecone_local/log_file.h"
#include "pinecone_local/log_record.h"
#include "pinecone_local/record_table.h"

namespace rehome::pinecone_local {

inline constexpr std::string_view kDefaultNamespace = "__default__";
/// A frame of many records is cut at about this size.
inline constexpr std::size_t kFrameBytesAim = std::size_t{4} << 20U;

/// Number of a write within its namespace; a read whose LSN is at least a write's shows that write.
using Lsn = std::uint64_t;

/// A second name for a namespace, for readers only.
struct Alias {
  std::string name;
  std::string target;
  std::int64_t created_at_ms = 0;  // since the Unix epoch
  std::int64_t updated_at_ms = 0;
  /// As the log holds it.
  [[nodiscard]] std::string ToJson() const;
  [[nodiscard]] static Result<Alias> FromJson(std::string_view json);
};

struct Namespace {
  RecordTable records;
  Lsn lsn = 0;
  bool known = false;    // written to, and not dropped since; its LSN outlives it
  bool created = false;  // by name: it exists even when empty
  std::string schema;    // JSON, empty: none
  std::uint64_t bytes = 0;
  [[nodiscard]] bool exists() const { return created || !records.empty(); }
};

/// A namespace as it stands while this object lives; writers wait, so hold it briefly.
class NamespaceView {
 public:
  NamespaceView(std::shared_lock<std::shared_mutex> lock, std::string served, const Namespace* ns,
                const LogFile& log)
      : lock_(std::move(lock)), served_(std::move(served)), ns_(ns), log_(&log) {}
  /// An empty one where there is none of that name.
  [[nodiscard]] const Namespace& operator*() const { return *ns_; }
  [[nodiscard]] const Namespace* operator->() const { return ns_; }
  /// The namespace that serves: another one than asked for where that was an alias.
  [[nodiscard]] const std::string& served() const { return served_; }
  [[nodiscard]] std::optional<StoredAt> Find(std::string_view id) const {
    return ns_->records.Find(id);
  }
  [[nodiscard]] DenseView Dense(const StoredAt& at) const { return DenseOf(log_->From(at.offset)); }
  void Prefetch(const StoredAt& at) const {
    constexpr std::size_t kLineBytes = 64;
    const std::string_view bytes = log_->From(at.offset).substr(0, at.bytes);
    for (std::size_t line = 0; line < bytes.size(); line += kLineBytes) {
      __builtin_prefetch(bytes.data() + line);
    }
  }
  [[nodiscard]] Result<OperationView> Read(const StoredAt& at) const {
    return DecodeOperation(log_->From(at.offset));
  }
  /// Calls `sink` for the matching records in id order, from the first id greater than `after`,
  /// until it says false.
  [[nodiscard]] Status ForEachMatch(const Filter& filter, std::string_view after,
                                    const std::function<bool(const OperationView&)>& sink) const;

 private:
  std::shared_lock<std::shared_mutex> lock_;
  std::string served_;
  const Namespace* ns_;
  const LogFile* log_;
};

struct NamespaceSummary {
  std::string name;
  std::uint64_t count = 0;
  std::uint64_t bytes = 0;
  std::string schema;
};

/// What an update changes: absent parts stay.
struct RecordPatch {
  std::vector<float> values{};
  SparseValues sparse{};
  Metadata set_metadata{};  // merged over the record's
};

struct UpdatedMany {
  std::size_t matched = 0;
  Lsn lsn = 0;
};

class Index {
 public:
  /// Opens or makes the index in `file`. A stored configuration wins over `config`, which a new
  /// file is made with.
  [[nodiscard]] static Result<std::shared_ptr<Index>> Open(std::filesystem::path file,
                                                           LogFile::Mode mode,
                                                           const IndexConfig& config);

  [[nodiscard]] IndexConfig config() const;
  /// What readers see now, through an alias too.
  [[nodiscard]] NamespaceView View(std::string_view ns) const;
  /// From now on a write is shown to readers only `lag` after it was acknowledged, as in the
  /// service; zero shows everything at once. `clock` outlives the index.
  [[nodiscard]] Status SetLag(Millis lag, Clock& clock);
  /// The namespaces that exist and start with `prefix`, by name.
  [[nodiscard]] std::vector<NamespaceSummary> Namespaces(std::string_view prefix = {}) const;

  // Writes. kInvalidArgument: nothing was written; kResourceExhausted: the disk is full, nothing
  // was written; kFailedPrecondition: read-only. The LSN is the namespace's after the call.
  [[nodiscard]] Result<Lsn> Upsert(std::string_view ns, std::span<const VectorRecord> records);
  /// An unknown id or namespace is success and changes nothing.
  [[nodiscard]] Result<Lsn> Update(std::string_view ns, std::string_view id,
                                   const RecordPatch& patch);
  [[nodiscard]] Result<UpdatedMany> UpdateWhere(std::string_view ns, const Filter& filter,
                                                const Metadata& set, bool dry_run);
  // Deletes: kNotFound if the namespace was never written; ids that it does not hold are ignored.
  [[nodiscard]] Result<Lsn> Delete(std::string_view ns, std::span<const std::string> ids);
  [[nodiscard]] Result<Lsn> DeleteWhere(std::string_view ns, const Filter& filter);
  [[nodiscard]] Result<Lsn> DeleteAll(std::string_view ns);
  /// kAlreadyExists if it does.
  [[nodiscard]] Result<Lsn> CreateNamespace(std::string_view ns, std::string_view schema);
  [[nodiscard]] Result<Lsn> DropNamespace(std::string_view ns);
  /// Says what an index that is still open is. kAlreadyExists if it is not open.
  [[nodiscard]] Status Define(const IndexConfig& config);
  [[nodiscard]] Status Configure(const IndexConfig& config);

  [[nodiscard]] std::vector<Alias> Aliases() const;
  [[nodiscard]] std::optional<Alias> FindAlias(std::string_view name) const;
  /// True if the namespace exists to writers, lag or not.
  [[nodiscard]] bool Exists(std::string_view ns) const;
  /// Makes the alias, or points it elsewhere if `exists`. kNotFound: no such target; kAborted: the
  /// alias does (or does not) exist, or the name is taken, since the caller looked.
  [[nodiscard]] Status SetAlias(const Alias& alias, bool exists);
  /// kNotFound if there is none.
  [[nodiscard]] Status DropAlias(std::string_view name);
  /// Rewrites the log with what is live, if more than half of it is not and it holds `bytes_min` or
  /// more. After a failure the log is as it was and the next try waits until it has doubled.
  [[nodiscard]] Status CompactIfWasteful(std::uint64_t bytes_min = std::uint64_t{64} << 20U);

 private:
  struct State {
    IndexConfig config;
    std::map<std::string, Namespace, std::less<>> namespaces;
    std::map<std::string, Alias, std::less<>> aliases;
    std::uint64_t live_bytes = 0;
    void Apply(const FrameView& frame, std::uint64_t offset, const OperationView& operation);
    void ApplyToIndex(const OperationView& operation);
    void Put(Namespace& ns, std::uint64_t offset, const OperationView& operation);
    void Remove(Namespace& ns, std::string_view id);
    void Clear(Namespace& ns);
    [[nodiscard]] OperationSink Sink();
  };
  /// What readers see while writes become visible late.
  struct Lagging {
    struct Frame {
      SteadyTime due;
      std::uint64_t offset = 0;  // of its payload
      std::uint64_t bytes = 0;
    };
    Millis lag{0};
    Clock* clock = nullptr;
    State state;
    std::deque<Frame> waiting;
  };

  Index(std::filesystem::path file, LogFile::Mode mode) : file_(std::move(file)), mode_(mode) {}
  /// What readers see; state_mutex_ is held.
  [[nodiscard]] const State& visible() const { return lagging_ ? lagging_->state : state_; }
  /// Shows readers what is due. Takes state_mutex_.
  void ShowDue() const;
  // All below: write_mutex_ is held.
  [[nodiscard]] Status CheckWritable(std::string_view ns) const;
  [[nodiscard]] Status ForEachStoredMatch(
      std::string_view ns, const Filter& filter,
      const std::function<bool(const OperationView&)>& sink) const;
  [[nodiscard]] const Namespace& Get(std::string_view ns) const;
  [[nodiscard]] Result<const Namespace*> Known(std::string_view ns) const;
  [[nodiscard]] Status Commit(FrameBuilder frame);
  [[nodiscard]] Result<Lsn> CommitOperation(std::string_view ns, OperationKind kind,
                                            std::string_view text = {});
  [[nodiscard]] Result<VectorRecord> Read(const StoredAt& at) const;
  [[nodiscard]] Result<std::vector<std::string>> Matching(std::string_view ns,
                                                          const Filter& filter) const;
  [[nodiscard]] Status Compact();
  [[nodiscard]] Status WriteLiveTo(LogFile& log) const;

  // Constant after construction.
  const std::filesystem::path file_;
  const LogFile::Mode mode_;

  std::mutex write_mutex_;  // taken before state_mutex_; only its holder changes what is below
  mutable std::shared_mutex state_mutex_;
  LogFile log_;
  State state_;
  std::unique_ptr<Lagging> lagging_;  // guarded by state_mutex_
  std::uint64_t compact_above_bytes_ = 0;
};

/// A query or dense value against the index: kInvalidArgument with the API's text for another
/// dimension.
[[nodiscard]] Status CheckDimensionOf(const IndexConfig& config, std::size_t dimension);

}  // namespace rehome::pinecone_local
