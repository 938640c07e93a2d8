#include "adapters/mongodb/feed.h"

#include <fmt/format.h>

#include <algorithm>

#include "adapters/mongodb/reads.h"
#include "model/fields.h"

namespace rehome::mongodb {
namespace {

constexpr Millis kPollInterval{20};
constexpr std::int32_t kStretchMax = 1'000'000;  // entries of the oplog in one answer
constexpr Millis kPatience{10};                  // of one look when nobody waits
constexpr Millis kPatienceMax{500};              // so that a stop is seen

bool IsWrite(std::string_view operation) {
  return operation == "insert" || operation == "update" || operation == "replace" ||
         operation == "delete";
}

bool EndsCollection(std::string_view operation) {
  return operation == "drop" || operation == "rename" || operation == "dropDatabase" ||
         operation == "invalidate";
}

/// The end of a watched collection. mongo-java-server shows every collection's to every stream, and
/// names none.
bool EndsWatched(DocumentView event, std::string_view operation) {
  return EndsCollection(operation) && (operation == "invalidate" || event.Find("ns"));
}

/// The _id of the document that an event of a write is about.
std::optional<ValueView> IdOf(DocumentView event) {
  return DocumentField(event, "documentKey").Find("_id");
}

/// By cluster time, the _ids of writes whose events name none: so are updates with operators on
/// mongo-java-server, whose oplog names them.
Result<std::map<std::uint64_t, Value>> IdsFromOplog(Server& server, std::string_view collection,
                                                    const std::vector<Document>& events) {
  std::optional<ValueView> first;
  std::optional<ValueView> last;
  for (const Document& event : events) {
    const auto time = event.Find("clusterTime");
    if (IsWrite(StringField(event.view(), "operationType")) && !IdOf(event.view()) && time) {
      first = first ? first : time;
      last = time;
    }
  }
  std::map<std::uint64_t, Value> out;
  if (!first) {
    return out;
  }
  // A stretch of the oplog, not a list of times: that server compares each entry with each of them.
  const Document stretch = DocumentBuilder().Append("$gte", *first).Append("$lte", *last).Finish();
  const Answer<Document> reply = server.Ask(
      "local", DocumentBuilder()
                   .String("find", "oplog.rs")
                   .Append("filter", DocumentBuilder()
                                         .String("ns", server.Name(collection))
                                         .Append("ts", stretch)
                                         .Finish())
                   .Append("projection", DocumentBuilder().Int32("ts", 1).Int32("o2", 1).Finish())
                   .Int32("batchSize", kStretchMax)
                   .Bool("singleBatch", true)
                   .Finish());
  if (!reply) {
    return std::unexpected(ToError(reply.error(), "reading local.oplog.rs", Effect::kReads));
  }
  for (const Document& entry : BatchOf(reply->view())) {
    if (const auto id = DocumentField(entry.view(), "o2").Find("_id")) {
      out.emplace(TimestampField(entry.view(), "ts"), Value(*id));
    }
  }
  return out;
}

Error NamesNoDocument(std::string_view collection) {
  return {ErrorCode::kFailedPrecondition,
          fmt::format("an event of {} does not say which document was written", collection),
          "run again with --online --sweep: a new position first, then a digest sweep of both "
          "sides"};
}

Error Ended(std::string_view operation, std::string_view collection) {
  return {
      ErrorCode::kFailedPrecondition,
      fmt::format("{} ended while it was followed: the server reports `{}`", collection, operation),
      "if it stands as it should, run again with --online --sweep: a new position first, then "
      "a digest sweep of both sides"};
}

}  // namespace

Result<std::unique_ptr<ChangeFeed>> Feed::Open(std::shared_ptr<Server> server,
                                               std::vector<std::string> collections, Clock& clock,
                                               const Call& call) {
  if (collections.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "a change feed needs a collection");
  }
  std::ranges::sort(collections);
  const auto ask = [&]() -> Result<bool> {
    REHOME_TRY_ASSIGN(const Stream probe,
                      Stream::Open(*server, {.collection = {}, .collections = collections},
                                   Document(), Patience::kRequest, call));
    return probe.watches_database();
  };
  REHOME_TRY_ASSIGN(const bool one_stream, server->HasDatabaseStream(ask));
  return std::unique_ptr<ChangeFeed>(
      new Feed(std::move(server), std::move(collections), one_stream, clock));
}

std::vector<std::string> Feed::StreamNames() const {
  return one_stream_ ? std::vector{std::string(kWholeDatabase)} : collections_;
}

Watched Feed::WatchedBy(const std::string& stream) const {
  return {.collection = stream, .collections = collections_};
}

Result<ChangePosition> Feed::Head(const Call& call) {
  Places places;
  for (const std::string& stream : StreamNames()) {
    REHOME_TRY_ASSIGN(Document place, HeadOf(stream, call));
    places.emplace(stream, std::move(place));
  }
  return ToPosition(places);
}

Result<Document> Feed::HeadOf(const std::string& stream, const Call& call) {
  REHOME_TRY_ASSIGN(const Stream opened, Stream::Open(*server_, WatchedBy(stream), Document(),
                                                      Patience::kRequest, call));
  std::uint64_t time = opened.opened_at();
  if (const auto token = TimeOf(opened.place())) {
    time = *token - 1;  // the stream will show what is of the token's time
  }
  if (time != 0) {
    REHOME_TRY(AwaitMajority(time, call));
    return StartAfterTime(time);
  }
  if (!opened.place().view().empty()) {
    return opened.place();
  }
  REHOME_TRY_ASSIGN(const std::uint64_t newest, OplogEnd(*server_, OplogSide::kNewest, call));
  return StartAfterTime(newest);
}

/// What was written up to `time`, and so is not shown, is what a reader finds from here on.
Status Feed::AwaitMajority(std::uint64_t time, const Call& call) {
  for (const std::string& collection : collections_) {  // which may stand on shards of their own
    REHOME_TRY(
        Find(*server_,
             {.collection = collection, .filter = {}, .limit = 1, .ids_only = true, .after = time},
             call));
  }
  return {};
}

Result<Feed::Until> Feed::Now(const Call& call) {
  REHOME_TRY_ASSIGN(const std::uint64_t time, server_->Now(call));
  if (time != 0 || one_stream_) {
    return Until{.time = time};
  }
  REHOME_TRY_ASSIGN(const std::uint64_t newest, OplogEnd(*server_, OplogSide::kNewest, call));
  return Until{.time = newest, .from_oplog = true};
}

Status Feed::Align(const ChangePosition& after, const Call& call) {
  if (after == asked_ && streams_.size() == StreamNames().size()) {
    return {};
  }
  REHOME_TRY_ASSIGN(Places places, ParsePosition(after));
  streams_.clear();
  gathered_.clear();
  asked_ = {};
  for (const std::string& name : StreamNames()) {
    const auto place = places.find(name);
    if (place == places.end()) {
      return Fail(ErrorCode::kFailedPrecondition,
                  fmt::format("the position `{}` does not say where to follow {}", after.token,
                              name.empty() ? server_->database() : name),
                  "run again with --online --sweep: a new position first, then a digest sweep of "
                  "both sides");
    }
    REHOME_TRY_ASSIGN(Stream stream, Stream::Open(*server_, WatchedBy(name), place->second,
                                                  Patience::kRequest, call));
    streams_.emplace(name, std::move(stream));
  }
  places_ = std::move(places);
  asked_ = after;
  return {};
}

Result<ChangeBatch> Feed::Read(const ChangePosition& after, std::size_t count_max, Millis wait,
                               const Call& call) {
  const std::string doing = "following the changes of " + server_->database();
  REHOME_TRY(RefuseStopped(call, doing));
  REHOME_TRY(Align(after, call));
  const SteadyTime start = clock_.Steady();
  if (!lap_end_) {
    REHOME_TRY_ASSIGN(lap_end_, Now(call));
  }
  bool caught_up = false;
  while (gathered_.size() < count_max) {
    REHOME_TRY(RefuseStopped(call, doing));
    const auto passed = std::chrono::floor<Millis>(clock_.Steady() - start);
    const Millis rest = gathered_.empty() ? std::max(wait - passed, Millis{0}) : Millis{0};
    const Millis patience = std::clamp(rest, kPatience, kPatienceMax);
    REHOME_TRY_ASSIGN(const bool through, Look(count_max, patience, *lap_end_, call));
    if (through && (rest <= patience || !gathered_.empty())) {
      caught_up = true;
      break;
    }
    if (through || passed <= wait + call.timeout) {
      continue;
    }
    if (gathered_.empty() && ToPosition(places_) == asked_) {
      // Its server may be cut off from the others: the next read asks the primary.
      streams_.clear();
      return Fail(ErrorCode::kDeadlineExceeded, doing + ": the stream is behind the server's time",
                  "run again; a busy or recovering replica set needs a moment");
    }
    break;  // there is much to read through: how far that came is worth keeping
  }
  return Deliver(caught_up);
}

ChangeBatch Feed::Deliver(bool caught_up) {
  ChangeBatch batch{std::exchange(gathered_, {}), ToPosition(places_), caught_up};
  asked_ = batch.position;
  if (caught_up) {
    lap_end_.reset();
  }
  return batch;
}

Result<bool> Feed::Look(std::size_t count_max, Millis wait, const Until& until, const Call& call) {
  bool through = true;
  bool any = false;
  for (const std::string& name : StreamNames()) {
    if (!streams_.contains(name)) {
      return true;  // it ended: what was gathered before that is delivered first
    }
    const std::size_t room = count_max - std::min(gathered_.size(), count_max);
    if (room == 0) {
      return false;
    }
    const Millis patience = one_stream_ ? wait : Millis{1};
    REHOME_TRY_ASSIGN(const std::vector<Document> events, ReadStream(name, room, patience, call));
    REHOME_TRY(Gather(name, events));
    any = any || !events.empty();
    through = IsThrough(name, events, until) && through;
  }
  // A server that answers at once instead of waiting.
  if (!any && !one_stream_ && wait > kPatience && !clock_.SleepFor(kPollInterval, call.stop)) {
    return Fail(ErrorCode::kCancelled, "stopped before the next change came");
  }
  return through;
}

bool Feed::IsThrough(const std::string& stream, const std::vector<Document>& events,
                     const Until& until) {
  Document& place = places_.at(stream);
  const auto seen = TimeOf(place);
  if (!events.empty()) {
    // Beside a writer that never rests no look is empty. Events of one transaction share a time.
    return until.time != 0 && seen && *seen > until.time;
  }
  if (until.from_oplog && seen && *seen < until.time) {
    place = StartAfterTime(until.time);  // that was the oplog's end before this empty look
    return true;
  }
  return until.time == 0 || !seen || *seen >= until.time;
}

/// A broken stream is opened again where it stood, once, and given the time that it may have lacked.
Result<std::vector<Document>> Feed::ReadStream(const std::string& name, std::size_t count_max,
                                               Millis wait, const Call& call) {
  auto events = streams_.at(name).Read(count_max, wait);
  if (events || !IsRetryable(events.error().code)) {
    return events;
  }
  streams_.erase(name);
  REHOME_TRY_ASSIGN(Stream again, Stream::Open(*server_, WatchedBy(name), places_.at(name),
                                               Patience::kStream, call));
  return streams_.emplace(name, std::move(again)).first->second.Read(count_max, wait);
}

Status Feed::Gather(const std::string& name, const std::vector<Document>& events) {
  REHOME_TRY_ASSIGN(const auto from_oplog, IdsFromOplog(*server_, name, events));
  for (const Document& event : events) {
    const std::string operation = StringField(event.view(), "operationType");
    const std::string named = StringField(DocumentField(event.view(), "ns"), "coll");
    const std::string& collection = named.empty() ? name : named;
    if (EndsWatched(event.view(), operation)) {
      streams_.clear();  // what was gathered is delivered first; the next read comes here again
      if (!gathered_.empty()) {
        return {};
      }
      return std::unexpected(
          Ended(operation, collection.empty() ? server_->database() : collection));
    }
    places_.insert_or_assign(name, ResumeAfter(DocumentField(event.view(), "_id")));
    if (!IsWrite(operation)) {
      continue;
    }
    if (const auto id = IdOf(event.view())) {
      gathered_.push_back({collection, Value(*id), ToPosition(places_)});
      continue;
    }
    const auto found = from_oplog.find(TimestampField(event.view(), "clusterTime"));
    if (found == from_oplog.end()) {
      return std::unexpected(NamesNoDocument(server_->Name(collection)));
    }
    gathered_.push_back({collection, found->second, ToPosition(places_)});
  }
  const Document& place = streams_.at(name).place();
  if (!place.view().empty()) {
    places_.insert_or_assign(name, place);
  }
  // What is read of these documents must not be older, whoever is the primary by then.
  server_->Saw(TimeOf(places_.at(name)).value_or(0));
  return {};
}

Status Feed::Release(const ChangePosition& /*position*/, const Call& /*call*/) {
  return {};  // the server keeps its oplog by size and age
}

}  // namespace rehome::mongodb
