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

  /// Whether it knows MongoDB's rare types (symbol, code, …) in a filter. It does until it says no.
  [[nodiscard]] bool knows_every_type() const { return knows_every_type_; }
  void ForgetRareTypes() { knows_every_type_ = false; }

  /// The cluster time of this moment: whatever is written by now is not later. 0: there is none.
  [[nodiscard]] Result<std::uint64_t> Now(const Call& call);
  /// A read of what a majority has, from the primary. `after`: once that is everything up to this
  /// cluster time; 0: at once.
  [[nodiscard]] Result<Document> Read(const Document& command, std::string_view doing,
                                      const Call& call, std::uint64_t after = 0);
  /// A write that a majority has once it returned. The reply's write errors are the caller's; a
  /// write concern error is kOutcomeUnknown.
  [[nodiscard]] Result<Document> Write(const Document& command, std::string_view doing,
                                       const Call& call);
  /// Inserts, unordered; the reply's write errors are the caller's.
  [[nodiscard]] Result<Document> Insert(std::string_view collection,
                                        std::span<const Document* const> documents, bool bypass,
                                        const Call& call);
  /// The same without judgement of a failure: for callers to whom some codes are no errors.
  [[nodiscard]] Result<Answer<Document>> TryWrite(const Document& command, const Call& call,
                                                  std::string_view database = {});
  /// Any command of any database, without concerns.
  [[nodiscard]] Answer<Document> Ask(std::string_view database, const Document& command);

 private:
  [[nodiscard]] Result<Capabilities> Detect(const Call& call);

  const std::unique_ptr<Pool> pool_;
  std::atomic<bool> knows_every_type_ = true;
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
[[nodiscard]] Document WithDeadline(DocumentBuilder command, const Call& call);

/// A timestamp as one number, seconds in the upper half; 0: there is none.
[[nodiscard]] std::uint64_t TimestampField(DocumentView document, std::string_view key);
/// Such a number as a value.
[[nodiscard]] Value Timestamp(std::uint64_t time);

}  // namespace rehome::mongodb
