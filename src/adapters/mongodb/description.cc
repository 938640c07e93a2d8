#include "adapters/mongodb/description.h"

#include <cmath>
#include <optional>

#include "adapters/mongodb/fence.h"
#include "adapters/mongodb/reads.h"
#include "adapters/mongodb/stream.h"
#include "model/fields.h"

namespace rehome::mongodb {
namespace {

std::string CompatibilityVersion(Server& server) {
  const Answer<Document> reply = server.Ask(
      "admin",
      DocumentBuilder().Int32("getParameter", 1).Int32("featureCompatibilityVersion", 1).Finish());
  return reply ? StringField(DocumentField(reply->view(), "featureCompatibilityVersion"), "version")
               : "";
}

/// How many hours of writes the oplog holds; nothing where it may not be read.
std::optional<double> OplogHours(Server& server, const Call& call) {
  const auto oldest = OplogEnd(server, OplogSide::kOldest, call);
  const auto newest = OplogEnd(server, OplogSide::kNewest, call);
  if (!oldest || !newest || *oldest == 0) {
    return std::nullopt;
  }
  constexpr double kSecondsOfHour = 3600;
  constexpr unsigned kSecondsShift = 32;
  const double hours =
      static_cast<double>((*newest >> kSecondsShift) - (*oldest >> kSecondsShift)) / kSecondsOfHour;
  return std::round(hours * 10) / 10;
}

bool HasStage(Server& server, std::string_view stage, const Document& body) {
  const Document pipeline =
      ArrayBuilder().Append(DocumentBuilder().Append(stage, body).Finish()).Finish();
  return server
      .Ask(server.database(), DocumentBuilder()
                                  .String("aggregate", "rehome_runs")
                                  .Array("pipeline", pipeline)
                                  .Append("cursor", Document())
                                  .Finish())
      .has_value();
}

}  // namespace

Result<Document> Describe(Server& server, const Call& call) {
  REHOME_TRY_ASSIGN(const Capabilities said, server.Ask(call));
  REHOME_TRY_ASSIGN(const FenceKind fence, PossibleFence(server, "", call));
  REHOME_TRY_ASSIGN(const bool write_block, MayBlockUserWrites(server));
  const auto stream = Stream::Open(server, {.collection = {}, .collections = {"rehome_runs"}},
                                   Document(), Patience::kRequest, call);
  if (!stream && IsRetryable(stream.error().code)) {
    return std::unexpected(stream.error());
  }
  DocumentBuilder out;
  out.String("store", "mongodb")
      .String("version", said.version)
      .String("database", server.database())
      .String("topology", said.Topology())
      .Bool("change_feed", stream.has_value());
  if (!stream) {
    out.String("change_feed_missing", stream.error().message);
  }
  const std::string compatibility = CompatibilityVersion(server);
  if (!compatibility.empty()) {
    out.String("feature_compatibility", compatibility);
  }
  if (const auto hours = OplogHours(server, call)) {
    out.Double("oplog_hours", *hours);
  }
  const bool samples = HasStage(server, "$sample", DocumentBuilder().Int32("size", 1).Finish());
  return out.String("cluster", said.cluster)
      .Bool("majority", said.replicated())
      .Bool("sessions", said.sessions)
      .Bool("database_stream", stream && stream->watches_database())
      .Bool("cluster_time", stream && stream->opened_at() != 0)
      .Bool("compares_whole_documents", said.hello)
      .Bool("samples", samples)
      .String("fence", rehome::Name(fence))
      .Bool("write_block", write_block)
      .Bool("passes_validators", MayPassValidators(server))
      .Int64("wire_version", said.wire_version)
      .Finish();
}

}  // namespace rehome::mongodb
