// The index finds what is in it: sampled items by their own vectors, and the probes' nearest as an
// exact search over all vectors of the namespace finds them. A tie within 1e-6 counts as found.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <set>

#include "checks/all.h"
#include "checks/findings.h"
#include "checks/probes.h"
#include "checks/walk.h"
#include "model/fields.h"
#include "model/item.h"
#include "model/sort_key.h"

namespace rehome {
namespace {

constexpr double kTie = 1e-6;
constexpr std::size_t kItemsMax = 50;
constexpr std::size_t kProbesMax = 20;
constexpr int kTopKDefault = 5;
constexpr int kSelfAnswers = 10;

/// One probe in one namespace: what the index answered, and the exact scores of the nearest.
struct Question {
  std::vector<float> vector;
  std::vector<std::string> answers;
  std::vector<double> answer_scores;  // exact, of those of `answers` that are there
  std::vector<double> nearest;        // min-heap of the top_k exact scores

  [[nodiscard]] bool Answers(const VectorRecord& record) const {
    return std::ranges::find(answers, record.id) != answers.end();
  }
  /// A record, once: the answers, and what may be nearer.
  void See(const VectorRecord& record, bool is_answer, std::string_view metric, std::size_t top_k) {
    const double score = Similarity(metric, vector, record.values);
    if (is_answer) {
      answer_scores.push_back(score);
    }
    nearest.push_back(score);
    std::ranges::push_heap(nearest, std::greater{});
    if (nearest.size() > top_k) {
      std::ranges::pop_heap(nearest, std::greater{});
      nearest.pop_back();
    }
  }
  /// Share of the nearest that were answered; 1 where there is nothing to find.
  [[nodiscard]] double Recall() const {
    if (nearest.empty()) {
      return 1;
    }
    const double least = nearest.front() - kTie;
    const auto hits =
        std::ranges::count_if(answer_scores, [&](double score) { return score >= least; });
    return std::min(1.0, static_cast<double>(hits) / static_cast<double>(nearest.size()));
  }
};

class RetrievalTest {
 public:
  RetrievalTest(CheckContext& context, CheckResult& result)
      : context_(context),
        flow_(context.flow),
        vectors_(*context.flow.stores.target_vectors),
        result_(result) {}

  Status Run() {
    REHOME_TRY(FindItemsByThemselves());
    REHOME_TRY_ASSIGN(const auto texts, ProbeTexts(context_, kProbesMax));
    REHOME_TRY_ASSIGN(const auto probes, EmbedProbes(*flow_.stores.embedder, texts, context_.call));
    double lowest = 1;
    for (const auto& [org_id, ns] : context_.run.namespaces) {
      REHOME_TRY_ASSIGN(const double recall, RecallOf(org_id, ns, probes));
      lowest = std::min(lowest, recall);
    }
    result_.expected =
        fmt::format("every sampled item finds itself, recall of at least {:.3f} for each tenant",
                    flow_.plan.verify.recall_min);
    result_.found = fmt::format(
        "{} of {} items found themselves, lowest recall {:.3f} of {} tenants over {} probes",
        found_, asked_, lowest, context_.run.namespaces.size(), probes.size());
    return CompareWithLegacy(texts);
  }

 private:
  Result<double> RecallOf(const std::string& org_id, const std::string& ns,
                          const std::vector<std::vector<float>>& probes) {
    REHOME_TRY_ASSIGN(const auto questions, Ask(ns, probes));
    double sum = 0;
    for (const Question& question : questions) {
      sum += question.Recall();
    }
    const double recall = questions.empty() ? 1 : sum / static_cast<double>(questions.size());
    result_.notes.push_back(
        fmt::format("{}: recall {:.3f} over {} probes", org_id, recall, questions.size()));
    if (recall < flow_.plan.verify.recall_min) {
      result_.Add(
          {DiscrepancyClass::kDiffering, org_id, "recall",
           fmt::format("namespace {} answers {:.3f} of what an exact search finds, the plan "
                       "wants {:.3f}",
                       ns, recall, flow_.plan.verify.recall_min)});
    }
    return recall;
  }

  [[nodiscard]] int TopK() const {
    return flow_.plan.verify.probes ? flow_.plan.verify.probes->top_k : kTopKDefault;
  }

  /// Only vectors that can be asked for: what is wrong with the others, the vectors check names.
  [[nodiscard]] bool CanAsk(const VectorRecord& record) const {
    const bool finite =
        std::ranges::all_of(record.values, [](float value) { return std::isfinite(value); });
    const bool zero = std::ranges::all_of(record.values, [](float value) { return value == 0; });
    return finite && !zero &&
           record.values.size() == static_cast<std::size_t>(flow_.stores.embedder->Dimension());
  }

  Status FindItemsByThemselves() {
    Reservoir<Document> sample(kItemsMax, context_.seed);
    REHOME_TRY(ForEachItem(context_, [&](const std::vector<Document>& items) -> Status {
      for (const Document& item : items) {
        if (!HomeOf(context_, item.view()).empty()) {
          sample.Offer(item);
        }
      }
      return {};
    }));
    std::map<std::string, std::vector<std::string>> ids;  // by namespace
    for (const Document& item : sample.kept()) {
      ids[HomeOf(context_, item.view())].push_back(ItemIdOf(flow_.plan, item.view()));
    }
    std::map<std::string, Records> stored;
    for (const auto& [ns, of_ns] : ids) {
      REHOME_TRY_ASSIGN(stored[ns], FetchPresent(context_, ns, of_ns));
    }
    std::vector<Suspect> findings;
    for (const Document& item : sample.kept()) {
      const std::string id = ItemIdOf(flow_.plan, item.view());
      const std::string ns = HomeOf(context_, item.view());
      const auto record = stored[ns].find(id);
      if (record == stored[ns].end() || !CanAsk(record->second)) {
        continue;
      }
      ++asked_;
      REHOME_TRY_ASSIGN(const bool found, FindsItself(ns, record->second));
      found_ += found ? 1 : 0;
      if (!found) {
        findings.push_back(
            {{DiscrepancyClass::kMissing, id, "",
              fmt::format("a query of {} with its own vector does not answer it", ns)},
             Value(item.Id())});
      }
    }
    return Report(context_, std::move(findings), result_);
  }

  Result<bool> FindsItself(const std::string& ns, const VectorRecord& record) {
    REHOME_TRY_ASSIGN(const auto matches,
                      vectors_.Query(ns, record.values, kSelfAnswers, false, context_.call));
    if (matches.empty()) {
      return false;
    }
    const auto own = std::ranges::find(matches, record.id, &QueryMatch::id);
    if (own != matches.end()) {
      // An inner product may rank a longer vector before the very one.
      return flow_.plan.index.metric == "dotproduct" || own->score >= matches.front().score - kTie;
    }
    // Not among them: fine if all of them are as near as it is, itself.
    std::vector<std::string> last{matches.back().id};
    REHOME_TRY_ASSIGN(const Records fetched, FetchPresent(context_, ns, last));
    const double self = Similarity(flow_.plan.index.metric, record.values, record.values);
    return matches.size() >= kSelfAnswers && !fetched.empty() &&
           Similarity(flow_.plan.index.metric, record.values, fetched.begin()->second.values) >=
               self - kTie;
  }

  Result<std::vector<Question>> Ask(const std::string& ns,
                                    const std::vector<std::vector<float>>& probes) {
    std::vector<Question> questions;
    for (const std::vector<float>& probe : probes) {
      REHOME_TRY_ASSIGN(const auto matches,
                        vectors_.Query(ns, probe, TopK(), false, context_.call));
      Question question{.vector = probe, .answers = {}, .answer_scores = {}, .nearest = {}};
      question.answers.reserve(matches.size());
      question.answer_scores.reserve(matches.size());
      question.nearest.reserve(static_cast<std::size_t>(TopK()) + 1);
      std::ranges::transform(matches, std::back_inserter(question.answers), &QueryMatch::id);
      questions.push_back(std::move(question));
    }
    if (questions.empty()) {
      return questions;
    }
    REHOME_TRY(SeeAnswers(ns, questions));
    // Of a sample a recall is at most too high.
    Random random(context_.seed);
    const auto select = [&](std::vector<std::string>& ids) {
      if (random.Unit() >= context_.sample) {
        ids.clear();
      }
    };
    std::set<std::string> answered;
    for (const Question& question : questions) {
      answered.insert(question.answers.begin(), question.answers.end());
    }
    const auto see = [&](const Fetched& page) -> Status {
      for (const auto& [id, record] : page.records) {
        const bool answers = answered.contains(id);
        const bool can_ask = CanAsk(record);
        for (Question& question : questions) {
          if (can_ask && (!answers || !question.Answers(record))) {
            question.See(record, false, flow_.plan.index.metric, static_cast<std::size_t>(TopK()));
          }
        }
      }
      return {};
    };
    REHOME_TRY(ForEachFetched(context_, ns, see, select));
    return questions;
  }

  Status SeeAnswers(const std::string& ns, std::vector<Question>& questions) {
    for (Question& question : questions) {
      REHOME_TRY_ASSIGN(const Records records, FetchPresent(context_, ns, question.answers));
      for (const auto& [id, record] : records) {
        if (CanAsk(record)) {
          question.See(record, true, flow_.plan.index.metric, static_cast<std::size_t>(TopK()));
        }
      }
    }
    return {};
  }

  /// How much of what the legacy namespaces answer, the new ones answer too. Another model answers
  /// otherwise: a note.
  Status CompareWithLegacy(const std::vector<std::string>& texts) {
    if (context_.legacy_embedder == nullptr) {
      result_.notes.emplace_back(
          "no overlap with the legacy namespaces was measured: verify.legacy_embedder is not "
          "configured");
      return {};
    }
    if (context_.run.IsDone(Phase::kRetire)) {
      result_.notes.emplace_back(
          "no overlap with the legacy namespaces was measured: they are retired");
      return {};
    }
    REHOME_TRY_ASSIGN(const auto legacy,
                      EmbedProbes(*context_.legacy_embedder, texts, context_.call));
    REHOME_TRY_ASSIGN(const auto now, EmbedProbes(*flow_.stores.embedder, texts, context_.call));
    std::vector<std::set<std::string>> after;
    for (const std::vector<float>& probe : now) {
      REHOME_TRY_ASSIGN(after.emplace_back(), AnswersOfAll(probe));
    }
    for (const std::string& ns : flow_.plan.backup.namespaces) {
      std::vector<std::vector<std::string>> before;  // vector ids, by probe
      for (const std::vector<float>& probe : legacy) {
        REHOME_TRY_ASSIGN(const auto matches, flow_.stores.source_vectors->Query(
                                                  ns, probe, TopK(), false, context_.call));
        std::ranges::transform(matches, std::back_inserter(before.emplace_back()), &QueryMatch::id);
      }
      REHOME_TRY(NoteOverlap(ns, before, after));
    }
    return {};
  }

  struct Overlap {
    std::size_t answered = 0;  // by the legacy namespace, of this tenant's items
    std::size_t shared = 0;    // of those, by the tenant's own namespace too
  };

  /// Counted by item, since several legacy vectors may be of one, for the tenants whose they are.
  Status NoteOverlap(const std::string& ns, const std::vector<std::vector<std::string>>& before,
                     const std::vector<std::set<std::string>>& after) {
    std::vector<std::string> vector_ids;
    for (const auto& ids : before) {
      vector_ids.insert(vector_ids.end(), ids.begin(), ids.end());
    }
    REHOME_TRY_ASSIGN(const auto item_ids, ItemsBehind(vector_ids));
    REHOME_TRY_ASSIGN(const ItemsById items, FindItems(context_, item_ids));
    std::map<std::string, Overlap> by_tenant;
    std::size_t strays = 0;
    auto next = item_ids.begin();
    for (std::size_t probe = 0; probe < before.size(); ++probe) {
      const std::set<std::string> answered(next, next + std::ssize(before[probe]));
      strays += static_cast<std::size_t>(
          std::count_if(next, next + std::ssize(before[probe]),
                        [&](const std::string& id) { return !items.contains(id); }));
      next += std::ssize(before[probe]);
      for (const std::string& id : answered) {
        if (const auto item = items.find(id); item != items.end()) {
          Overlap& overlap = by_tenant[StringField(item->second.front().view(), "org_id")];
          ++overlap.answered;
          overlap.shared += after[probe].contains(id) ? 1U : 0U;
        }
      }
    }
    for (const auto& [org_id, overlap] : by_tenant) {
      result_.notes.push_back(fmt::format(
          "{}: {} of {} items that the legacy namespace {} answers are answered on the new side "
          "too",
          org_id, overlap.shared, overlap.answered, ns));
    }
    if (strays != 0) {
      result_.notes.push_back(fmt::format(
          "{} of {} answers of the legacy namespace {} lead to no item (verify.legacy_trail says "
          "how they do)",
          strays, vector_ids.size(), ns));
    }
    return {};
  }

  /// The item_id that each legacy vector leads to; empty: none.
  Result<std::vector<std::string>> ItemsBehind(const std::vector<std::string>& vector_ids) {
    std::vector<std::string> out(vector_ids.size());
    const std::string& pattern = flow_.plan.items.id;
    if (flow_.plan.verify.legacy_trail.empty()) {
      for (std::size_t i = 0; i < out.size(); ++i) {  // an ObjectId's text is a vector's whole id
        const std::size_t at = pattern.find("{_id}");
        out[i] = at == std::string::npos ? vector_ids[i]
                                         : std::string(pattern).replace(
                                               at, std::string_view("{_id}").size(), vector_ids[i]);
      }
      return out;
    }
    std::vector<std::optional<Value>> at;
    for (const std::string& id : vector_ids) {
      at.emplace_back(Value::String(id));
    }
    for (const VerifyPlan::TrailStep& step : flow_.plan.verify.legacy_trail) {
      REHOME_TRY(Follow(step, at));
    }
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i] = at[i] ? ItemId(pattern, at[i]->view()) : "";
    }
    return out;
  }

  Status Follow(const VerifyPlan::TrailStep& step, std::vector<std::optional<Value>>& at) {
    std::map<std::string, Value> wanted;  // by sort key: equal values are one
    for (const std::optional<Value>& value : at) {
      if (value) {
        wanted.emplace(SortKey(value->view()), *value);
      }
    }
    std::vector<Value> values;
    for (const auto& [key, value] : wanted) {
      values.push_back(value);
    }
    REHOME_TRY_ASSIGN(const auto documents,
                      flow_.stores.source_documents->FindByField(step.from, step.where.text, values,
                                                                 SIZE_MAX, context_.call));
    std::map<std::string, Value> found;
    for (const Document& document : documents) {
      const auto where = step.where.Find(document.view());
      const auto take = step.take.Find(document.view());
      if (where && take) {
        found.emplace(SortKey(*where), Value(*take));
      }
    }
    for (std::optional<Value>& value : at) {
      const auto next = value ? found.find(SortKey(value->view())) : found.end();
      value = next == found.end() ? std::nullopt : std::optional(next->second);
    }
    return {};
  }

  Result<std::set<std::string>> AnswersOfAll(const std::vector<float>& probe) {
    std::set<std::string> out;
    for (const auto& [org_id, ns] : context_.run.namespaces) {
      REHOME_TRY_ASSIGN(const auto matches,
                        vectors_.Query(ns, probe, TopK(), false, context_.call));
      for (const QueryMatch& match : matches) {
        out.insert(match.id);
      }
    }
    return out;
  }

  CheckContext& context_;
  FlowContext& flow_;
  VectorStore& vectors_;
  CheckResult& result_;
  std::uint64_t asked_ = 0;
  std::uint64_t found_ = 0;
};

}  // namespace

Result<CheckResult> CheckRetrieval(CheckContext& context) {
  if (auto reason = NotDone(context.run, Phase::kVectors)) {
    return Skip("retrieval", *std::move(reason));
  }
  CheckResult result;
  REHOME_TRY(RetrievalTest(context, result).Run());
  return result;
}

}  // namespace rehome
