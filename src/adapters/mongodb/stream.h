#pragma once
// stream.h — one change stream on one connection: opened at a place, read by getMore.
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/mongodb/position.h"
#include "adapters/mongodb/server.h"

namespace rehome::mongodb {

/// What is watched: named collections of the database, or one collection with a stream of its own.
struct Watched {
  std::string collection;                // empty: the database's stream
  std::vector<std::string> collections;  // of the database's stream
};

/// A cursor on the server, closed with its owner.
class ServerCursor {
 public:
  ServerCursor(std::unique_ptr<Connection> connection, std::string database)
      : connection_(std::move(connection)), database_(std::move(database)) {}
  ServerCursor(const ServerCursor&) = delete;
  ServerCursor& operator=(const ServerCursor&) = delete;
  ServerCursor(ServerCursor&&) = delete;
  ServerCursor& operator=(ServerCursor&&) = delete;
  ~ServerCursor();

  /// The command that opens it.
  [[nodiscard]] Answer<Document> Open(const Document& command);
  [[nodiscard]] Answer<Document> GetMore(std::size_t count_max, Millis wait);
  [[nodiscard]] bool is_open() const { return id_ != 0; }
  /// "$cmd.aggregate" for one over a whole database.
  [[nodiscard]] const std::string& collection() const { return collection_; }

 private:
  [[nodiscard]] Answer<Document> Run(const Document& command);

  const std::unique_ptr<Connection> connection_;
  const std::string database_;
  std::string collection_;
  std::int64_t id_ = 0;
};

class Stream {
 public:
  /// Opens at `place`, or at this moment (empty). kFailedPrecondition: the server has no change
  /// streams, or no longer what came after `place`.
  [[nodiscard]] static Result<Stream> Open(Server& server, const Watched& watched,
                                           const Document& place, Patience patience,
                                           const Call& call);

  /// At most `count_max` events, as the server tells them; waits up to `wait` for the first.
  [[nodiscard]] Result<std::vector<Document>> Read(std::size_t count_max, Millis wait);
  /// Everything before this was read; empty: the server did not say.
  [[nodiscard]] const Document& place() const { return place_; }
  /// Whether the whole database is what the server really watches.
  [[nodiscard]] bool watches_database() const { return watches_database_; }
  /// The cluster time of the answer that opened it; 0: the server keeps none.
  [[nodiscard]] std::uint64_t opened_at() const { return opened_at_; }

 private:
  explicit Stream(std::string doing) : doing_(std::move(doing)) {}
  [[nodiscard]] std::vector<Document> Take(DocumentView reply);

  std::string doing_;
  std::unique_ptr<ServerCursor> cursor_;
  Document place_;
  std::size_t answer_count_max_ = SIZE_MAX;
  std::vector<Document> first_;
  bool watches_database_ = false;
  std::uint64_t opened_at_ = 0;
};

/// The cluster time of the oplog's first or last entry; 0: it is empty.
enum class OplogSide : std::uint8_t { kOldest, kNewest };
[[nodiscard]] Result<std::uint64_t> OplogEnd(Server& server, OplogSide side, const Call& call);

}  // namespace rehome::mongodb
