#include "adapters/mongodb/server.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "model/fields.h"

namespace rehome::mongodb {
namespace {

// MongoDB 4.0, and 4.2 behind a mongos.
constexpr std::int64_t kTransactions = 7;
constexpr std::int64_t kShardedTransactions = 8;

Document Command(std::string_view name) {
  return DocumentBuilder().Int32(name, 1).Finish();
}

// Of a read that may go through a whole collection.
constexpr std::int64_t kPatientMs = 120'000;

std::int64_t ServerTime(const Call& call) {
  return std::clamp<std::int64_t>(call.timeout.count(), 1, kServerTimeMax.count());
}

Document WriteConcern(const Capabilities& server, const Call& call) {
  DocumentBuilder concern;
  concern.String("w", "majority");
  if (!server.replicated()) {
    concern.Bool("j", true);  // one server's majority says nothing about its disk
  }
  return concern.Int64("wtimeout", ServerTime(call)).Finish();
}

/// `readConcern: majority` where a majority exists.
Document ReadOptions(const Capabilities& server, std::uint64_t after) {
  if (!server.replicated()) {
    return {};
  }
  DocumentBuilder concern;
  concern.String("level", "majority");
  if (after != 0) {
    concern.Append("afterClusterTime", Timestamp(after));
  }
  return DocumentBuilder().Append("readConcern", concern.Finish()).Finish();
}

/// A name of the cluster that is equal for all of its databases and for every way to it that the
/// server itself knows.
std::string ClusterOf(DocumentView said, std::string_view identity) {
  const std::string set_name = StringField(said, "setName");
  if (set_name.empty()) {
    return std::string(identity.substr(0, identity.rfind('/')));
  }
  std::vector<std::string> hosts;
  for (const std::string_view members : {"hosts", "passives"}) {
    for (const auto& [key, host] : DocumentField(said, members)) {
      if (host.IsString()) {
        hosts.emplace_back(host.AsString());
      }
    }
  }
  std::ranges::sort(hosts);
  return fmt::format("{}/{}", set_name, fmt::join(hosts, ","));
}

}  // namespace

std::string Capabilities::Topology() const {
  if (sharded) {
    return "sharded cluster";
  }
  return set_name.empty() ? "standalone" : "replica set " + set_name;
}

Status RefuseStopped(const Call& call, std::string_view doing) {
  if (call.stop.stop_requested()) {
    return Fail(ErrorCode::kCancelled, fmt::format("stopped before {}", doing));
  }
  return {};
}

Document WithDeadline(DocumentBuilder command, const Call& call, Patience patience) {
  return command.Int64("maxTimeMS", patience == Patience::kRequest ? ServerTime(call) : kPatientMs)
      .Finish();
}

std::string Server::Name(std::string_view collection) const {
  return fmt::format("{}.{}", database(), collection);
}

Answer<Document> Server::Ask(std::string_view database, const Document& command) {
  return Pop()->Run(database, command, Traffic::kOther, Document());
}

Result<Capabilities> Server::Ask(const Call& call) {
  const std::scoped_lock lock(mutex_);
  if (!known_) {
    REHOME_TRY_ASSIGN(known_, Detect(call));
  }
  return *known_;
}

Result<Capabilities> Server::Detect(const Call& call) {
  const std::string doing = "connecting to " + Identity();
  REHOME_TRY(RefuseStopped(call, doing));
  const auto error = [&](const Failure& failure) {
    return std::unexpected(ToError(failure, doing, Effect::kReads));
  };
  Capabilities out;
  Answer<Document> hello = Ask("admin", Command("hello"));
  out.hello = hello.has_value();
  if (!hello && hello.error().origin == Failure::Origin::kServer &&
      hello.error().code == codes::kCommandNotFound) {
    hello = Ask("admin", Command("isMaster"));
  }
  if (!hello) {
    return error(hello.error());
  }
  const DocumentView said = hello->view();
  out.set_name = StringField(said, "setName");
  out.sharded = StringField(said, "msg") == "isdbgrid";
  if (!BoolField(said, "isWritablePrimary") && !BoolField(said, "ismaster")) {
    return Fail(ErrorCode::kUnavailable, doing + ": that server is not a primary",
                "name all members of the replica set and replicaSet= in the address, and run again "
                "when it has a primary");
  }
  out.cluster = ClusterOf(said, Identity());
  out.sessions = said.Find("logicalSessionTimeoutMinutes").has_value();
  out.wire_version = IntField(said, "maxWireVersion");
  out.transactions = out.sessions && out.replicated() &&
                     out.wire_version >= (out.sharded ? kShardedTransactions : kTransactions);
  out.batch_count_max = IntField(said, "maxWriteBatchSize", out.batch_count_max);
  const Answer<Document> build = Ask("admin", Command("buildInfo"));
  out.version = build ? StringField(build->view(), "version") : "";
  return out;
}

Result<std::uint64_t> Server::Now(const Call& call) {
  const std::string doing = "asking for the time of " + Identity();
  REHOME_TRY(RefuseStopped(call, doing));
  const Answer<Document> reply = Ask(database(), Command("ping"));
  if (!reply) {
    return std::unexpected(ToError(reply.error(), doing, Effect::kReads));
  }
  return TimestampField(reply->view(), kOperationTime);
}

Result<Document> Server::Read(const Document& command, std::string_view doing, const Call& call,
                              std::uint64_t after, Patience patience) {
  REHOME_TRY(RefuseStopped(call, doing));
  REHOME_TRY_ASSIGN(const Capabilities server, Ask(call));
  Answer<Document> answer = Pop(patience)->Run(database(), command, Traffic::kRead,
                                               ReadOptions(server, std::max(after, seen_.load())));
  if (!answer) {
    return std::unexpected(ToError(answer.error(), doing, Effect::kReads));
  }
  Saw(TimestampField(answer->view(), kOperationTime));
  return *std::move(answer);
}

void Server::Saw(std::uint64_t time) {
  std::uint64_t before = seen_;
  while (before < time && !seen_.compare_exchange_weak(before, time)) {
  }
}

Result<Answer<Document>> Server::TryWrite(const Document& command, const Call& call,
                                          std::string_view other, Deadline deadline) {
  REHOME_TRY_ASSIGN(const Capabilities server, Ask(call));
  DocumentBuilder options;
  options.Append("writeConcern", WriteConcern(server, call));
  if (deadline == Deadline::kOfCall) {
    options.Int64("maxTimeMS", ServerTime(call));
  }
  Answer<Document> answer =
      Pop()->Run(other.empty() ? database() : other, command, Traffic::kWrite, options.Finish());
  if (answer && !answer->Find("writeConcernError")) {
    Saw(TimestampField(answer->view(), kOperationTime));
  }
  return answer;
}

Result<Document> Server::Insert(std::string_view collection,
                                std::span<const Document* const> documents, bool bypass,
                                const Call& call) {
  const std::string doing = "writing to " + Name(collection);
  REHOME_TRY(RefuseStopped(call, doing));
  REHOME_TRY_ASSIGN(const Capabilities server, Ask(call));
  const Document options = DocumentBuilder()
                               .Append("writeConcern", WriteConcern(server, call))
                               .Bool("ordered", false)
                               .Int64("maxTimeMS", ServerTime(call))
                               .Finish();
  Answer<Document> answer = Pop()->Insert(database(), collection, documents, bypass, options);
  if (!answer) {
    return std::unexpected(ToError(answer.error(), doing, Effect::kWrites));
  }
  for (const auto& [key, unconfirmed] : DocumentField(answer->view(), "writeConcernErrors")) {
    return std::unexpected(WriteConcernError(unconfirmed.AsDocument(), doing));
  }
  Saw(TimestampField(answer->view(), kOperationTime));
  return *std::move(answer);
}

Result<Document> Server::Write(const Document& command, std::string_view doing, const Call& call) {
  REHOME_TRY(RefuseStopped(call, doing));
  REHOME_TRY_ASSIGN(Answer<Document> answer, TryWrite(command, call));
  if (!answer) {
    return std::unexpected(ToError(answer.error(), doing, Effect::kWrites));
  }
  if (const auto unconfirmed = answer->Find("writeConcernError")) {
    return std::unexpected(WriteConcernError(unconfirmed->AsDocument(), doing));
  }
  return *std::move(answer);
}

}  // namespace rehome::mongodb
