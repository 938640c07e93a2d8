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

class Stream {
 public:
  /// Opens at `place`, or at this moment (empty). kFailedPrecondition: the server has no change
  /// streams, or no longer what came after `place`.
  [[nodiscard]] static Result<Stream> Open(Server& server, const Watched& watched,
                                           const Document& place, const Call& call);

  /// At most `count_max` events, as the server tells them; waits up to `wait` for the first.
  [[nodiscard]] Result<std::vector<Document>> Read(std::size_t count_max, Millis wait);
  /// Everything before this was read; empty: the server did not say.
  [[nodiscard]] const Document& place() const { return place_; }
  /// Whether the whole database is what the server really watches.
  [[nodiscard]] bool watches_database() const { return watches_database_; }
  /// The cluster time of the answer that opened it; 0: the server keeps none.
  [[nodiscard]] std::uint64_t opened_at() const { return opened_at_; }

 private:
  Stream(Server& server, std::unique_ptr<Connection> connection, std::string doing)
      : server_(&server), connection_(std::move(connection)), doing_(std::move(doing)) {}
  [[nodiscard]] std::vector<Document> Take(DocumentView reply);

  Server* server_;
  std::unique_ptr<Connection> connection_;
  std::string doing_;
  std::string cursor_collection_;
  std::int64_t cursor_ = 0;
  Document place_;
  std::vector<Document> first_;
  bool watches_database_ = false;
  std::uint64_t opened_at_ = 0;
};

}  // namespace rehome::mongodb
