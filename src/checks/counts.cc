// source = items + quarantined; every item marked; as many vectors in each namespace as items of
// its organization. The quick sums come first. Only where they do not fit are source and items
// merged by `_id`, to tell what is pending or the application's own from what is wrong. Who is
// missing is the digests' matter: here are numbers, and the marks.
#include <fmt/format.h>

#include <algorithm>

#include "checks/all.h"
#include "checks/findings.h"
#include "checks/walk.h"
#include "model/fields.h"
#include "model/item.h"
#include "model/sort_key.h"

namespace rehome {
namespace {

class Counting {
 public:
  Counting(CheckContext& context, CheckResult& result)
      : context_(context), flow_(context.flow), result_(result) {}

  Status Run() {
    if (context_.only && VectorsAreDue()) {
      REHOME_TRY_ASSIGN(index_, flow_.stores.target_vectors->Describe(context_.call));
      REHOME_TRY_ASSIGN(const bool fit, SumsFit());
      if (fit) {
        return JudgeMarksOfOnly();
      }
    }
    REHOME_TRY(CountItems());
    REHOME_TRY(CountSource());
    if (VectorsAreDue()) {
      REHOME_TRY(CountVectors());
    }
    if (foreign_ > 0) {
      result_.notes.push_back(
          fmt::format("{} items of other organizations are not counted", foreign_));
    }
    NoteFewer();
    return {};
  }

 private:
  /// After cutover items are the application's to delete; that so many are gone is told all the same.
  void NoteFewer() {
    const auto then = static_cast<std::uint64_t>(context_.run.MovedItems());
    if (!context_.only && context_.run.IsCutOver() && items_ < then) {
      result_.notes.push_back(fmt::format(
          "{} items, {} fewer than were moved: deleted since the cutover", items_, then - items_));
    }
  }

  [[nodiscard]] bool VectorsAreDue() const { return !NotDone(context_.run, Phase::kVectors); }

  /// While the application waits, the stores' own counts are enough where they agree: documents and
  /// vectors were looked at one by one before. With several namespaces they could agree by chance,
  /// with other organizations' items they do not.
  Result<bool> SumsFit() {
    REHOME_TRY_ASSIGN(const std::uint64_t source,
                      flow_.stores.source_documents->Count(flow_.plan.items.from, context_.call));
    REHOME_TRY_ASSIGN(const std::uint64_t items,
                      flow_.stores.target_documents->Count(flow_.plan.items.to, context_.call));
    REHOME_TRY_ASSIGN(const std::uint64_t quarantined, flow_.quarantine.Count(context_.call));
    if (source != items + quarantined || context_.run.namespaces.size() != 1) {
      return false;
    }
    const std::uint64_t vectors = VectorsByStatistics(context_.run.namespaces.begin()->second);
    result_.expected = fmt::format("{} source documents, {} vectors", source, items);
    result_.found =
        fmt::format("{} items + {} quarantined, {} vectors", items, quarantined, vectors);
    return vectors == items;
  }

  [[nodiscard]] std::uint64_t VectorsByStatistics(std::string_view ns) const {
    const auto found = index_.namespaces.find(std::string(ns));
    return found == index_.namespaces.end() ? 0 : found->second;
  }

  Status JudgeMarksOfOnly() {
    return ForEachItemLookedAt(context_, [&](const std::vector<Document>& items) -> Status {
      std::vector<Document> unmarked;
      for (const Document& item : items) {
        if (!HomeOf(context_, item.view()).empty() && !IsMarkedRight(item)) {
          unmarked.push_back(item);
        }
      }
      return ReportUnmarked(unmarked);
    });
  }

  Status CountItems() {
    const bool marks_due = VectorsAreDue();
    return ForEachItem(context_, [&](const std::vector<Document>& items) -> Status {
      std::vector<Document> unmarked;
      for (const Document& item : items) {
        const std::string home = HomeOf(context_, item.view());
        if (home.empty()) {
          ++foreign_;
          continue;
        }
        ++items_;
        ++items_at_[home];
        if (marks_due && !IsMarkedRight(item)) {
          unmarked.push_back(item);
        }
      }
      return ReportUnmarked(unmarked);
    });
  }

  static bool IsMarkedRight(const Document& item) {
    return IsMarked(item.view()) &&
           StringField(item.view(), kEmbeddingId) == StringField(item.view(), "item_id");
  }

  /// What the application changed and has not embedded yet says so itself: that is no wrong mark.
  Status ReportUnmarked(const std::vector<Document>& items) {
    REHOME_TRY_ASSIGN(const auto changed, ChangedAfterCutover(context_, items));
    std::vector<Suspect> findings;
    for (std::size_t i = 0; i < items.size(); ++i) {
      const bool marked = IsMarked(items[i].view());
      unmarked_by_application_[HomeOf(context_, items[i].view())] +=
          changed[i] && !marked ? 1U : 0U;
      const auto of =
          changed[i] ? DiscrepancyClass::kChangedAfterCutover : DiscrepancyClass::kDiffering;
      findings.push_back(
          {{of, ItemIdOf(flow_.plan, items[i].view()),
            std::string(marked ? kEmbeddingId : kIsEmbedded),
            marked ? "embedding_id is not the item_id" : "the item is not marked as embedded"},
           Value(items[i].Id())});
    }
    return Report(context_, std::move(findings), result_);
  }

  Status CountSource() {
    if (SourceIsRetired(context_)) {
      result_.expected = "the items that are there";
      result_.found = fmt::format("{} items; their source is retired", items_);
      return {};
    }
    REHOME_TRY_ASSIGN(const std::uint64_t source,
                      flow_.stores.source_documents->Count(flow_.plan.items.from, context_.call));
    REHOME_TRY_ASSIGN(const std::uint64_t quarantined, flow_.quarantine.Count(context_.call));
    result_.expected = fmt::format("{} source documents", source);
    result_.found = fmt::format("{} items + {} quarantined", items_, quarantined);
    return source == items_ + quarantined ? Status{} : Explain();
  }

  /// The sums do not fit: merges both sides by `_id` and judges what stands on one side alone.
  Status Explain() {
    const IdRange everything;
    REHOME_TRY_ASSIGN(auto sources,
                      DocumentStream::Open(*flow_.stores.source_documents, flow_.plan.items.from,
                                           everything, context_.call));
    REHOME_TRY_ASSIGN(auto items,
                      DocumentStream::Open(*flow_.stores.target_documents, flow_.plan.items.to,
                                           everything, context_.call));
    std::vector<Value> alone;
    while (sources.head() != nullptr || items.head() != nullptr) {
      const int order = sources.head() == nullptr ? 1
                        : items.head() == nullptr
                            ? -1
                            : SortKey(sources.head()->Id()).compare(SortKey(items.head()->Id()));
      if (order < 0) {
        alone.emplace_back(sources.head()->Id());
      } else if (order > 0 && !HomeOf(context_, items.head()->view()).empty()) {
        alone.emplace_back(items.head()->Id());
      }
      if (order <= 0) {
        REHOME_TRY(sources.Advance());
      }
      if (order >= 0) {
        REHOME_TRY(items.Advance());
      }
      if (alone.size() >= kWalkBatchCount) {
        REHOME_TRY(JudgeAlone(std::exchange(alone, {})));
      }
    }
    REHOME_TRY(JudgeAlone(alone));
    REHOME_TRY(CountKeptBeside());
    if (pending_ + by_application_ > 0) {
      result_.notes.push_back(
          fmt::format("{} pending, {} changed by the application", pending_, by_application_));
    }
    const bool explained = unexplained_ == 0 && pending_ + by_application_ > 0;
    result_.passed = result_.passed && explained && (pending_ == 0 || !context_.pending_fails);
    return {};
  }

  /// A straggler that does not map is in quarantine beside what the application made of its item.
  Status CountKeptBeside() {
    if (!context_.run.IsCutOver()) {
      return {};
    }
    REHOME_TRY_ASSIGN(const std::vector<Value> ids, flow_.quarantine.ListIds(context_.call));
    REHOME_TRY_ASSIGN(const auto items, ItemsUnder(context_, ids));
    REHOME_TRY_ASSIGN(const auto changed, ChangedAfterCutover(context_, items));
    by_application_ += static_cast<std::uint64_t>(std::ranges::count(changed, true));
    return {};
  }

  Status JudgeAlone(const std::vector<Value>& ids) {
    if (ids.empty()) {
      return {};
    }
    REHOME_TRY_ASSIGN(const auto items, flow_.stores.target_documents->FindByIds(
                                            flow_.plan.items.to, ids, context_.call));
    REHOME_TRY_ASSIGN(const auto quarantined, flow_.quarantine.Contains(ids, context_.call));
    REHOME_TRY_ASSIGN(const auto histories,
                      flow_.ledger.Find(flow_.ItemsTarget(), ids, context_.call));
    std::vector<bool> pending(ids.size());
    if (context_.pending) {
      REHOME_TRY_ASSIGN(pending, context_.pending(ids));
    }
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const OwnedHistory::Step* last = histories[i].LastDone();
      const bool deleted = !items[i] && last != nullptr && last->after.has_value();
      const bool written =
          items[i] && Judge(histories[i], DocumentDigest(items[i]->view())) != Ownership::kOurs;
      if (!items[i] && quarantined[i]) {
        continue;
      }
      if (pending[i]) {
        ++pending_;
      } else if (context_.run.IsCutOver() && (deleted || written)) {
        ++by_application_;
      } else {
        ++unexplained_;
      }
    }
    return {};
  }

  Status CountVectors() {
    constexpr std::size_t kListedMax = 6;  // namespaces; of more the sum, and those that do not fit
    const bool listed = context_.run.namespaces.size() <= kListedMax;
    std::uint64_t most_of_all = 0;
    std::uint64_t vectors_of_all = 0;
    for (const auto& [org_id, ns] : context_.run.namespaces) {
      const std::uint64_t most = items_at_[ns];
      const std::uint64_t least = most - unmarked_by_application_[ns];
      std::uint64_t vectors = VectorsByStatistics(ns);
      if (!context_.only || vectors != most) {  // statistics may lag; a listing does not
        vectors = 0;
        REHOME_TRY(ForEachPage(*flow_.stores.target_vectors, ns, context_.call,
                               [&](const std::vector<std::string>& ids) -> Status {
                                 vectors += ids.size();
                                 return {};
                               }));
      }
      bool fits = vectors >= least && vectors <= most;
      if (!fits && context_.run.IsCutOver()) {
        REHOME_TRY_ASSIGN(const Items now, ItemsNow(ns));
        fits = now.all != most && vectors >= std::min(least, now.marked) &&
               vectors <= std::max(most, now.all);
      }
      most_of_all += most;
      vectors_of_all += vectors;
      if (listed) {
        result_.expected += fmt::format(", {} vectors in {}", most, ns);
        result_.found += fmt::format(", {} vectors in {}", vectors, ns);
      } else if (!fits) {
        result_.notes.push_back(fmt::format("{} vectors in {}, not {}", vectors, ns, most));
      }
      // Beside a live runner an item and its vector come one after the other; the orphans are
      // judged one by one.
      const bool moving = context_.pending && !context_.pending_fails;
      result_.passed = result_.passed && (fits || moving);
    }
    if (!listed) {
      const std::size_t count = context_.run.namespaces.size();
      result_.expected += fmt::format(", {} vectors in {} namespaces", most_of_all, count);
      result_.found += fmt::format(", {} vectors in {} namespaces", vectors_of_all, count);
    }
    return {};
  }

  struct Items {
    std::uint64_t all = 0;
    std::uint64_t marked = 0;
  };
  /// The application writes on the new side: between the scan of the items and that of the vectors
  /// their number may have become another. Counted once, for all namespaces.
  Result<Items> ItemsNow(const std::string& ns) {
    if (!items_now_) {
      items_now_.emplace();
      REHOME_TRY(ForEachItem(context_, [&](const std::vector<Document>& batch) -> Status {
        for (const Document& item : batch) {
          Items& at_home = (*items_now_)[HomeOf(context_, item.view())];
          ++at_home.all;
          at_home.marked += IsMarked(item.view()) ? 1U : 0U;
        }
        return {};
      }));
    }
    return (*items_now_)[ns];
  }

  CheckContext& context_;
  FlowContext& flow_;
  CheckResult& result_;
  IndexInfo index_;  // of a delta
  std::uint64_t items_ = 0;
  std::uint64_t foreign_ = 0;
  std::map<std::string, std::uint64_t> items_at_;  // by namespace
  std::map<std::string, std::uint64_t> unmarked_by_application_;
  std::optional<std::map<std::string, Items>> items_now_;  // by namespace, once they were asked for
  std::uint64_t pending_ = 0;
  std::uint64_t by_application_ = 0;
  std::uint64_t unexplained_ = 0;
};

}  // namespace

Result<CheckResult> CheckCounts(CheckContext& context) {
  if (auto reason = NotDone(context.run, Phase::kItems)) {
    return Skip("counts", *std::move(reason));
  }
  CheckResult result;
  REHOME_TRY(Counting(context, result).Run());
  return result;
}

}  // namespace rehome
