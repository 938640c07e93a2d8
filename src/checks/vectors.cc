// Every vector at home says what its item says: its own values, the item's metadata, and the stamps
// of contract, text and values. One discrepancy per vector, the most telling one: an identity that
// is another item's comes before a text that is older, and that before a single field.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "checks/all.h"
#include "checks/findings.h"
#include "checks/walk.h"
#include "flow/text_fit.h"
#include "model/fields.h"

namespace rehome {
namespace {

constexpr double kNormTolerance = 1e-3;
constexpr double kCosineTolerance = 1e-3;
constexpr std::size_t kDoubtfulMax = 100;  // embedded again beside the sample

double Dot(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  }
  return sum;
}

std::string Shown(const Metadata& metadata, std::string_view key) {
  const auto found = metadata.find(key);
  return found == metadata.end() ? "nothing" : MetadataValueJson(found->second);
}

bool SameAt(const Metadata& a, const Metadata& b, std::string_view key) {
  const auto left = a.find(key);
  const auto right = b.find(key);
  return left == a.end() || right == b.end() ? left == a.end() && right == b.end()
                                             : left->second == right->second;
}

/// A vector to embed again: its text and what stands for it.
struct Sample {
  std::string id;
  Value source_id;
  std::string text;
  std::vector<float> values;
};

class VectorInspection {
 public:
  VectorInspection(CheckContext& context, CheckResult& result)
      : context_(context),
        flow_(context.flow),
        result_(result),
        random_(context.seed),
        samples_(context.flow.plan.verify.reembed, context.seed) {}

  Status Run() {
    if (context_.only) {
      REHOME_TRY(ForEachItemLookedAt(
          context_, [&](const std::vector<Document>& items) { return InspectItems(items); }));
    } else {
      for (const auto& [org_id, ns] : context_.run.namespaces) {
        listed_.try_emplace(ns, 0);
        REHOME_TRY(InspectNamespace(ns));
      }
      REHOME_TRY(NoteStatistics());
    }
    const std::size_t embedded = samples_.kept().size();
    REHOME_TRY(EmbedAgain());
    result_.found =
        fmt::format("{} vectors inspected, {} texts embedded again", inspected_, embedded);
    return {};
  }

 private:
  Status InspectNamespace(const std::string& ns) {
    REHOME_TRY_ASSIGN(const std::string part, PartName(ns));
    const auto clean = part.empty() ? std::nullopt : context_.progress->Find(part);
    const std::string through = clean ? clean->through : std::string();
    std::uint64_t count = clean ? clean->count : 0;
    if (clean) {
      REHOME_TRY(InspectChanged());
      inspected_ += count;
      result_.notes.push_back(fmt::format(
          "{} vectors of {} were found right by an attempt that was interrupted", count, ns));
    }
    const auto select = [&](std::vector<std::string>& ids) {
      std::erase_if(ids, [&](const std::string& id) { return !through.empty() && id <= through; });
      if (random_.Unit() >= context_.sample) {
        ids.clear();
      }
    };
    const auto inspect = [&](const Fetched& page) -> Status {
      if (page.ids.empty()) {
        return {};
      }
      const std::uint64_t before = inspected_;
      REHOME_TRY(InspectPage(ns, page));
      count += inspected_ - before;
      const bool all_right = result_.totals.empty();
      return part.empty() || !all_right
                 ? Status{}
                 : context_.progress->Note(part, {.through = page.ids.back(), .count = count});
    };
    return ForEachFetched(context_, ns, inspect, select);
  }

  /// The name of a namespace as it stands in the journal of this check's progress; empty: nothing is
  /// kept, since nobody can tell whether something was written meanwhile.
  Result<std::string> PartName(const std::string& ns) {
    if (context_.progress == nullptr || context_.sample < 1.0) {
      return std::string();
    }
    REHOME_TRY_ASSIGN(const auto lsn, flow_.stores.target_vectors->IndexedLsn(ns, context_.call));
    return lsn ? fmt::format("vectors {} {}", ns, *lsn) : std::string();
  }

  /// Items that were written since the interrupted attempt, once.
  Status InspectChanged() {
    if (std::exchange(changed_inspected_, true)) {
      return {};
    }
    const std::uint64_t inspected = inspected_;
    const std::span<const Value> changed = context_.progress->changed();
    for (std::size_t start = 0; start < changed.size(); start += kWalkBatchCount) {
      REHOME_TRY_ASSIGN(
          auto found, flow_.stores.target_documents->FindByIds(
                          flow_.plan.items.to,
                          changed.subspan(start, std::min(kWalkBatchCount, changed.size() - start)),
                          context_.call));
      std::vector<Document> items;
      for (auto& item : found) {
        if (item) {
          items.push_back(*std::move(item));
        }
      }
      REHOME_TRY(InspectItems(items));
    }
    inspected_ = inspected;
    return {};
  }

  Status InspectPage(const std::string& ns, const Fetched& page) {
    const auto& [ids, records] = page;
    listed_[ns] += ids.size();
    REHOME_TRY_ASSIGN(const ItemsById by_id, FindItems(context_, ids));
    std::vector<Suspect> findings;
    for (const std::string& id : ids) {
      if (!records.contains(id) && by_id.contains(id)) {  // else it went with its item
        findings.push_back({{DiscrepancyClass::kMissing, id, "",
                             fmt::format("listed in namespace {}, but it cannot be fetched", ns)},
                            {}});
      }
    }
    REHOME_TRY(Report(context_, std::move(findings), result_));
    std::vector<Document> items;
    for (const auto& [id, found] : by_id) {
      if (found.size() == 1 && HomeOf(context_, found.front().view()) == ns) {
        items.push_back(found.front());  // the others are the orphans' matter
      }
    }
    return Inspect(ns, records, items);
  }

  Status InspectItems(const std::vector<Document>& items) {
    std::map<std::string, std::vector<Document>> by_home;
    for (const Document& item : items) {
      if (std::string home = HomeOf(context_, item.view()); !home.empty()) {
        by_home[std::move(home)].push_back(item);
      }
    }
    for (const auto& [home, members] : by_home) {
      std::vector<std::string> ids;
      std::ranges::transform(members, std::back_inserter(ids), [&](const Document& item) {
        return ItemIdOf(flow_.plan, item.view());
      });
      REHOME_TRY_ASSIGN(const Records records, FetchPresent(context_, home, ids));
      REHOME_TRY(Inspect(home, records, members));
    }
    return {};
  }

  Status Inspect(const std::string& ns, const Records& records,
                 const std::vector<Document>& items) {
    REHOME_TRY_ASSIGN(const auto changed, ChangedAfterCutover(context_, items));
    std::vector<Suspect> findings;
    std::vector<const Document*> right;
    for (std::size_t i = 0; i < items.size(); ++i) {
      const auto found = records.find(ItemIdOf(flow_.plan, items[i].view()));
      if (found == records.end()) {
        continue;
      }
      ++inspected_;
      auto wrong = JudgeValues(found->second);
      if (!wrong) {
        wrong = JudgeMetadata(items[i], found->second);
        if (wrong && changed[i]) {
          wrong->discrepancy_class = DiscrepancyClass::kChangedAfterCutover;
        }
      }
      if (wrong) {
        findings.push_back({*std::move(wrong), Value(items[i].Id())});
      } else if (!changed[i]) {
        right.push_back(&items[i]);
      }
    }
    REHOME_TRY(JudgeOwnership(ns, records, right, findings));
    return Report(context_, std::move(findings), result_);
  }

  [[nodiscard]] std::optional<Discrepancy> JudgeValues(const VectorRecord& record) const {
    const auto wrong = [&](std::string_view field, std::string detail) {
      return Discrepancy{DiscrepancyClass::kDiffering, record.id, std::string(field),
                         std::move(detail)};
    };
    const auto dimension = static_cast<std::size_t>(flow_.stores.embedder->Dimension());
    if (record.values.size() != dimension) {
      return wrong("values",
                   fmt::format("{} values, the contract has {}", record.values.size(), dimension));
    }
    if (const auto bad =
            std::ranges::find_if(record.values, [](float value) { return !std::isfinite(value); });
        bad != record.values.end()) {
      return wrong("values", fmt::format("value {} is {}", bad - record.values.begin(), *bad));
    }
    const double norm = std::sqrt(Dot(record.values, record.values));
    if (norm == 0) {
      return wrong("values", "a zero vector");
    }
    if (flow_.stores.embedder->Normalised() && std::abs(norm - 1) > kNormTolerance) {
      return wrong("values", fmt::format("length {:.6f}, the embedder gives 1", norm));
    }
    if (record.sparse != SparseValues{}) {
      return wrong("sparse_values", "sparse values that nobody wrote");
    }
    return std::nullopt;
  }

  [[nodiscard]] std::optional<Discrepancy> JudgeMetadata(const Document& item,
                                                         const VectorRecord& record) const {
    const Metadata expected =
        flow_.mapper.VectorMetadata(item.view(), flow_.contract_hash, record.values);
    const auto at = [&](DiscrepancyClass of, std::string_view key) {
      return Discrepancy{
          of, record.id, std::string(key),
          fmt::format("expected {}, found {}", Shown(expected, key), Shown(record.metadata, key))};
    };
    if (!SameAt(expected, record.metadata, "item_id")) {
      return at(DiscrepancyClass::kDiffering, "item_id");
    }
    for (const std::string_view stamp : {kStampContract, kStampText}) {
      if (!SameAt(expected, record.metadata, stamp)) {
        return at(record.metadata.contains(stamp) ? DiscrepancyClass::kStale
                                                  : DiscrepancyClass::kDiffering,
                  stamp);
      }
    }
    for (const Metadata* side : {&expected, &record.metadata}) {
      for (const auto& [key, value] : *side) {
        if (!SameAt(expected, record.metadata, key)) {
          return at(DiscrepancyClass::kDiffering, key);
        }
      }
    }
    return std::nullopt;
  }

  static Discrepancy NotAsWritten(const std::string& id) {
    return {DiscrepancyClass::kDiffering, id, "values",
            "not as this run wrote it, though its stamps agree"};
  }

  /// Whoever changes a vector may stamp it anew: only the journal tells that it is not what was
  /// written. Such are embedded again, to tell what is wrong with them; of the others a sample is.
  /// After cutover they are the application's to change.
  Status JudgeOwnership(const std::string& ns, const Records& records,
                        const std::vector<const Document*>& items, std::vector<Suspect>& findings) {
    std::vector<Value> ids;
    if (!context_.run.IsCutOver()) {
      std::ranges::transform(items, std::back_inserter(ids), [&](const Document* item) {
        return Value::String(ItemIdOf(flow_.plan, item->view()));
      });
    }
    REHOME_TRY_ASSIGN(const auto histories,
                      flow_.ledger.Find({LedgerTarget::Store::kVectors, ns}, ids, context_.call));
    for (std::size_t i = 0; i < items.size(); ++i) {
      const VectorRecord& record = records.find(ItemIdOf(flow_.plan, items[i]->view()))->second;
      Sample sample{record.id, Value(items[i]->Id()), flow_.mapper.Text(items[i]->view()),
                    record.values};
      if (i >= histories.size() || Judge(histories[i], VectorDigest(record)) == Ownership::kOurs) {
        samples_.Offer(sample);
      } else if (doubtful_.size() < kDoubtfulMax) {
        doubtful_.push_back(std::move(sample));
      } else {
        findings.push_back({NotAsWritten(record.id), Value(items[i]->Id())});
      }
    }
    return {};
  }

  /// What the embedder says today for a few texts; a model that was swapped under one name shows
  /// here.
  Status EmbedAgain() {
    std::vector<Sample>& samples = samples_.kept();
    const std::size_t doubtful_from = samples.size();
    std::ranges::move(doubtful_, std::back_inserter(samples));
    if (samples.empty()) {
      return {};
    }
    std::vector<std::string> texts;
    const Stores& stores = flow_.stores;
    for (const Sample& sample : samples) {
      texts.push_back(
          FitText(*stores.embedder, flow_.plan.index.embedder.too_long, sample.text).text);
    }
    Embedder& fresh = stores.fresh_embedder ? *stores.fresh_embedder : *stores.embedder;
    REHOME_TRY_ASSIGN(const Embeddings again,
                      fresh.Embed(texts, TextRole::kPassage, context_.call));
    CHECK(again.vectors.size() == samples.size());
    std::vector<Suspect> findings;
    for (std::size_t i = 0; i < samples.size(); ++i) {
      const auto& now = again.vectors[i];
      const double norms = std::sqrt(Dot(now, now) * Dot(samples[i].values, samples[i].values));
      const double cosine = norms > 0 ? Dot(now, samples[i].values) / norms : 0;
      if (cosine < 1 - kCosineTolerance) {
        findings.push_back(
            {{DiscrepancyClass::kStale, samples[i].id, "values",
              fmt::format("its text embedded again has cosine {:.6f} to it", cosine)},
             samples[i].source_id});
      } else if (i >= doubtful_from) {
        findings.push_back({NotAsWritten(samples[i].id), samples[i].source_id});
      }
    }
    return Report(context_, std::move(findings), result_);
  }

  /// The service's statistics may lag; the listing is what counts.
  Status NoteStatistics() {
    if (context_.sample < 1.0) {
      return {};
    }
    REHOME_TRY_ASSIGN(const IndexInfo index, flow_.stores.target_vectors->Describe(context_.call));
    for (const auto& [ns, listed] : listed_) {
      const auto told = index.namespaces.find(ns);
      const std::uint64_t count = told == index.namespaces.end() ? 0 : told->second;
      if (count != listed) {
        result_.notes.push_back(
            fmt::format("statistics of namespace {} say {} vectors, {} were listed: they may lag",
                        ns, count, listed));
      }
    }
    return {};
  }

  CheckContext& context_;
  FlowContext& flow_;
  CheckResult& result_;
  Random random_;
  Reservoir<Sample> samples_;
  std::vector<Sample> doubtful_;
  std::uint64_t inspected_ = 0;
  bool changed_inspected_ = false;
  std::map<std::string, std::uint64_t> listed_;  // vectors by namespace
};

}  // namespace

Result<CheckResult> CheckVectors(CheckContext& context) {
  if (auto reason = NotDone(context.run, Phase::kVectors)) {
    return Skip("vectors", *std::move(reason));
  }
  CheckResult result;
  result.expected = "every vector of its item's text, metadata and contract";
  REHOME_TRY(VectorInspection(context, result).Run());
  return result;
}

}  // namespace rehome
