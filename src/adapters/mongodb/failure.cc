#include "adapters/mongodb/failure.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "model/fields.h"

namespace rehome::mongodb {
namespace {

struct Meaning {
  std::int32_t server_code;
  ErrorCode code;
  std::string_view hint;
};

constexpr std::string_view kNoPrimary =
    "run again when the replica set has a primary; name all its members and replicaSet= in the "
    "address";
constexpr std::string_view kSweep =
    "run again with --online --sweep: a new position first, then a digest sweep of both sides";
constexpr std::string_view kCredentials =
    "check user, password and authSource in the address (special characters percent-encoded)";
constexpr std::string_view kNobody =
    "put user and password into the address: "
    "mongodb://USER:PASSWORD@HOST/DATABASE?authSource=admin";
constexpr std::string_view kDisk = "free space on the server's disk, then run again";
constexpr std::string_view kUnsharded = "the server is one that this store cannot use for that";
constexpr std::string_view kAgain = "run again";
constexpr std::string_view kIndexBuild =
    "an index is being built on that collection: run again when it is done";

constexpr std::array kMeanings{
    Meaning{6, ErrorCode::kUnavailable, kAgain},  // HostUnreachable
    Meaning{7, ErrorCode::kUnavailable, kAgain},  // HostNotFound
    Meaning{18, ErrorCode::kUnauthenticated, kCredentials},
    Meaning{24, ErrorCode::kUnavailable, kAgain},  // LockTimeout
    Meaning{43, ErrorCode::kUnavailable, kAgain},  // CursorNotFound
    Meaning{46, ErrorCode::kUnavailable, kAgain},  // LockBusy
    Meaning{48, ErrorCode::kAlreadyExists, ""},
    Meaning{50, ErrorCode::kDeadlineExceeded, "run again when the server is less busy"},
    Meaning{59, ErrorCode::kFailedPrecondition, kUnsharded},
    Meaning{63, ErrorCode::kUnavailable, kAgain},     // StaleShardVersion
    Meaning{64, ErrorCode::kOutcomeUnknown, kAgain},  // WriteConcernFailed
    Meaning{85, ErrorCode::kFailedPrecondition,
            "drop the index of that name or name this one differently"},
    Meaning{86, ErrorCode::kFailedPrecondition,
            "drop the index of that name or name this one differently"},
    Meaning{89, ErrorCode::kUnavailable, kAgain},      // NetworkTimeout
    Meaning{91, ErrorCode::kUnavailable, kNoPrimary},  // ShutdownInProgress
    Meaning{112, ErrorCode::kUnavailable, kAgain},     // WriteConflict
    Meaning{117, ErrorCode::kUnavailable, kAgain},     // ConflictingOperationInProgress
    Meaning{121, ErrorCode::kFailedPrecondition,
            "the collection's validator refused the document: compare it with the validator, or "
            "lift the fence"},
    Meaning{133, ErrorCode::kUnavailable, kNoPrimary},     // FailedToSatisfyReadPreference
    Meaning{134, ErrorCode::kUnavailable, kAgain},         // ReadConcernMajorityNotAvailableYet
    Meaning{136, ErrorCode::kFailedPrecondition, kSweep},  // CappedPositionLost: the oplog ran over
    Meaning{150, ErrorCode::kUnavailable, kAgain},         // StaleEpoch
    Meaning{175, ErrorCode::kUnavailable, kAgain},      // QueryPlanKilled: an index or a name went
    Meaning{189, ErrorCode::kUnavailable, kNoPrimary},  // PrimarySteppedDown
    Meaning{202, ErrorCode::kUnavailable, kAgain},      // NetworkInterfaceExceededTimeLimit
    Meaning{211, ErrorCode::kUnavailable, kAgain},      // KeyNotFound: a set that was just made
    Meaning{215, ErrorCode::kUnavailable, kAgain},      // DatabaseDropPending
    Meaning{222, ErrorCode::kFailedPrecondition, kSweep},  // CloseChangeStream
    Meaning{234, ErrorCode::kUnavailable, kAgain},         // RetryChangeStream
    Meaning{237, ErrorCode::kUnavailable, kAgain},         // CursorKilled
    Meaning{246, ErrorCode::kUnavailable, kAgain},         // SnapshotUnavailable
    Meaning{249, ErrorCode::kUnavailable, kAgain},         // StaleDbVersion
    Meaning{251, ErrorCode::kUnavailable, kAgain},         // NoSuchTransaction
    Meaning{260, ErrorCode::kFailedPrecondition, kSweep},  // InvalidResumeToken
    Meaning{262, ErrorCode::kDeadlineExceeded, kAgain},    // ExceededTimeLimit
    Meaning{276, ErrorCode::kUnavailable, kAgain},         // IndexBuildAborted
    Meaning{280, ErrorCode::kFailedPrecondition, kSweep},  // ChangeStreamFatalError
    Meaning{286, ErrorCode::kFailedPrecondition, kSweep},  // ChangeStreamHistoryLost
    Meaning{290, ErrorCode::kUnavailable, kAgain},  // TransactionExceededLifetimeLimitSeconds
    Meaning{317, ErrorCode::kUnavailable, kAgain},  // ConnectionPoolExpired
    Meaning{355, ErrorCode::kUnavailable, kAgain},  // InterruptedDueToStorageChange
    Meaning{365, ErrorCode::kUnavailable, kAgain},  // TemporarilyUnavailable
    Meaning{371, ErrorCode::kFailedPrecondition,
            "user writes are blocked on that server (setUserWriteBlockMode): lift the block, then "
            "run again"},
    Meaning{9001, ErrorCode::kUnavailable, kAgain},  // SocketException
    Meaning{10003, ErrorCode::kFailedPrecondition,
            "a capped collection does not let documents grow: choose another collection"},
    Meaning{10058, ErrorCode::kUnavailable, kNoPrimary},
    Meaning{10107, ErrorCode::kUnavailable, kNoPrimary},  // NotWritablePrimary
    Meaning{10334, ErrorCode::kInvalidArgument, "MongoDB keeps documents of at most 16 MiB"},
    Meaning{11000, ErrorCode::kAlreadyExists,
            "change or remove one of the documents, then run again"},
    Meaning{11600, ErrorCode::kUnavailable, kAgain},       // InterruptedAtShutdown
    Meaning{11601, ErrorCode::kUnavailable, kAgain},       // Interrupted: somebody's killOp
    Meaning{11602, ErrorCode::kUnavailable, kAgain},       // InterruptedDueToReplStateChange
    Meaning{12586, ErrorCode::kUnavailable, kIndexBuild},  // BackgroundOperationInProgress…
    Meaning{12587, ErrorCode::kUnavailable, kIndexBuild},  // …ForNamespace
    Meaning{13388, ErrorCode::kUnavailable, kAgain},       // StaleConfig
    Meaning{13435, ErrorCode::kUnavailable, kNoPrimary},   // NotPrimaryNoSecondaryOk
    Meaning{13436, ErrorCode::kUnavailable, kNoPrimary},   // NotPrimaryOrSecondary
    Meaning{14031, ErrorCode::kResourceExhausted, kDisk},  // OutOfDiskSpace
    Meaning{17280, ErrorCode::kInvalidArgument,
            "an indexed value is too long for an index of that server"},
    Meaning{40576, ErrorCode::kFailedPrecondition, kSweep},  // lost positions before MongoDB 4.2
    Meaning{40585, ErrorCode::kFailedPrecondition, kSweep},
    Meaning{40573, ErrorCode::kFailedPrecondition,
            "make the server a replica set of one member (replication.replSetName, rs.initiate()); "
            "without change streams every resume compares both sides instead"},
};

const Meaning* Find(std::int32_t code) {
  const auto* found = std::ranges::find(kMeanings, code, &Meaning::server_code);
  return found == kMeanings.end() ? nullptr : found;
}

constexpr std::string_view kCommand = "to execute command { ";

/// What the server says of a refused right, without what the command held: documents, maybe.
std::string WithoutCommand(std::string_view message) {
  const std::size_t at = message.find(kCommand);
  const std::size_t end = at == std::string_view::npos ? at : message.find(',', at);
  return end == std::string_view::npos ? std::string(message)
                                       : fmt::format("{}, … }}", message.substr(0, end));
}

/// The privilege that "not authorized on app to execute command { insert: ... }" wants.
std::string MissingPrivilege(std::string_view message) {
  const std::size_t at = message.find(kCommand);
  if (at == std::string_view::npos) {
    return "the role that the operation needs";
  }
  const std::string_view rest = message.substr(at + kCommand.size());
  const std::string_view command = rest.substr(0, rest.find(':'));
  if (rest.find("bypassDocumentValidation: true") != std::string_view::npos) {
    return fmt::format("`{}` and `bypassDocumentValidation` on the collection", command);
  }
  if (command == "update" && rest.find("upsert: true") != std::string_view::npos) {
    return "`update` and `insert` on the database";
  }
  if (rest.find("$changeStream") != std::string_view::npos) {
    return "`changeStream` and `find` on the database";
  }
  if (command == "aggregate" || command == "getMore" || command == "count") {
    return "`find` on the collection";
  }
  if (command == "create") {
    return "`createCollection` on the database";
  }
  if (command == "createIndexes") {
    return "`createIndex` on the collection";
  }
  if (command == "dropIndexes") {
    return "`dropIndex` on the collection";
  }
  if (command == "delete") {
    return "`remove` on the collection";
  }
  if (command == "drop") {
    return "`dropCollection` on the collection";
  }
  if (command == "renameCollection") {
    return "`renameCollectionSameDB` on the database";
  }
  const bool on_admin = message.find("not authorized on admin ") != std::string_view::npos;
  return fmt::format("`{}` on the {}", command, on_admin ? "cluster" : "database");
}

/// The driver's text without what it quotes, hosts: a name says nothing about what is wrong.
std::string WithoutNames(std::string_view message) {
  std::string out;
  bool quoted = false;
  for (const char c : message) {
    quoted = c == '\'' ? !quoted : quoted;
    if (!quoted) {
      out += c;
    }
  }
  return out;
}

/// TLS, names and certificates show only in the text.
std::string_view WhyUnreachable(std::string_view told) {
  const std::string message = WithoutNames(told);
  const auto says = [&](std::string_view what) { return message.find(what) != std::string::npos; };
  if (says("TLS") || says("certificate") || says("SSL")) {
    return "check tls=, tlsCAFile= and the host name in the address against the server's "
           "certificate";
  }
  if (says("resolve") || says("name resolution") || says("getaddrinfo") || says("DNS") ||
      says("look up")) {
    return "check the host name in the address";
  }
  if (says("Authentication") || says("authenticat")) {
    return kCredentials;
  }
  if (says("connection closed") || says("connection reset")) {
    return "check that the port is MongoDB's, and whether the server wants TLS (tls=true in the "
           "address)";
  }
  return "check host and port in the address, the server and the network between; tls=true belongs "
         "into the address if and only if the server speaks TLS, replicaSet= must be its name";
}

Error Unreachable(const Failure& failure, std::string_view doing) {
  const std::string_view hint = WhyUnreachable(failure.message);
  const ErrorCode code =
      hint == kCredentials ? ErrorCode::kUnauthenticated : ErrorCode::kUnavailable;
  return {code, fmt::format("{}: no server could be used: {}", doing, failure.message),
          std::string(hint)};
}

Error FromServer(const Failure& failure, std::string_view doing, Effect effect) {
  if (failure.code == codes::kUnauthorized) {
    const bool nobody = failure.message.find("requires authentication") != std::string::npos;
    return {ErrorCode::kUnauthenticated,
            fmt::format("{}: {}", doing, WithoutCommand(failure.message)),
            nobody ? std::string(kNobody)
                   : fmt::format("grant the user {}", MissingPrivilege(failure.message))};
  }
  if (failure.message.find("No space left") != std::string::npos) {
    return {ErrorCode::kResourceExhausted, fmt::format("{}: {}", doing, failure.message),
            std::string(kDisk)};
  }
  if (const Meaning* meaning = Find(failure.code)) {
    // A write that the server gave up may have been made in part.
    const bool unknown = effect == Effect::kWrites && meaning->code == ErrorCode::kDeadlineExceeded;
    return {unknown ? ErrorCode::kOutcomeUnknown : meaning->code,
            fmt::format("{}: {}", doing, failure.message), std::string(meaning->hint)};
  }
  constexpr std::array<std::string_view, 6> kPassing{"RetryableWriteError",
                                                     "TransientTransactionError",
                                                     "UnknownTransactionCommitResult",
                                                     "ResumableChangeStreamError",
                                                     "RetryableError",
                                                     "SystemOverloadedError"};
  if (std::ranges::any_of(kPassing, [&](auto label) { return failure.HasLabel(label); })) {
    return {effect == Effect::kWrites ? ErrorCode::kOutcomeUnknown : ErrorCode::kUnavailable,
            fmt::format("{}: {}", doing, failure.message), std::string(kAgain)};
  }
  if (failure.message.find("BSONObjectTooLarge") != std::string::npos) {
    return {ErrorCode::kInvalidArgument, fmt::format("{}: {}", doing, failure.message),
            "MongoDB keeps documents of at most 16 MiB"};
  }
  return {ErrorCode::kFailedPrecondition,
          fmt::format("{}: {} (code {})", doing, failure.message, failure.code),
          "look the code up in MongoDB's manual; nothing was repeated"};
}

}  // namespace

bool Failure::HasLabel(std::string_view label) const {
  return std::ranges::find(labels, label) != labels.end();
}

Error ToError(const Failure& failure, std::string_view doing, Effect effect) {
  switch (failure.origin) {
    case Failure::Origin::kServer:
      return FromServer(failure, doing, effect);
    case Failure::Origin::kNetwork:
      return {effect == Effect::kWrites ? ErrorCode::kOutcomeUnknown : ErrorCode::kUnavailable,
              fmt::format("{}: the connection broke or gave no answer in time: {}", doing,
                          failure.message),
              std::string(kAgain)};
    case Failure::Origin::kSelection:
      return Unreachable(failure, doing);
    case Failure::Origin::kAuthentication:
      return {ErrorCode::kUnauthenticated,
              fmt::format("{}: the server refused the credentials: {}", doing, failure.message),
              std::string(kCredentials)};
    case Failure::Origin::kDriver:
      return {ErrorCode::kInvalidArgument, fmt::format("{}: {}", doing, failure.message), ""};
  }
  return {ErrorCode::kInternal, std::string(doing), ""};
}

Error WriteConcernError(DocumentView error, std::string_view doing) {
  return {ErrorCode::kOutcomeUnknown,
          fmt::format("{}: written, but not confirmed by a majority: {}", doing,
                      StringField(error, "errmsg")),
          "run again when a majority of the replica set's members is up"};
}

Failure ServerFailure(DocumentView reply) {
  Failure failure;
  failure.code = static_cast<std::int32_t>(IntField(reply, "code"));
  failure.message = StringField(reply, "errmsg");
  for (const auto& [key, label] : DocumentField(reply, "errorLabels")) {
    if (label.IsString()) {
      failure.labels.emplace_back(label.AsString());
    }
  }
  return failure;
}

std::string IndexOfDuplicate(std::string_view message) {
  constexpr std::string_view kIndex = "index: ";
  const std::size_t at = message.find(kIndex);
  if (at == std::string_view::npos) {
    return {};
  }
  // Names may hold blanks; what follows one is " dup key:" or " collation:".
  const std::string_view rest = message.substr(at + kIndex.size());
  std::string_view name =
      rest.substr(0, std::min(rest.find(" dup key:"), rest.find(" collation:")));
  if (const std::size_t dollar = name.rfind(".$"); dollar != std::string_view::npos) {
    name.remove_prefix(dollar + 2);  // "db.collection.$name" before MongoDB 4.2
  }
  return std::string(name);
}

}  // namespace rehome::mongodb
