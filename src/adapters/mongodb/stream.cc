#include "adapters/mongodb/stream.h"

#include <fmt/format.h>

#include <algorithm>

#include "adapters/mongodb/reads.h"
#include "model/fields.h"

namespace rehome::mongodb {
namespace {

/// Events of the watched collections, and those that end them.
Document Match(const std::vector<std::string>& collections) {
  ArrayBuilder names;
  for (const std::string& name : collections) {
    names.String(name);
  }
  const Document in = DocumentBuilder().Array("$in", names.Finish()).Finish();
  ArrayBuilder ends;
  ends.String("dropDatabase").String("invalidate");
  const Document any =
      ArrayBuilder()
          .Append(DocumentBuilder().Append("ns.coll", in).Finish())
          .Append(DocumentBuilder().Append("to.coll", in).Finish())
          .Append(
              DocumentBuilder()
                  .Append("operationType", DocumentBuilder().Array("$in", ends.Finish()).Finish())
                  .Finish())
          .Finish();
  return DocumentBuilder().Append("$match", DocumentBuilder().Array("$or", any).Finish()).Finish();
}

/// Only what names a document: an event stays small however large the document is, so that none
/// grows over the 16 MiB of an answer.
Document Project() {
  const Document kept = DocumentBuilder()
                            .Int32("operationType", 1)
                            .Int32("ns", 1)
                            .Int32("to", 1)
                            .Int32("documentKey", 1)
                            .Int32("clusterTime", 1)
                            .Finish();
  return DocumentBuilder().Append("$project", kept).Finish();
}

Document Pipeline(const Watched& watched, const Document& place) {
  ArrayBuilder pipeline;
  pipeline.Append(DocumentBuilder().Append("$changeStream", place).Finish());
  if (watched.collection.empty()) {
    pipeline.Append(Match(watched.collections));
  }
  return pipeline.Append(Project()).Finish();
}

Document Command(const Watched& watched, const Document& place, std::int32_t first_count) {
  DocumentBuilder command;
  if (watched.collection.empty()) {
    command.Int32("aggregate", 1);
  } else {
    command.String("aggregate", watched.collection);
  }
  return command.Array("pipeline", Pipeline(watched, place))
      .Append("cursor", DocumentBuilder().Int32("batchSize", first_count).Finish())
      .Finish();
}

}  // namespace

ServerCursor::~ServerCursor() {
  if (id_ != 0) {
    const Document ids = ArrayBuilder().Append(Value::Int64(id_).view()).Finish();
    // Best effort: the server forgets idle cursors by itself.
    static_cast<void>(
        Run(DocumentBuilder().String("killCursors", collection_).Array("cursors", ids).Finish()));
  }
}

Answer<Document> ServerCursor::Run(const Document& command) {
  return connection_->Run(database_, command, Traffic::kOther, Document());
}

Answer<Document> ServerCursor::Open(const Document& command) {
  Answer<Document> reply = Run(command);
  if (reply) {
    const DocumentView cursor = DocumentField(reply->view(), "cursor");
    const std::string name = StringField(cursor, "ns");
    collection_ = name.substr(std::min(name.find('.') + 1, name.size()));
    id_ = IntField(cursor, "id");
  }
  return reply;
}

Answer<Document> ServerCursor::GetMore(std::size_t count_max, Millis wait) {
  Answer<Document> reply =
      Run(DocumentBuilder()
              .Int64("getMore", id_)
              .String("collection", collection_)
              .Int64("batchSize", static_cast<std::int64_t>(std::max<std::size_t>(count_max, 1)))
              .Int64("maxTimeMS", std::max<std::int64_t>(wait.count(), 1))
              .Finish());
  // After an error the cursor is gone, or its connection is.
  id_ = reply ? IntField(DocumentField(reply->view(), "cursor"), "id") : 0;
  return reply;
}

Result<Stream> Stream::Open(Server& server, const Watched& watched, const Document& place,
                            Patience patience, const Call& call) {
  const std::string doing =
      watched.collection.empty()
          ? fmt::format("following the changes of {}", server.database())
          : fmt::format("following the changes of {}", server.Name(watched.collection));
  REHOME_TRY(RefuseStopped(call, doing));
  Stream stream(doing);
  std::unique_ptr<Connection> connection = server.Pop(patience);
  if (const auto failure = connection->Pin()) {
    return std::unexpected(ToError(*failure, doing, Effect::kReads));
  }
  stream.cursor_ = std::make_unique<ServerCursor>(std::move(connection), server.database());
  REHOME_TRY_ASSIGN(const Capabilities capabilities, server.Ask(call));
  stream.answer_count_max_ = capabilities.answer_count_max();
  // Without a first batch: reading has its own size and patience. To a server that does not cut its
  // answers none means all.
  const auto first_count =
      capabilities.hello ? 0 : static_cast<std::int32_t>(stream.answer_count_max_);
  const Answer<Document> reply = stream.cursor_->Open(Command(watched, place, first_count));
  if (!reply) {
    return std::unexpected(ToError(reply.error(), doing, Effect::kReads));
  }
  stream.watches_database_ = stream.cursor_->collection().starts_with("$cmd");
  stream.opened_at_ = TimestampField(reply->view(), kOperationTime);
  stream.place_ = place;
  stream.first_ = stream.Take(reply->view());
  return stream;
}

std::vector<Document> Stream::Take(DocumentView reply) {
  const DocumentView cursor = DocumentField(reply, "cursor");
  std::vector<Document> events = BatchOf(reply);
  if (const auto after = cursor.Find("postBatchResumeToken")) {
    // A token of the very time that was asked for says less than the question: what is committed
    // at that time may still come.
    Document place = ResumeAfter(after->AsDocument());
    const auto seen = TimeOf(place_);
    if (!events.empty() || !StartsAtTime(place_) || !seen || TimeOf(place) != *seen + 1) {
      place_ = std::move(place);
    }
  } else if (!events.empty()) {
    place_ = ResumeAfter(DocumentField(events.back().view(), "_id"));
  }
  return events;
}

Result<std::vector<Document>> Stream::Read(std::size_t count_max, Millis wait) {
  if (!first_.empty()) {
    return std::exchange(first_, {});
  }
  if (!cursor_->is_open()) {
    return Fail(ErrorCode::kUnavailable, doing_ + ": the server closed the stream", "run again");
  }
  const Answer<Document> reply = cursor_->GetMore(std::min(count_max, answer_count_max_), wait);
  if (!reply) {
    return std::unexpected(ToError(reply.error(), doing_, Effect::kReads));
  }
  return Take(reply->view());
}

Result<std::uint64_t> OplogEnd(Server& server, OplogSide side, const Call& call) {
  constexpr std::string_view kDoing = "reading local.oplog.rs";
  REHOME_TRY(RefuseStopped(call, kDoing));
  const std::int32_t direction = side == OplogSide::kNewest ? -1 : 1;
  const Answer<Document> reply = server.Ask(
      "local",
      WithDeadline(DocumentBuilder()
                       .String("find", "oplog.rs")
                       .Append("filter", Document())
                       .Append("sort", DocumentBuilder().Int32("$natural", direction).Finish())
                       .Int32("limit", 1)
                       .Bool("singleBatch", true),
                   call));
  if (!reply) {
    return std::unexpected(ToError(reply.error(), kDoing, Effect::kReads));
  }
  const std::vector<Document> entry = BatchOf(reply->view());
  return entry.empty() ? 0 : TimestampField(entry.front().view(), "ts");
}

}  // namespace rehome::mongodb
