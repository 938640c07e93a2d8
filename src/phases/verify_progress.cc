#include "phases/verify_progress.h"

#include <fmt/format.h>

#include <set>

#include "model/fields.h"
#include "model/sort_key.h"

namespace rehome {
namespace {

constexpr std::string_view kCollection = "rehome_verify";
constexpr Millis kSaveEvery{1000};
// Older than this an attempt is not gone on with: what it found is history.
constexpr std::chrono::hours kKeptFor{24};
constexpr std::size_t kEventsPerReadMax = 1000;
constexpr std::size_t kChangedMax = 100'000;

/// Where the feed of one collection stands; empty: the store has none.
Result<std::string> HeadOf(DocumentStore& store, const std::string& collection, const Call& call) {
  auto feed = store.OpenFeed({collection}, call);
  if (!feed) {
    return feed.error().code == ErrorCode::kFailedPrecondition
               ? Result<std::string>(std::string())
               : std::unexpected(std::move(feed).error());
  }
  REHOME_TRY_ASSIGN(ChangePosition head, (*feed)->Head(call));
  return std::move(head.token);
}

/// Adds what the feed names since `position`. False: it does not reach back, or names too much.
Result<bool> AddNamed(DocumentStore& store, const std::string& collection, std::string position,
                      std::set<std::string>& keys, std::vector<Value>& ids, const Call& call) {
  if (position.empty()) {
    return false;
  }
  auto feed = store.OpenFeed({collection}, call);
  if (!feed) {
    return false;
  }
  while (ids.size() < kChangedMax) {
    auto batch =
        (*feed)->Read(ChangePosition{std::move(position)}, kEventsPerReadMax, Millis{0}, call);
    if (!batch) {
      return batch.error().code == ErrorCode::kFailedPrecondition
                 ? Result<bool>(false)
                 : std::unexpected(std::move(batch).error());
    }
    for (ChangeEvent& event : batch->events) {
      if (event.collection == collection && keys.insert(SortKey(event.id.view())).second) {
        ids.push_back(std::move(event.id));
      }
    }
    position = std::move(batch->position.token);
    if (batch->caught_up) {
      return true;
    }
  }
  return false;
}

/// What the parts hold for: another runner, or the other side of a cutover, starts anew.
std::string Basis(const RunRecord& run) {
  return fmt::format("{} {} {}", run.epoch, run.fingerprint, run.IsCutOver());
}

}  // namespace

Result<std::unique_ptr<VerifyProgress>> VerifyProgress::Open(DocumentStore& store, const Plan& plan,
                                                             const RunRecord& run,
                                                             const Stores& stores, Clock& clock,
                                                             const Call& call) {
  std::unique_ptr<VerifyProgress> out(new VerifyProgress(store, run, clock, call));
  REHOME_TRY(out->Load(plan, stores));
  if (out->parts_.empty()) {
    REHOME_TRY_ASSIGN(out->source_position_,
                      HeadOf(*stores.source_documents, plan.items.from, call));
    REHOME_TRY_ASSIGN(out->target_position_, HeadOf(*stores.target_documents, plan.items.to, call));
  }
  REHOME_TRY(out->Save());
  return out;
}

Status VerifyProgress::Load(const Plan& plan, const Stores& stores) {
  const Value id = Value::String(run_.run_id);
  REHOME_TRY_ASSIGN(const auto found, store_.FindByIds(kCollection, {&id, 1}, call_));
  if (!found.front()) {
    return {};
  }
  const DocumentView record = found.front()->view();
  for (const auto& element : DocumentField(record, "seen")) {
    const DocumentView one = element.value.AsDocument();
    seen_before_.insert_or_assign(StringField(one, "id"), WallTime{Millis{IntField(one, "at")}});
  }
  const WallTime begun{Millis{IntField(record, "at")}};
  if (StringField(record, "basis") != Basis(run_) || clock_.Now() - begun > kKeptFor) {
    return {};
  }
  std::set<std::string> keys;
  std::vector<Value> changed;
  const std::string source = StringField(record, "source");
  const std::string target = StringField(record, "target");
  REHOME_TRY_ASSIGN(const bool source_told, AddNamed(*stores.source_documents, plan.items.from,
                                                     source, keys, changed, call_));
  REHOME_TRY_ASSIGN(const bool target_told, AddNamed(*stores.target_documents, plan.items.to,
                                                     target, keys, changed, call_));
  if (!source_told || !target_told) {
    return {};
  }
  for (const auto& element : DocumentField(record, "parts")) {
    const DocumentView one = element.value.AsDocument();
    parts_.insert_or_assign(StringField(one, "part"),
                            Clean{.through = StringField(one, "through"),
                                  .count = static_cast<std::uint64_t>(IntField(one, "count"))});
  }
  source_position_ = source;
  target_position_ = target;
  changed_ = std::move(changed);
  return {};
}

Status VerifyProgress::Save() {
  ArrayBuilder parts;
  for (const auto& [part, clean] : parts_) {
    parts.Append(DocumentBuilder()
                     .String("part", part)
                     .String("through", clean.through)
                     .Int64("count", static_cast<std::int64_t>(clean.count))
                     .Finish());
  }
  ArrayBuilder seen;
  for (const auto& [id, at] : seen_) {
    seen.Append(
        DocumentBuilder().String("id", id).Date("at", at.time_since_epoch().count()).Finish());
  }
  const Write write = Write::Put(DocumentBuilder()
                                     .String("_id", run_.run_id)
                                     .Date("at", clock_.Now().time_since_epoch().count())
                                     .String("basis", Basis(run_))
                                     .String("source", source_position_)
                                     .String("target", target_position_)
                                     .Array("parts", parts.Finish())
                                     .Array("seen", seen.Finish())
                                     .Finish());
  REHOME_TRY(store_.Apply(kCollection, {&write, 1}, {}, call_));
  saved_at_ = clock_.Steady();
  return {};
}

std::optional<CheckProgress::Clean> VerifyProgress::Find(std::string_view part) const {
  const auto found = parts_.find(part);
  return found == parts_.end() ? std::nullopt : std::optional(found->second);
}

Status VerifyProgress::Note(std::string_view part, Clean clean) {
  parts_.insert_or_assign(std::string(part), std::move(clean));
  const bool due = !saved_at_ || clock_.Steady() - *saved_at_ >= kSaveEvery;
  return due ? Save() : Status{};
}

WallTime VerifyProgress::FirstSeen(std::string_view id) {
  const auto seen = seen_.find(id);
  if (seen != seen_.end()) {
    return seen->second;
  }
  const auto before = seen_before_.find(id);
  const WallTime at = before == seen_before_.end() ? clock_.Now() : before->second;
  seen_.emplace(id, at);
  return at;
}

Status VerifyProgress::Finish() {
  parts_.clear();
  source_position_.clear();
  target_position_.clear();
  return Save();
}

}  // namespace rehome
