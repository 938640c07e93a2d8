#include "journal/run_record.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/digest.h"
#include "journal/names.h"
#include "model/fields.h"

namespace rehome {
namespace {

// Of the shape of all `rehome_*` documents.
constexpr std::int64_t kJournalVersion = 3;

void PutCounts(DocumentBuilder& builder, std::string_view name, const Counts& counts) {
  builder.Nested(name, [&](DocumentBuilder& nested) {
    for (const auto& [key, value] : counts) {
      nested.Int64(key, value);
    }
  });
}

Counts ToCounts(DocumentView document) {
  Counts out;
  for (const auto& [key, value] : document) {
    if (value.type() == BsonType::kInt64) {
      out.emplace(key, value.AsInt64());
    }
  }
  return out;
}

/// An array of sub-documents, each filled by `put`.
template <class List, class Put>
void PutEach(DocumentBuilder& builder, std::string_view name, const List& list, const Put& put) {
  builder.ArrayOf(name, list, [&](DocumentBuilder& array, std::string_view index, const auto& one) {
    array.Nested(index, [&](DocumentBuilder& nested) { put(nested, one); });
  });
}

// Keys of these maps hold dots and dollars (namespaces, file names), so they are stored as pairs.
void PutTexts(DocumentBuilder& builder, std::string_view name, const Texts& texts) {
  PutEach(builder, name, texts, [](DocumentBuilder& pair, const auto& text) {
    pair.String("k", text.first).String("v", text.second);
  });
}

Texts ToTexts(DocumentView pairs) {
  Texts out;
  for (const auto& [index, pair] : pairs) {
    out.emplace(StringField(pair.AsDocument(), "k"), StringField(pair.AsDocument(), "v"));
  }
  return out;
}

void PutStrings(DocumentBuilder& builder, std::string_view name,
                const std::vector<std::string>& strings) {
  builder.ArrayOf(name, strings,
                  [](DocumentBuilder& array, std::string_view index, const std::string& string) {
                    array.String(index, string);
                  });
}

std::vector<std::string> ToStrings(DocumentView array) {
  std::vector<std::string> out;
  for (const auto& [index, string] : array) {
    out.emplace_back(string.AsString());
  }
  return out;
}

void OptionalTime(DocumentBuilder& builder, std::string_view key,
                  const std::optional<WallTime>& time) {
  if (time) {
    builder.Date(key, time->time_since_epoch().count());
  }
}

WallTime ToTime(DocumentView document, std::string_view key) {
  return WallTime{Millis{IntField(document, key)}};
}

std::optional<WallTime> ToOptionalTime(DocumentView document, std::string_view key) {
  return document.Find(key) ? std::optional(ToTime(document, key)) : std::nullopt;
}

void PutPhase(DocumentBuilder& builder, Phase phase, const PhaseRecord& record) {
  builder.Int32("phase", Number(phase))
      .String("name", Name(phase))
      .String("state", Name(record.state));
  OptionalTime(builder, "started_at", record.started_at);
  builder.Double("seconds", record.seconds);
  PutCounts(builder, "counts", record.counts);
}

/// What another release, or a hand, wrote there.
std::unexpected<Error> Unknown(std::string_view what, std::string_view word) {
  return Fail(ErrorCode::kFailedPrecondition,
              fmt::format("the run record in {} says {} {}, which this rehome does not know",
                          journal::kRuns, what, word),
              "nothing was changed. Use the rehome release that started this run; if that is this "
              "one, the record was damaged or edited: copy it, put that word right, then run the "
              "same command again");
}

Result<Phase> ToPhaseNumber(DocumentView document) {
  const std::int64_t number = IntField(document, "phase");
  const std::optional<Phase> phase = PhaseOf(static_cast<int>(number));
  return phase ? Result<Phase>(*phase) : Unknown("phase", std::to_string(number));
}

Result<PhaseRecord> ToPhase(DocumentView document) {
  const std::string word = StringField(document, "state");
  const std::optional<PhaseState> state = PhaseStateOf(word);
  if (!state) {
    return Unknown("a phase's state", word);
  }
  return PhaseRecord{.state = *state,
                     .started_at = ToOptionalTime(document, "started_at"),
                     .seconds = DoubleField(document, "seconds"),
                     .counts = ToCounts(DocumentField(document, "counts"))};
}

void PutRestorePoint(DocumentBuilder& builder, const RestorePoint& point) {
  builder.Int32("phase", Number(point.phase))
      .Date("at", point.at.time_since_epoch().count())
      .String("digest", point.digest);
  PutCounts(builder, "counts", point.counts);
  PutTexts(builder, "positions", point.positions);
  PutTexts(builder, "pointers", point.pointers);
  builder.String("undo", point.undo);
}

Result<RestorePoint> ToRestorePoint(DocumentView document) {
  REHOME_TRY_ASSIGN(const Phase phase, ToPhaseNumber(document));
  return RestorePoint{.phase = phase,
                      .at = ToTime(document, "at"),
                      .digest = StringField(document, "digest"),
                      .counts = ToCounts(DocumentField(document, "counts")),
                      .positions = ToTexts(DocumentField(document, "positions")),
                      .pointers = ToTexts(DocumentField(document, "pointers")),
                      .undo = StringField(document, "undo")};
}

void PutRetirement(DocumentBuilder& builder, const Retirement& attempt) {
  builder.String("backup", attempt.backup).String("manifest_sha256", attempt.manifest_sha256);
  PutStrings(builder, "dropped", attempt.dropped);
  PutStrings(builder, "emptied", attempt.emptied);
}

Retirement ToRetirement(DocumentView document) {
  return {.backup = StringField(document, "backup"),
          .manifest_sha256 = StringField(document, "manifest_sha256"),
          .dropped = ToStrings(DocumentField(document, "dropped")),
          .emptied = ToStrings(DocumentField(document, "emptied"))};
}

void PutPointer(DocumentBuilder& builder, const PointerRecord& pointer) {
  builder.String("kind", pointer.kind)
      .String("where", pointer.where)
      .String("id", pointer.id)
      .String("key", pointer.key);
  if (pointer.old_value) {
    builder.String("old", *pointer.old_value);
  }
  builder.String("new", pointer.new_value)
      .String("old_written", pointer.old_written)
      .Bool("flipped", pointer.flipped);
}

PointerRecord ToPointer(DocumentView document) {
  return {.kind = StringField(document, "kind"),
          .where = StringField(document, "where"),
          .id = StringField(document, "id"),
          .key = StringField(document, "key"),
          .old_value =
              document.Find("old") ? std::optional(StringField(document, "old")) : std::nullopt,
          .new_value = StringField(document, "new"),
          .old_written = StringField(document, "old_written"),
          .flipped = BoolField(document, "flipped")};
}

void PutFence(DocumentBuilder& builder, const FenceRecord& fence) {
  builder.String("collection", fence.collection)
      .Bool("on_target", fence.on_target)
      .Int32("kind", static_cast<std::int32_t>(fence.kind))
      // As bytes: MongoDB 4.4 takes no document in an update whose fields begin with a $.
      .Binary("undo", fence.undo.bytes())
      .Bool("raised", fence.raised)
      .Bool("by_hooks", fence.by_hooks);
}

FenceRecord ToFence(DocumentView document) {
  return {.collection = StringField(document, "collection"),
          .on_target = BoolField(document, "on_target"),
          .kind = static_cast<FenceKind>(IntField(document, "kind")),
          .undo = Document::Trusted(std::string(BinaryField(document, "undo"))),
          .raised = BoolField(document, "raised"),
          .by_hooks = BoolField(document, "by_hooks")};
}

void PutCutover(DocumentBuilder& builder, const CutoverRecord& cutover) {
  builder.Int32("state", static_cast<std::int32_t>(cutover.state)).Bool("reverse", cutover.reverse);
  PutEach(builder, "pointers", cutover.pointers, &PutPointer);
  PutEach(builder, "fences", cutover.fences, &PutFence);
  builder.Int64("write_pause_ms", cutover.write_pause_ms)
      .Bool("after_hooks_ran", cutover.after_hooks_ran);
}

CutoverRecord ToCutover(DocumentView document) {
  CutoverRecord out{.state = static_cast<CutoverRecord::State>(IntField(document, "state")),
                    .reverse = BoolField(document, "reverse"),
                    .pointers = {},
                    .fences = {},
                    .write_pause_ms = IntField(document, "write_pause_ms"),
                    .after_hooks_ran = BoolField(document, "after_hooks_ran")};
  for (const auto& [index, pointer] : DocumentField(document, "pointers")) {
    out.pointers.push_back(ToPointer(pointer.AsDocument()));
  }
  for (const auto& [index, fence] : DocumentField(document, "fences")) {
    out.fences.push_back(ToFence(fence.AsDocument()));
  }
  return out;
}

}  // namespace

std::string_view Name(CutoverRecord::State state) {
  switch (state) {
    case CutoverRecord::State::kIntended:
      return "intended";
    case CutoverRecord::State::kFenced:
      return "fenced";
    case CutoverRecord::State::kVerified:
      return "verified";
    case CutoverRecord::State::kComplete:
      return "complete";
  }
  return "unknown";
}

std::int64_t RunRecord::MovedItems() const {
  const RestorePoint* point = FindRestorePoint(Phase::kItems);
  const auto found = point == nullptr ? Counts::const_iterator() : point->counts.find("items");
  return point == nullptr || found == point->counts.end() ? 0 : found->second;
}

const RestorePoint* RunRecord::FindRestorePoint(Phase phase) const {
  for (const RestorePoint& point : restore_points) {
    if (point.phase == phase) {
      return &point;
    }
  }
  return nullptr;
}

bool RunRecord::IsCutOver() const {
  return cut_over_at.has_value();
}

std::uint64_t RunRecord::SampleSeed() const {
  std::uint64_t seed = 0;
  for (const std::uint8_t byte : Md5(run_id).bytes) {
    seed = (seed << 8U) | byte;
  }
  return seed;
}

bool RunRecord::HasDropped(std::string_view collection) const {
  return std::ranges::any_of(retirements, [&](const Retirement& attempt) {
    return std::ranges::find(attempt.dropped, collection) != attempt.dropped.end();
  });
}

bool RunRecord::HasRemoved() const {
  return std::ranges::any_of(retirements, [](const Retirement& attempt) {
    return !attempt.dropped.empty() || !attempt.emptied.empty();
  });
}

Document RunRecord::ToDocument() const {
  DocumentBuilder builder;
  builder.String("_id", run_id)
      .Int64("journal_version", kJournalVersion)
      .String("plan_name", plan_name)
      .String("fingerprint", fingerprint)
      .String("fingerprint_text", fingerprint_text)
      .String("resolved_plan", resolved_plan)
      .String("state", Name(state))
      .Int64("epoch", epoch)
      .Date("created_at", created_at.time_since_epoch().count())
      .Date("updated_at", updated_at.time_since_epoch().count());
  PutEach(builder, "phases", kPhases,
          [this](DocumentBuilder& nested, Phase phase) { PutPhase(nested, phase, At(phase)); });
  PutEach(builder, "restore_points", restore_points, &PutRestorePoint);
  PutTexts(builder, "namespaces", namespaces);
  PutStrings(builder, "created_collections", created_collections);
  PutTexts(builder, "positions", positions);
  PutTexts(builder, "watermarks", watermarks);
  builder.String("backup", backup);
  PutEach(builder, "retirements", retirements, &PutRetirement);
  builder.Bool("items_reconciled", items_reconciled);
  PutStrings(builder, "changed_while_read", changed_while_read);
  builder.Int64("audit_number", audit_number)
      .String("audit_hash", audit_hash)
      .String("last_error", last_error)
      .String("last_hint", last_hint);
  OptionalTime(builder, "cut_over_at", cut_over_at);
  OptionalTime(builder, "last_straggler_at", last_straggler_at);
  if (cutover) {
    builder.Nested("cutover", [this](DocumentBuilder& nested) { PutCutover(nested, *cutover); });
  }
  return builder.Finish();
}

Result<RunRecord> RunRecord::FromDocument(DocumentView document) {
  if (IntField(document, "journal_version") != kJournalVersion) {
    return Fail(ErrorCode::kFailedPrecondition,
                fmt::format("the journal in {} has version {}, this rehome knows {}",
                            journal::kRuns, IntField(document, "journal_version"), kJournalVersion),
                "use the rehome release that started this run");
  }
  RunRecord out;
  out.run_id = StringField(document, "_id");
  out.plan_name = StringField(document, "plan_name");
  out.fingerprint = StringField(document, "fingerprint");
  out.fingerprint_text = StringField(document, "fingerprint_text");
  out.resolved_plan = StringField(document, "resolved_plan");
  const std::string word = StringField(document, "state");
  const std::optional<RunState> state = RunStateOf(word);
  if (!state) {
    return Unknown("the state", word);
  }
  out.state = *state;
  out.epoch = IntField(document, "epoch");
  out.created_at = ToTime(document, "created_at");
  out.updated_at = ToTime(document, "updated_at");
  for (const auto& [index, phase] : DocumentField(document, "phases")) {
    REHOME_TRY_ASSIGN(const Phase number, ToPhaseNumber(phase.AsDocument()));
    REHOME_TRY_ASSIGN(out.At(number), ToPhase(phase.AsDocument()));
  }
  for (const auto& [index, point] : DocumentField(document, "restore_points")) {
    REHOME_TRY_ASSIGN(RestorePoint read, ToRestorePoint(point.AsDocument()));
    out.restore_points.push_back(std::move(read));
  }
  out.namespaces = ToTexts(DocumentField(document, "namespaces"));
  out.created_collections = ToStrings(DocumentField(document, "created_collections"));
  out.positions = ToTexts(DocumentField(document, "positions"));
  out.watermarks = ToTexts(DocumentField(document, "watermarks"));
  out.backup = StringField(document, "backup");
  for (const auto& [index, attempt] : DocumentField(document, "retirements")) {
    out.retirements.push_back(ToRetirement(attempt.AsDocument()));
  }
  out.items_reconciled = BoolField(document, "items_reconciled");
  out.changed_while_read = ToStrings(DocumentField(document, "changed_while_read"));
  out.audit_number = IntField(document, "audit_number");
  out.audit_hash = StringField(document, "audit_hash");
  out.last_error = StringField(document, "last_error");
  out.last_hint = StringField(document, "last_hint");
  out.cut_over_at = ToOptionalTime(document, "cut_over_at");
  out.last_straggler_at = ToOptionalTime(document, "last_straggler_at");
  if (document.Find("cutover")) {
    out.cutover = ToCutover(DocumentField(document, "cutover"));
  }
  return out;
}

namespace {

/// A journal that says what was written, and of no run at all: whoever took the records away, nothing
/// of it is to be taken for a plan that never ran.
Status RefuseLostRecords(DocumentStore& store, const Call& call) {
  REHOME_TRY_ASSIGN(const std::uint64_t entries, store.Count(journal::kIntents, call));
  if (entries == 0) {
    return {};
  }
  REHOME_TRY_ASSIGN(const std::uint64_t runs, store.Count(journal::kRuns, call));
  if (runs > 0) {
    return {};
  }
  return Fail(
      ErrorCode::kFailedPrecondition,
      fmt::format("{} is empty, but {} holds {} records of what a run wrote: its own record "
                  "was removed; nothing was changed",
                  journal::kRuns, journal::kIntents, entries),
      "put rehome_runs back from a backup of that database; what the run wrote, and where "
      "the application is, cannot be told without it");
}

}  // namespace

Result<std::optional<RunRecord>> LatestRun(DocumentStore& store, std::string_view plan_name,
                                           const Call& call) {
  const Value name = Value::String(plan_name);
  constexpr std::size_t kRunsMax = 10'000;
  REHOME_TRY_ASSIGN(const auto runs,
                    store.FindByField(journal::kRuns, "plan_name", {&name, 1}, kRunsMax, call));
  std::optional<RunRecord> latest;
  for (const Document& document : runs) {
    REHOME_TRY_ASSIGN(RunRecord run, RunRecord::FromDocument(document.view()));
    // Run ids start with their creation time, so the greatest is the newest also when a clock stood
    // still.
    if (!latest || latest->run_id < run.run_id) {
      latest = std::move(run);
    }
  }
  if (!latest) {
    REHOME_TRY(RefuseLostRecords(store, call));
  }
  return latest;
}

Status SaveRun(DocumentStore& store, const RunRecord& run, std::optional<Document>& stands,
               const Call& call) {
  constexpr int kAttemptsMax = 3;
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    Document next = run.ToDocument();
    const Write write = stands ? Write::Replace(*stands, next) : Write::Insert(next);
    REHOME_TRY_ASSIGN(const auto results, store.Apply(journal::kRuns, {&write, 1}, {}, call));
    if (IsMade(write, results.front())) {
      stands = std::move(next);
      return {};
    }
    const std::optional<Document> expected = std::exchange(stands, results.front().found);
    if (!stands) {
      continue;
    }
    const std::int64_t epoch = IntField(stands->view(), "epoch");
    if (epoch > run.epoch) {
      return Fail(ErrorCode::kLeaseHeld,
                  "another runner took this run over, so this one stopped before its next write; "
                  "nothing is lost",
                  "see `rehome status` for what the other one does");
    }
    if (epoch == run.epoch) {
      continue;  // one of this runner's own, whose reply was lost
    }
    REHOME_TRY_ASSIGN(const RunRecord found, RunRecord::FromDocument(stands->view()));
    if (!expected || found.ToDocument() != *expected) {
      break;  // the runner before this one has written since it was read
    }
    // As it was read, in the words of another version of this program.
  }
  return Fail(ErrorCode::kAborted,
              fmt::format("the run record {} changes while it is written", run.run_id),
              "something else writes to the journal; stop it, then run the same command again");
}

}  // namespace rehome
