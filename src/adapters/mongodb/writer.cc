#include "adapters/mongodb/writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <unordered_set>

#include "adapters/mongodb/catalog.h"
#include "adapters/mongodb/comparison.h"
#include "adapters/mongodb/fence.h"
#include "adapters/mongodb/id_ranges.h"
#include "adapters/mongodb/reads.h"
#include "model/extended_json.h"
#include "model/fields.h"
#include "model/sort_key.h"
#include "model/storable.h"

namespace rehome::mongodb {
namespace {

// A command may be 16 MiB and a little, what surrounds its documents included.
constexpr std::size_t kCommandBytesMax = std::size_t{12} << 20U;
// A statement is a document: a filter that repeats what stands must fit beside its replacement.
constexpr std::size_t kStatementBytesMax = std::size_t{15} << 20U;
constexpr std::size_t kRunCountMax = 4'000;
constexpr std::int64_t kScannedCountMax = 2'000;
constexpr std::array<std::size_t, 1> kFirst{0};

bool Compares(const Write& write) {
  return write.kind == Write::Kind::kReplace || write.kind == Write::Kind::kDelete;
}

const Document& Named(const Write& write) {
  return Compares(write) ? write.expected : write.document;
}

std::size_t BytesOf(const Write& write) {
  const std::size_t compared =
      Compares(write) ? write.expected.bytes().size() + kComparisonBytesMax : 0;
  return write.document.bytes().size() + compared;
}

/// How many of `writes` make one run: one kind, no command too large, no id twice where what stands
/// is read first. (Of two inserts with one id the server refuses the second, as it should.)
std::size_t RunLength(std::span<const Write> writes, std::size_t count_max) {
  std::unordered_set<std::string> ids;
  std::size_t bytes = 0;
  std::size_t count = 0;
  for (const Write& write : writes) {
    bytes += BytesOf(write);
    if (write.kind != writes.front().kind || count == count_max ||
        (count > 0 && bytes > kCommandBytesMax) ||
        (write.kind != Write::Kind::kInsert && !ids.insert(SortKey(Named(write).Id())).second)) {
      break;
    }
    ++count;
  }
  return count;
}

/// Puts `document` in the place of another. As a replacement it must not have a key that looks like
/// an operator: such a one is written as a literal.
void AppendReplacement(DocumentBuilder& statement, const Document& document) {
  bool plain = true;
  for (const auto& [key, value] : document.view()) {
    plain = plain && !key.starts_with('$');
  }
  if (plain) {
    statement.Append("u", document);
    return;
  }
  const Document literal = DocumentBuilder().Append("$literal", document).Finish();
  const Document stage = DocumentBuilder().Append("$replaceWith", literal).Finish();
  statement.Array("u", ArrayBuilder().Append(stage).Finish());
}

Document UpdateStatement(const Document& filter, const Document& document, bool upsert) {
  DocumentBuilder statement;
  statement.Append("q", filter);
  AppendReplacement(statement, document);
  return statement.Bool("upsert", upsert).Append("collation", SimpleCollation()).Finish();
}

Document DeleteStatement(const Document& filter) {
  return DocumentBuilder()
      .Append("q", filter)
      .Int32("limit", 1)
      .Append("collation", SimpleCollation())
      .Finish();
}

}  // namespace

Status CheckWrites(std::string_view name, std::span<const Write> writes) {
  for (const Write& write : writes) {
    const std::optional<ValueView> id = Named(write).Find("_id");
    if (!id || (write.kind == Write::Kind::kReplace && !write.document.Find("_id"))) {
      return Fail(ErrorCode::kInvalidArgument, fmt::format("a write to {} names no _id", name));
    }
    const auto refuse = [&](std::string_view why) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("the document {} of {} {}", ToExtendedJson(*id, JsonMode::kRelaxed),
                              name, why));
    };
    const Document& meant = write.kind == Write::Kind::kDelete ? write.expected : write.document;
    if (const std::string why = WhyNotStorable(meant.view()); !why.empty()) {
      return refuse(why);
    }
    if (write.kind == Write::Kind::kReplace && SortKey(*id) != SortKey(write.document.Id())) {
      return refuse("cannot be replaced by one with another _id");
    }
  }
  return {};
}

Result<std::vector<WriteResult>> Writer::Apply(std::span<const Write> writes) {
  REHOME_TRY(CheckWrites(name_, writes));
  REHOME_TRY(RefuseStopped(call_, "writing to " + name_));
  REHOME_TRY_ASSIGN(const Capabilities server, server_.Ask(call_));
  if (options_.bypass_fence) {  // a right that not every user has: asked for where it is needed
    REHOME_TRY_ASSIGN(const auto collection, OptionsOf(server_, collection_, call_));
    bypasses_ = collection && collection->Find("validator");
  }
  const std::size_t count_max =
      std::min(kRunCountMax, static_cast<std::size_t>(server.batch_count_max));
  std::vector<WriteResult> results(writes.size());
  for (std::size_t first = 0; first < writes.size();) {
    const std::size_t count = RunLength(writes.subspan(first), count_max);
    REHOME_TRY(ApplyRun(writes.subspan(first, count), std::span(results).subspan(first, count)));
    first += count;
  }
  return results;
}

Status Writer::ApplyRun(Run run, Results results) {
  switch (run.front().kind) {
    case Write::Kind::kInsert:
      return Insert(run, results);
    case Write::Kind::kPut:
      return Put(run, results);
    case Write::Kind::kReplace:
    case Write::Kind::kDelete:
      return CompareAndSet(run, results);
  }
  return Fail(ErrorCode::kInternal, "a write of unknown kind");
}

Document Writer::Command(DocumentBuilder command) const {
  command.Bool("ordered", false);
  if (bypasses_) {
    command.Bool("bypassDocumentValidation", true);
  }
  return command.Finish();
}

Result<Document> Writer::Send(DocumentBuilder command) {
  return server_.Write(Command(std::move(command)), "writing to " + name_, call_);
}

Status Writer::Insert(Run run, Results results) {
  std::vector<const Document*> documents;
  for (const Write& write : run) {
    documents.push_back(&write.document);
  }
  REHOME_TRY_ASSIGN(const Document reply, server_.Insert(collection_, documents, bypasses_, call_));
  std::vector<std::size_t> positions(run.size());
  std::iota(positions.begin(), positions.end(), std::size_t{0});
  return TakeErrors(reply.view(), run, results, positions);
}

Status Writer::Put(Run run, Results results) {
  ArrayBuilder updates;
  for (const Write& write : run) {
    updates.Append(UpdateStatement(IdFilter(write.document.Id()), write.document, true));
  }
  REHOME_TRY_ASSIGN(
      const Document reply,
      Send(DocumentBuilder().String("update", collection_).Array("updates", updates.Finish())));
  std::vector<std::size_t> positions(run.size());
  std::iota(positions.begin(), positions.end(), std::size_t{0});
  return TakeErrors(reply.view(), run, results, positions);
}

Status Writer::CompareAndSet(Run run, Results results) {
  REHOME_TRY_ASSIGN(const Capabilities server, server_.Ask(call_));
  REHOME_TRY_ASSIGN(const bool scans, ScansForComparison(server));
  std::vector<Comparing> together;
  std::vector<Comparing> to_look_at;
  for (std::size_t i = 0; i < run.size(); ++i) {
    const bool fits = !scans && BytesOf(run[i]) <= kStatementBytesMax;
    Comparison comparison = fits ? ComparisonWith(run[i].expected) : Comparison{};
    const bool exact = comparison.exact;
    (exact ? together : to_look_at).push_back({i, std::move(comparison.filter)});
  }
  REHOME_TRY(DropUnequal(run, results, to_look_at));
  std::vector<std::size_t> alone;
  for (Comparing& one : to_look_at) {
    if (one.filter.view().empty()) {
      alone.push_back(one.position);
    } else {
      together.push_back(std::move(one));
    }
  }
  if (!together.empty()) {
    REHOME_TRY(SetMany(run, results, together));
  }
  return SetOneByOne(run, results, alone);
}

/// Takes out, as conflicts, those that do not stand as expected.
Status Writer::DropUnequal(Run run, Results results, std::vector<Comparing>& writes) {
  std::vector<std::size_t> positions;
  for (const Comparing& one : writes) {
    positions.push_back(one.position);
  }
  REHOME_TRY_ASSIGN(auto stored, Stored(run, positions));
  std::vector<Comparing> equal;
  for (std::size_t at = 0; at < writes.size(); ++at) {
    const std::size_t i = positions[at];
    if (stored[at] == run[i].expected) {
      equal.push_back(std::move(writes[at]));
    } else {
      results[i] = {WriteResult::Outcome::kConflict, std::move(stored[at]), {}};
    }
  }
  writes = std::move(equal);
  return {};
}

/// A server that is not MongoDB itself looks through the whole collection for a filter of more than
/// the _id: that is let be where the collection is small.
Result<bool> Writer::ScansForComparison(const Capabilities& server) {
  if (server.hello) {
    return false;
  }
  const Answer<Document> count =
      server_.Ask(server_.database(), DocumentBuilder().String("count", collection_).Finish());
  return !count || IntField(count->view(), "n") > kScannedCountMax;
}

Status Writer::SetMany(Run run, Results results, std::span<const Comparing> writes) {
  const bool replaces = run.front().kind == Write::Kind::kReplace;
  ArrayBuilder statements;
  std::vector<std::size_t> positions;
  for (const Comparing& one : writes) {
    positions.push_back(one.position);
    statements.Append(replaces ? UpdateStatement(one.filter, run[one.position].document, false)
                               : DeleteStatement(one.filter));
  }
  REHOME_TRY_ASSIGN(const Document reply,
                    Send(DocumentBuilder()
                             .String(replaces ? "update" : "delete", collection_)
                             .Array(replaces ? "updates" : "deletes", statements.Finish())));
  REHOME_TRY(TakeErrors(reply.view(), run, results, positions));
  std::erase_if(positions, [&](std::size_t i) { return !results[i].applied(); });
  const std::int64_t matched = IntField(reply.view(), "n");
  return matched == static_cast<std::int64_t>(positions.size())
             ? Status{}
             : SortOut(run, results, positions, matched);
}

/// Somebody was faster, it stood so before, or the server's comparison does not hold for that
/// document. The reply does not say where, so what stands there does: what the filter met may not be
/// a majority's yet.
Status Writer::SortOut(Run run, Results results, std::span<const std::size_t> positions,
                       std::int64_t matched) {
  REHOME_TRY_ASSIGN(const std::uint64_t now, server_.Now(call_));
  REHOME_TRY_ASSIGN(auto stored, Stored(run, positions, now));
  std::vector<std::size_t> made;
  std::vector<std::size_t> unmatched;
  for (std::size_t at = 0; at < positions.size(); ++at) {
    const std::size_t i = positions[at];
    WriteResult meets{WriteResult::Outcome::kConflict, std::move(stored[at]), {}};
    if (IsMade(run[i], meets)) {
      made.push_back(i);
    } else if (meets.found == run[i].expected) {
      unmatched.push_back(i);
      continue;
    }
    results[i] = std::move(meets);
  }
  if (static_cast<std::int64_t>(made.size()) <= matched) {
    for (const std::size_t i : made) {
      results[i] = {};
    }
  }  // else some stood so before: that is what is told of all of them
  return SetOneByOne(run, results, unmatched);
}

/// For what no filter can hold, and for servers whose filters are not to be relied upon.
Status Writer::SetOneByOne(Run run, Results results, std::span<const std::size_t> equal) {
  REHOME_TRY_ASSIGN(const Capabilities server, server_.Ask(call_));
  for (const std::size_t i : equal) {
    REHOME_TRY(server.transactions ? SetInTransaction(run[i], results[i])
                                   : SetAfterALook(run.subspan(i, 1), results.subspan(i, 1)));
  }
  return {};
}

/// The update or the delete of what stands under its _id.
Document Writer::ById(const Write& write) const {
  const bool replaces = write.kind == Write::Kind::kReplace;
  const Document filter = IdFilter(write.expected.Id());
  const Document statement =
      replaces ? UpdateStatement(filter, write.document, false) : DeleteStatement(filter);
  return Command(
      DocumentBuilder()
          .String(replaces ? "update" : "delete", collection_)
          .Array(replaces ? "updates" : "deletes", ArrayBuilder().Append(statement).Finish()));
}

/// Reading, comparing and writing as one: whoever writes in between makes the server refuse it.
Status Writer::SetInTransaction(const Write& write, WriteResult& result) {
  const std::string doing = "writing to " + name_;
  const auto error = [&](const Failure& failure) {
    return std::unexpected(ToError(failure, doing, Effect::kWrites));
  };
  const std::unique_ptr<Connection> connection = server_.Pop();
  if (const auto failure = connection->Begin()) {
    return error(*failure);
  }
  const Document find = DocumentBuilder()
                            .String("find", collection_)
                            .Append("filter", IdFilter(write.expected.Id()))
                            .Int32("limit", 1)
                            .Bool("singleBatch", true)
                            .Append("collation", SimpleCollation())
                            .Finish();
  const Answer<Document> found =
      connection->Run(server_.database(), find, Traffic::kRead, Document());
  if (!found) {
    return error(found.error());
  }
  std::vector<Document> stored = BatchOf(found->view());
  if (stored.empty() || stored.front() != write.expected) {
    result.outcome = WriteResult::Outcome::kConflict;
    if (!stored.empty()) {
      result.found = std::move(stored.front());
    }
    return {};
  }
  const Answer<Document> reply =
      connection->Run(server_.database(), ById(write), Traffic::kWrite, Document());
  if (!reply) {
    return error(reply.error());
  }
  REHOME_TRY(TakeErrors(reply->view(), {&write, 1}, {&result, 1}, kFirst));
  if (!result.applied()) {
    return {};
  }
  const Answer<Document> committed = connection->Commit();
  if (!committed) {
    return error(committed.error());
  }
  server_.Saw(TimestampField(committed->view(), kOperationTime));
  return {};
}

/// Compared once more right before it is written by its _id alone. What is written by others in
/// between is lost: a server without transactions is for trials.
Status Writer::SetAfterALook(Run one, Results result) {
  REHOME_TRY_ASSIGN(auto stored, Stored(one, kFirst));
  if (stored.front() != one.front().expected) {
    result.front() = {WriteResult::Outcome::kConflict, std::move(stored.front()), {}};
    return {};
  }
  REHOME_TRY_ASSIGN(const Document reply,
                    server_.Write(ById(one.front()), "writing to " + name_, call_));
  return TakeErrors(reply.view(), one, result, kFirst);
}

Error Writer::Refused(DocumentView error) {
  const std::int64_t code = IntField(error, "code");
  // Servers before 5.0 do not tell which validator refused.
  if (code == codes::kDocumentValidationFailure &&
      (NamesFence(error) || IsFenced(server_, collection_, call_).value_or(false))) {
    return FencedError(name_);
  }
  return ToError(ServerFailure(error), "writing to " + name_, Effect::kWrites);
}

Status Writer::TakeErrors(DocumentView reply, Run run, Results results,
                          std::span<const std::size_t> positions) {
  bool conflicts = false;
  for (const auto& [key, element] : DocumentField(reply, "writeErrors")) {
    const DocumentView error = element.AsDocument();
    if (IntField(error, "code") != codes::kDuplicateKey) {
      return std::unexpected(Refused(error));
    }
    const auto index = static_cast<std::size_t>(IntField(error, "index"));
    CHECK(index < positions.size());
    WriteResult& result = results[positions[index]];
    result.outcome = WriteResult::Outcome::kConflict;
    result.unique_index = IndexOfDuplicate(StringField(error, "errmsg"));
    conflicts = true;
  }
  return conflicts ? ReadBack(run, results) : Status{};
}

Status Writer::ReadBack(Run run, Results results) {
  std::vector<Value> ids;
  for (std::size_t i = 0; i < run.size(); ++i) {
    if (!results[i].applied()) {
      ids.emplace_back(Named(run[i]).Id());
    }
  }
  // What the server met may not be a majority's yet.
  REHOME_TRY_ASSIGN(const std::uint64_t now, server_.Now(call_));
  REHOME_TRY_ASSIGN(auto found, FindByIds(server_, collection_, ids, call_, now));
  std::size_t next = 0;
  for (WriteResult& result : results) {
    if (!result.applied()) {
      result.found = std::move(found[next++]);
      // An equal _id is the stronger news: a repeated insert shows the caller its own document.
      if (result.found &&
          run[static_cast<std::size_t>(&result - results.data())].kind == Write::Kind::kInsert) {
        result.unique_index.clear();
      }
    }
  }
  return {};
}

Result<std::vector<std::optional<Document>>> Writer::Stored(Run run,
                                                            std::span<const std::size_t> positions,
                                                            std::uint64_t after) {
  std::vector<Value> ids;
  for (const std::size_t i : positions) {
    ids.emplace_back(Named(run[i]).Id());
  }
  return FindByIds(server_, collection_, ids, call_, after);
}

}  // namespace rehome::mongodb
