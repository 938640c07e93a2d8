#pragma once
// mongo.h — the one door to libmongoc: a pool of connections, commands and their answers as bytes.
// Concerns, deadlines of requests and what an error means are its callers' (server.h, failure.h).
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "adapters/mongodb/address.h"
#include "adapters/mongodb/failure.h"
#include "base/clock.h"
#include "base/secret.h"
#include "model/document.h"

namespace rehome::mongodb {

/// The server is told to give up earlier (maxTimeMS, wtimeout), so that a slow one says so in an
/// answer instead of a broken connection.
inline constexpr Millis kServerTimeMax{3'000};

/// What a command is to the driver: reads go to the primary and are not repeated by it, writes are
/// retryable writes where the server has them.
enum class Traffic : std::uint8_t { kRead, kWrite, kOther };

/// One connection of the pool, for one caller at a time; it goes back at the end.
class Connection {
 public:
  virtual ~Connection() = default;

  /// `options`: the driver's own (writeConcern, readConcern). A reply that says ok:1 is an answer,
  /// write errors in it included.
  [[nodiscard]] virtual Answer<Document> Run(std::string_view database, const Document& command,
                                             Traffic traffic, const Document& options) = 0;
  /// Inserts in one request as far as it fits, unordered, each document's bytes as they are. The
  /// answer's writeErrors and writeConcernErrors say what was not written or not confirmed; its
  /// operationTime, where the server has sessions, is that of any other answer.
  [[nodiscard]] virtual Answer<Document> Insert(std::string_view database,
                                                std::string_view collection,
                                                std::span<const Document* const> documents,
                                                bool bypass, const Document& options) = 0;
  /// From here on every command goes to the primary of this moment, in one session where the server
  /// has sessions: what a server-side cursor needs.
  [[nodiscard]] virtual std::optional<Failure> Pin() = 0;
  /// From here on every command is part of one transaction (snapshot, majority) and carries no
  /// concerns of its own. What is not committed is given up with the connection.
  [[nodiscard]] virtual std::optional<Failure> Begin() = 0;
  [[nodiscard]] virtual Answer<Document> Commit() = 0;
};

/// How long a connection waits for an answer: that of a request is there in time or too late to be
/// of use; a change stream may have to read through hours of the server's history first.
enum class Patience : std::uint8_t { kRequest, kStream };

/// Safe to call from several threads at once.
class Pool {
 public:
  virtual ~Pool() = default;

  [[nodiscard]] virtual const Address& address() const = 0;
  /// Waits for a free one; must not outlive the pool.
  [[nodiscard]] virtual std::unique_ptr<Connection> Pop(Patience patience) = 0;
};

/// Reaches no server yet, for mongodb+srv a name server. kInvalidArgument: the driver cannot read the
/// address; kUnavailable: nobody knows its hosts.
[[nodiscard]] Result<std::unique_ptr<Pool>> OpenPool(const Secret& uri);

}  // namespace rehome::mongodb
