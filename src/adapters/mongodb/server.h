#pragma once
// server.h — one database of one server or cluster: what it can do, and commands with the right
// concerns and deadlines, their errors in our words.
#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "adapters/mongodb/cluster_time.h"
#include "adapters/mongodb/id_ranges.h"
#include "adapters/mongodb/mongo.h"
#include "ports/call.h"

namespace rehome::mongodb {

/// What a server said it is. Nothing here is assumed from a name or a version where the server's
/// own answer tells.
struct Capabilities {
  std::string version;
  std::string set_name;  // of the replica set; empty: none
  bool sharded = false;  // a mongos answered
  std::string cluster;   // who it is, whatever the database
  bool hello = false;    // answers `hello`: MongoDB since 4.4.2, 4.2.10, 4.0.21, 3.6.21
  bool sessions = false;
  bool transactions = false;  // sessions, and the replication that they need
  std::int64_t wire_version = 0;
  std::int64_t batch_count_max = 100'000;
  /// Documents of one answer whose size nobody knows. A server that is not MongoDB's own does not cut
  /// it to what a message may hold: of large ones it would fill memory, or not be sent.
  [[nodiscard]] std::size_t answer_count_max() const { return hello ? SIZE_MAX : 100; }
  /// Members vote on the end of an index build: MongoDB 4.4 and newer.
  [[nodiscard]] bool votes_on_indexes() const { return replicated() && wire_version >= 9; }
  [[nodiscard]] bool replicated() const { return sharded || !set_name.empty(); }
  /// "sharded cluster", "replica set rs0", "standalone".
  [[nodiscard]] std::string Topology() const;
};

class Server {
 public:
  explicit Server(std::unique_ptr<Pool> pool) : pool_(std::move(pool)) {}

  [[nodiscard]] const std::string& database() const { return pool_->address().database; }
  [[nodiscard]] std::string Identity() const { return pool_->address().Identity(); }
  /// "app.jobs", as errors name a collection.
  [[nodiscard]] std::string Name(std::string_view collection) const;
  [[nodiscard]] std::unique_ptr<Connection> Pop(Patience patience = Patience::kRequest) {
    return pool_->Pop(patience);
  }

  /// Asked once; an error is not kept.
  [[nodiscard]] Result<Capabilities> Ask(const Call& call);

  /// Whether a change stream of the whole database is one; asked once by `ask`, an error is not kept.
  template <class F>
  [[nodiscard]] Result<bool> HasDatabaseStream(const F& ask);

  /// What it has answered to a filter that names them.
  [[nodiscard]] RareTypes rare_types() const { return rare_types_; }
  void SetRareTypes(RareTypes rare_types) { rare_types_ = rare_types; }

  /// The cluster time of this moment: whatever is written by now is not later. 0: there is none.
  [[nodiscard]] Result<std::uint64_t> Now(const Call& call);
  /// A read of what a majority has, from the primary; of nothing older than what was read, written or
  /// seen in a change stream before, also where a new primary does not know yet how far its majority
  /// is. `after`: once that is everything up to this cluster time as well.
  [[nodiscard]] Result<Document> Read(const Document& command, std::string_view doing,
                                      const Call& call, std::uint64_t after = 0,
                                      Patience patience = Patience::kRequest);
  /// That a majority has everything up to this cluster time; 0: says nothing.
  void Saw(std::uint64_t time);
  /// A write that a majority has once it returned. The reply's write errors are the caller's; a
  /// write concern error is kOutcomeUnknown.
  [[nodiscard]] Result<Document> Write(const Document& command, std::string_view doing,
                                       const Call& call);
  /// Inserts, unordered; the reply's write errors are the caller's.
  [[nodiscard]] Result<Document> Insert(std::string_view collection,
                                        std::span<const Document* const> documents, bool bypass,
                                        const Call& call);
  /// The same without judgement of a failure: for callers to whom some codes are no errors.
  /// `deadline`: whether the server gives up when nobody waits for it any more.
  enum class Deadline : std::uint8_t { kOfCall, kNone };
  [[nodiscard]] Result<Answer<Document>> TryWrite(const Document& command, const Call& call,
                                                  std::string_view database = {},
                                                  Deadline deadline = Deadline::kOfCall);
  /// Any command of any database, without concerns.
  [[nodiscard]] Answer<Document> Ask(std::string_view database, const Document& command);

 private:
  [[nodiscard]] Result<Capabilities> Detect(const Call& call);

  const std::unique_ptr<Pool> pool_;
  std::atomic<std::uint64_t> seen_ = 0;  // a cluster time
  std::atomic<RareTypes> rare_types_ = RareTypes::kAssumed;
  std::mutex mutex_;
  std::optional<Capabilities> known_;    // guarded by mutex_
  std::optional<bool> database_stream_;  // guarded by mutex_
};

template <class F>
Result<bool> Server::HasDatabaseStream(const F& ask) {
  {
    const std::scoped_lock lock(mutex_);
    if (database_stream_) {
      return *database_stream_;
    }
  }
  REHOME_TRY_ASSIGN(const bool answer, ask());
  const std::scoped_lock lock(mutex_);
  database_stream_ = answer;
  return answer;
}

/// kCancelled before anything was sent.
[[nodiscard]] Status RefuseStopped(const Call& call, std::string_view doing);

/// `command` with `maxTimeMS`, so that the server says that it is slow while somebody still waits.
[[nodiscard]] Document WithDeadline(DocumentBuilder command, const Call& call,
                                    Patience patience = Patience::kRequest);

}  // namespace rehome::mongodb
