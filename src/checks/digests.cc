// The mapping recomputed from every source document equals what is stored. Source and items are
// merged by `_id`, key range by key range; what is not plainly equal is read again by id and only
// then judged, so that a write between the two scans is not taken for a difference.
#include <fmt/format.h>

#include <algorithm>

#include "base/pump.h"
#include "checks/all.h"
#include "checks/findings.h"
#include "checks/walk.h"
#include "flow/item_writer.h"
#include "model/extended_json.h"
#include "model/fields.h"
#include "model/item.h"
#include "model/sort_key.h"

namespace rehome {
namespace {

/// Part of a range: how many documents were seen equal, and the ids of those that were not.
struct Compared {
  std::size_t part = 0;
  std::uint64_t equal = 0;
  std::vector<Value> suspects;
  bool last = false;  // of its range
};
using ComparePump = Pump<Compared>;

constexpr std::size_t kRangesPerReader = 4;
// With progress kept: how much of a pass an interruption may cost.
constexpr std::size_t kRangesKept = 64;

/// The name of a range in the journal of this check's progress.
std::string PartName(const IdRange& range) {
  const auto bound = [](const std::optional<Value>& id) {
    return id ? ToExtendedJson(id->view(), JsonMode::kCanonical) : std::string();
  };
  return fmt::format("digests {} .. {}", bound(range.after), bound(range.upto));
}

bool IsEqual(const Mapper& mapper, const Document& source, const Document& item) {
  const Mapped mapped = mapper.Map(source.view());
  const Item* expected = std::get_if<Item>(&mapped);
  return expected != nullptr && SameButForMark(expected->document.view(), item.view());
}

bool Holds(const IdRange& range, const Value& id) {
  const std::string key = SortKey(id.view());
  return (!range.after || SortKey(range.after->view()) < key) &&
         (!range.upto || key <= SortKey(range.upto->view()));
}

/// What is known of one id, read anew.
struct Case {
  const Value& id;
  const std::optional<MappedRow>& row;  // absent: no source document
  const std::optional<Document>& item;  // absent: no item
  const OwnedHistory& history;
  const std::optional<QuarantineRecord>& quarantined;
  bool kept = false;  // quarantine has the document that its record speaks of

  [[nodiscard]] const Item* expected() const {
    return row ? std::get_if<Item>(&row->mapped) : nullptr;
  }
  [[nodiscard]] bool InQuarantineAsItIs() const {
    return row && quarantined && kept && quarantined->digest == row->SourceDigest();
  }
};

std::string SourceIdText(const Value& id) {
  return ToExtendedJson(id.view(), JsonMode::kCanonical);
}

Discrepancy Differing(const Item& expected, const Document& item) {
  const auto difference = FirstDifference(expected.document.view(), item.view());
  if (!difference) {
    return {DiscrepancyClass::kDiffering, expected.item_id, "", "the same fields in another order"};
  }
  const bool tenant = difference->field == "org_id" || difference->field == "profile_id";
  return {tenant ? DiscrepancyClass::kMisplaced : DiscrepancyClass::kDiffering, expected.item_id,
          difference->field, difference->detail};
}

/// What became of everything that was looked at: the sum is the total.
struct Tally {
  std::uint64_t equal = 0;
  std::uint64_t quarantined = 0;
  std::uint64_t named = 0;    // a discrepancy each
  std::uint64_t foreign = 0;  // of other organizations
  std::uint64_t gone = 0;     // on both sides, since the scan
};

class DigestComparison {
 public:
  DigestComparison(CheckContext& context, CheckResult& result)
      : context_(context), flow_(context.flow), result_(result) {}

  Status Run() {
    if (context_.only) {
      REHOME_TRY(
          ForEachIdOfOnly(context_, [&](std::span<const Value> ids) { return JudgeIds(ids); }));
    } else {
      REHOME_TRY(CompareRanges());
      REHOME_TRY(JudgeQuarantine());
    }
    const Tally& sum = tally_;
    result_.found =
        fmt::format("{} equal + {} quarantined + {} named + {} of others = {} looked at", sum.equal,
                    sum.quarantined, sum.named, sum.foreign, looked_at_);
    if (looked_at_ != sum.equal + sum.quarantined + sum.named + sum.foreign + sum.gone) {
      return Fail(
          ErrorCode::kInternal,
          fmt::format("the digests check does not add up: {}, {} gone", result_.found, sum.gone));
    }
    if (sum.foreign > 0) {
      result_.notes.push_back(
          fmt::format("{} items of other organizations were left aside", sum.foreign));
    }
    return {};
  }

 private:
  Status CompareRanges() {
    const std::size_t threads = flow_.plan.limits.WorkerCount();
    std::size_t parts = threads == 1 ? 1 : threads * kRangesPerReader;
    parts = context_.progress != nullptr ? std::max(parts, kRangesKept) : parts;
    const bool retired = SourceIsRetired(context_);
    DocumentStore& store =
        retired ? *flow_.stores.target_documents : *flow_.stores.source_documents;
    REHOME_TRY_ASSIGN(
        auto ranges,
        RangesOf(context_, store, retired ? flow_.plan.items.to : flow_.plan.items.from, parts));
    REHOME_TRY(LeaveOutWhatWasEqual(ranges));
    std::vector<Compared> sums(ranges.size());
    Progress progress =
        ProgressOver(context_, Phase::kItems, "source", "documents of " + flow_.plan.items.from);
    return ComparePump::Run(
        ranges.size(), {.threads = threads == 1 ? 0 : threads, .scheduler = flow_.scheduler},
        context_.call.stop, [&](std::size_t part) { return OpenRange(part, ranges[part]); },
        [&](const Compared& compared) -> Status {
          tally_.equal += compared.equal;
          looked_at_ += compared.equal;
          REHOME_TRY(JudgeIds(compared.suspects));
          progress.done = looked_at_;
          context_.events.Advanced(progress);
          return NoteRange(ranges[compared.part], compared, sums[compared.part]);
        });
  }

  /// What an interrupted attempt compared; what was written in it since is looked at again, and
  /// counted again.
  Status LeaveOutWhatWasEqual(std::vector<IdRange>& ranges) {
    if (context_.progress == nullptr) {
      return {};
    }
    const std::size_t all = ranges.size();
    std::vector<IdRange> left_out;
    std::erase_if(ranges, [&](const IdRange& range) {
      const auto clean = context_.progress->Find(PartName(range));
      if (clean) {
        tally_.equal += clean->count;
        looked_at_ += clean->count;
        left_out.push_back(range);
      }
      return clean.has_value();
    });
    if (left_out.empty()) {
      return {};
    }
    std::vector<Value> changed;
    std::ranges::copy_if(context_.progress->changed(), std::back_inserter(changed),
                         [&](const Value& id) {
                           return std::ranges::any_of(
                               left_out, [&](const IdRange& range) { return Holds(range, id); });
                         });
    result_.notes.push_back(fmt::format(
        "{} of {} ranges were found equal by an attempt that was interrupted; {} documents that "
        "were written since are looked at again",
        left_out.size(), all, changed.size()));
    for (std::size_t start = 0; start < changed.size(); start += kWalkBatchCount) {
      REHOME_TRY(JudgeIds(
          std::span(changed).subspan(start, std::min(kWalkBatchCount, changed.size() - start))));
    }
    return {};
  }

  Status NoteRange(const IdRange& range, const Compared& compared, Compared& sum) const {
    sum.equal += compared.equal;
    sum.last = sum.last || !compared.suspects.empty();  // here: not clean
    if (context_.progress == nullptr || !compared.last || sum.last) {
      return {};
    }
    return context_.progress->Note(PartName(range), {.through = {}, .count = sum.equal});
  }

  /// Both sides of one key range, read side by side.
  struct RangeStreams {
    DocumentStream sources;
    DocumentStream items;
    [[nodiscard]] bool ended() const {
      return sources.head() == nullptr && items.head() == nullptr;
    }
  };

  /// Runs on a reader's thread, as what it returns does.
  [[nodiscard]] Result<ComparePump::Source> OpenRange(std::size_t part,
                                                      const IdRange& range) const {
    REHOME_TRY_ASSIGN(auto sources,
                      DocumentStream::Open(*flow_.stores.source_documents, flow_.plan.items.from,
                                           range, context_.call));
    REHOME_TRY_ASSIGN(auto items, DocumentStream::Open(*flow_.stores.target_documents,
                                                       flow_.plan.items.to, range, context_.call));
    const auto streams =
        std::make_shared<RangeStreams>(RangeStreams{std::move(sources), std::move(items)});
    return [this, part, streams]() -> Result<std::optional<Compared>> {
      if (streams->ended()) {
        return std::nullopt;
      }
      return Compare(part, *streams);
    };
  }

  Result<Compared> Compare(std::size_t part, RangeStreams& streams) const {
    Compared compared{.part = part, .equal = 0, .suspects = {}, .last = false};
    while (!streams.ended() && compared.suspects.size() + compared.equal < kWalkBatchCount) {
      const Document* source = streams.sources.head();
      const Document* item = streams.items.head();
      const int order = Order(source, item);
      if (order == 0 && IsEqual(flow_.mapper, *source, *item)) {
        ++compared.equal;
      } else {
        compared.suspects.emplace_back((order <= 0 ? source : item)->Id());
      }
      if (order <= 0) {
        REHOME_TRY(streams.sources.Advance());
      }
      if (order >= 0) {
        REHOME_TRY(streams.items.Advance());
      }
    }
    compared.last = streams.ended();
    return compared;
  }

  /// Which of the two heads comes first: negative the source, positive the item, 0 both are one
  /// datum.
  static int Order(const Document* source, const Document* item) {
    if (source == nullptr || item == nullptr) {
      return source == nullptr ? 1 : -1;
    }
    if (source->Id() == item->Id()) {
      return 0;
    }
    return SortKey(source->Id()).compare(SortKey(item->Id()));
  }

  Status JudgeIds(std::span<const Value> ids) {
    if (ids.empty()) {
      return {};
    }
    REHOME_TRY_ASSIGN(auto sources, flow_.stores.source_documents->FindByIds(flow_.plan.items.from,
                                                                             ids, context_.call));
    REHOME_TRY_ASSIGN(const auto items, flow_.stores.target_documents->FindByIds(
                                            flow_.plan.items.to, ids, context_.call));
    REHOME_TRY_ASSIGN(const auto histories,
                      flow_.ledger.Find(flow_.ItemsTarget(), ids, context_.call));
    std::vector<Suspect> findings;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      std::optional<MappedRow> row;
      std::optional<QuarantineRecord> quarantined;
      bool kept = false;
      if (sources[i]) {
        std::vector<Document> one;
        one.push_back(*std::move(sources[i]));
        row = std::move(MapRows(flow_.mapper, std::move(one)).front());
        REHOME_TRY_ASSIGN(quarantined, flow_.quarantine.Find(ids[i], context_.call));
        if (quarantined) {
          REHOME_TRY_ASSIGN(kept, IsKept(*quarantined));
        }
      }
      if (auto found = JudgeCase({ids[i], row, items[i], histories[i], quarantined, kept})) {
        findings.push_back({*std::move(found), ids[i]});
      }
    }
    looked_at_ += ids.size();
    tally_.named += findings.size();
    return Report(context_, std::move(findings), result_);
  }

  /// Whether the document is there, and is the one that was put aside.
  [[nodiscard]] Result<bool> IsKept(const QuarantineRecord& record) const {
    const auto document = flow_.quarantine.FindDocument(record.source_id, context_.call);
    if (!document && document.error().code != ErrorCode::kDataLoss) {
      return std::unexpected(document.error());
    }
    return document && *document && DocumentDigest((*document)->view()) == record.digest;
  }

  std::optional<Discrepancy> JudgeCase(const Case& one) {
    const Item* expected = one.expected();
    if (expected != nullptr && one.item &&
        DocumentDigest(one.item->view()) == one.row->item_digest) {
      ++tally_.equal;
      return std::nullopt;
    }
    if (context_.run.IsCutOver()) {
      if (auto changed = JudgeChange(one)) {
        return changed;
      }
      if (one.item && !one.row && SourceIsRetired(context_)) {
        ++tally_.equal;  // as the journal says; nothing else is left to ask
        return std::nullopt;
      }
    }
    if (expected != nullptr) {
      return JudgeMapped(one, *expected);
    }
    return one.row ? JudgeUnmappable(one) : JudgeWithoutSource(one);
  }

  /// The application's own change, addition or delete on the new side.
  [[nodiscard]] std::optional<Discrepancy> JudgeChange(const Case& one) const {
    if (one.item && Judge(one.history, DocumentDigest(one.item->view())) != Ownership::kOurs) {
      const bool added = one.history.LastDone() == nullptr;
      return Discrepancy{DiscrepancyClass::kChangedAfterCutover,
                         ItemIdOf(flow_.plan, one.item->view()), "",
                         added ? "added by the application" : "changed by the application"};
    }
    const OwnedHistory::Step* last = one.history.LastDone();
    if (!one.item && last != nullptr && last->after) {
      return Discrepancy{DiscrepancyClass::kChangedAfterCutover,
                         ItemId(flow_.plan.items.id, one.id.view()), "",
                         "deleted by the application"};
    }
    return std::nullopt;
  }

  std::optional<Discrepancy> JudgeMapped(const Case& one, const Item& expected) {
    if (one.item) {
      return Differing(expected, *one.item);
    }
    if (one.InQuarantineAsItIs()) {
      ++tally_.quarantined;  // maps, but its key was taken or its text refused
      return std::nullopt;
    }
    return Discrepancy{DiscrepancyClass::kMissing, expected.item_id, "",
                       fmt::format("source {} has no item", SourceIdText(one.id))};
  }

  std::optional<Discrepancy> JudgeUnmappable(const Case& one) {
    const auto& why = std::get<Unmappable>(one.row->mapped);
    if (one.item) {
      return Discrepancy{
          DiscrepancyClass::kExtra, ItemIdOf(flow_.plan, one.item->view()), "",
          fmt::format("its source does not map ({}: {})", Name(why.reason), why.detail)};
    }
    if (one.InQuarantineAsItIs()) {
      ++tally_.quarantined;
      return std::nullopt;
    }
    const std::string_view holds = one.kept          ? "another version of it"
                                   : one.quarantined ? "a record of it, but not the document"
                                                     : "nothing of it";
    return Discrepancy{one.kept ? DiscrepancyClass::kStale : DiscrepancyClass::kMissing,
                       SourceIdText(one.id), "",
                       fmt::format("does not map ({}: {}), and quarantine holds {}",
                                   Name(why.reason), why.detail, holds)};
  }

  std::optional<Discrepancy> JudgeWithoutSource(const Case& one) {
    if (!one.item) {
      ++tally_.gone;
      return std::nullopt;  // on both sides since the scan
    }
    if (HomeOf(context_, one.item->view()).empty() && one.history.LastDone() == nullptr) {
      ++tally_.foreign;
      return std::nullopt;
    }
    return Discrepancy{DiscrepancyClass::kExtra, ItemIdOf(flow_.plan, one.item->view()), "",
                       "no source document has its _id"};
  }

  /// Quarantine records whose source is gone: they would break source = items + quarantined.
  Status JudgeQuarantine() {
    if (SourceIsRetired(context_)) {
      return {};
    }
    REHOME_TRY_ASSIGN(const std::vector<Value> ids, flow_.quarantine.ListIds(context_.call));
    REHOME_TRY_ASSIGN(const auto sources, flow_.stores.source_documents->FindByIds(
                                              flow_.plan.items.from, ids, context_.call));
    std::vector<Suspect> findings;
    std::vector<Value> in_source;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      if (sources[i]) {
        in_source.push_back(ids[i]);
      } else {
        findings.push_back({.what = {DiscrepancyClass::kExtra, SourceIdText(ids[i]), "",
                                     "in quarantine, but its source is gone"},
                            .source_id = ids[i],
                            .in_delta = false});
      }
    }
    REHOME_TRY_ASSIGN(const auto items, ItemsUnder(context_, in_source));
    REHOME_TRY_ASSIGN(const auto changed, ChangedAfterCutover(context_, items));
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (!changed[i]) {
        findings.push_back(
            {.what = {DiscrepancyClass::kDuplicate, ItemIdOf(flow_.plan, items[i].view()), "",
                      "an item, and in quarantine too"},
             .source_id = Value(items[i].Id()),
             .in_delta = false});
      }
    }
    return Report(context_, std::move(findings), result_);
  }

  CheckContext& context_;
  FlowContext& flow_;
  CheckResult& result_;
  Tally tally_;
  std::uint64_t looked_at_ = 0;
};

}  // namespace

Result<CheckResult> CheckDigests(CheckContext& context) {
  if (auto reason = NotDone(context.run, Phase::kItems)) {
    return Skip("digests", *std::move(reason));
  }
  CheckResult result;
  result.expected = "every item equal to the mapping of its source";
  REHOME_TRY(DigestComparison(context, result).Run());
  return result;
}

}  // namespace rehome
