#include "phases/forecast_time.h"

#include <algorithm>

#include "phases/source_size.h"

namespace rehome {
namespace {

constexpr double kPrepareDocumentPasses = 4;
constexpr double kPrepareVectorPasses = 4;
constexpr double kTenantRoundTrips = 12;
constexpr double kItemPasses = 3;
constexpr double kItemBatch = 1000;
constexpr double kItemBatchRoundTrips = 4;
constexpr double kVectorBatch = 100;
constexpr double kVectorBatchRoundTrips = 6;
constexpr double kVerifyPasses = 3;
constexpr double kPauseRoundTrips = 40;
// Where a measurement would cost money: texts that a remote model embeds in a second.
constexpr double kAssumedTextsPerSecond = 50;
constexpr double kSecondsPerMinute = 60;
constexpr std::size_t kProbeTexts = 32;
constexpr std::string_view kEmbedsAtOnce = "hashing";  // embeds here and at once

double SecondsSince(Clock& clock, SteadyTime start) {
  return std::chrono::duration<double>(clock.Steady() - start).count();
}

double Batches(std::uint64_t count, double size) {
  return static_cast<double>(count) / size + 1;
}

Result<double> MeasureRoundTrip(const Plan& plan, const Deps& deps, const Call& call) {
  constexpr int kTries = 3;
  const SteadyTime start = deps.clock.Steady();
  for (int i = 0; i < kTries; ++i) {
    REHOME_TRY(deps.stores.target_documents->FindByIds(plan.items.to, {}, call));
    REHOME_TRY(deps.stores.target_vectors->Describe(call));
  }
  return SecondsSince(deps.clock, start) / (2 * kTries);
}

/// Seconds to read one vector of the first legacy namespace that has any.
Result<double> MeasureVectorRead(const Plan& plan, const Deps& deps, const Call& call) {
  for (const std::string& ns : plan.backup.namespaces) {
    const SteadyTime start = deps.clock.Steady();
    REHOME_TRY_ASSIGN(const IdPage page, deps.stores.source_vectors->ListIds(ns, {}, call));
    if (page.ids.empty()) {
      continue;
    }
    REHOME_TRY(deps.stores.source_vectors->Fetch(ns, page.ids, call));
    return SecondsSince(deps.clock, start) / static_cast<double>(page.ids.size());
  }
  return 0.0;
}

Result<double> MeasureEmbedding(const Deps& deps, const Call& call) {
  Embedder& embedder = *deps.stores.embedder;
  if (embedder.Provider() != kEmbedsAtOnce) {
    return 1 / kAssumedTextsPerSecond;
  }
  const std::vector<std::string> texts(
      kProbeTexts,
      "a text of about the length that an item of a portfolio has when it is rendered");
  const SteadyTime start = deps.clock.Steady();
  REHOME_TRY(embedder.Embed(texts, TextRole::kPassage, call));
  return SecondsSince(deps.clock, start) / kProbeTexts;
}

/// What the plan's limits allow at best; 0 is no limit.
double SecondsAtLimit(double amount, double per_second) {
  return per_second > 0 ? amount / per_second : 0;
}

Counts CountsOf(std::initializer_list<std::pair<const char*, std::uint64_t>> counts) {
  Counts out;
  for (const auto& [name, count] : counts) {
    out[name] = static_cast<std::int64_t>(count);
  }
  return out;
}

}  // namespace

Result<Pace> MeasurePace(const Plan& plan, const Deps& deps) {
  const Call call{.stop = deps.stop};
  Pace pace;
  REHOME_TRY_ASSIGN(pace.round_trip, MeasureRoundTrip(plan, deps, call));
  REHOME_TRY_ASSIGN(pace.per_vector_read, MeasureVectorRead(plan, deps, call));
  REHOME_TRY_ASSIGN(pace.per_embedding, MeasureEmbedding(deps, call));
  return pace;
}

double LeastSeconds(const Plan& plan, std::uint64_t documents) {
  const auto count = static_cast<double>(documents);
  const double assumed = plan.index.embedder.provider == kEmbedsAtOnce ? 0 : kAssumedTextsPerSecond;
  return SecondsAtLimit(count, plan.limits.documents_per_s) +
         std::max(SecondsAtLimit(count, assumed), SecondsAtLimit(count, plan.limits.vectors_per_s));
}

Status PredictTimes(const Plan& plan, const Deps& deps, const Pace& pace, Forecast& forecast) {
  REHOME_TRY_ASSIGN(const SourceSize size, EstimateSource(plan, deps.stores, {.stop = deps.stop}));
  const double items = static_cast<double>(forecast.items);
  const LimitsPlan& limits = plan.limits;
  const double prepare =
      kPrepareDocumentPasses * pace.per_byte * static_cast<double>(size.document_bytes) +
      kPrepareVectorPasses * pace.per_vector_read * static_cast<double>(size.vectors);
  const double write_items =
      kItemPasses * pace.scan_and_map +
      kItemBatchRoundTrips * pace.round_trip * Batches(forecast.documents, kItemBatch);
  const double embed = std::max({items * pace.per_embedding,
                                 SecondsAtLimit(static_cast<double>(forecast.tokens),
                                                limits.embed_tokens_per_min / kSecondsPerMinute),
                                 SecondsAtLimit(items, limits.vectors_per_s)});
  const double write_vectors =
      embed + items * pace.per_vector_read +
      kVectorBatchRoundTrips * pace.round_trip * Batches(forecast.items, kVectorBatch);
  forecast.write_pause_seconds = kPauseRoundTrips * pace.round_trip;
  const double verify = kVerifyPasses * pace.scan_and_map + items * pace.per_vector_read +
                        static_cast<double>(plan.verify.reembed) * pace.per_embedding;
  const auto& tenants = plan.tenants;
  forecast.phases = {{
      {Phase::kPrepare, prepare,
       CountsOf({{"documents", size.documents}, {"vectors", size.vectors}})},
      {Phase::kTenants, kTenantRoundTrips * pace.round_trip,
       CountsOf({{"organizations", tenants.organizations.size()},
                 {"profiles", tenants.profiles.size()}})},
      {Phase::kItems,
       std::max(write_items,
                SecondsAtLimit(static_cast<double>(forecast.documents), limits.documents_per_s)),
       CountsOf({{"documents", forecast.documents},
                 {"items", forecast.items},
                 {"quarantined", forecast.quarantined}})},
      {Phase::kVectors, write_vectors, CountsOf({{"vectors", forecast.vectors}})},
      {Phase::kCutover, 2 * verify + forecast.write_pause_seconds,
       CountsOf({{"pointers", plan.cutover.PointerCount()}})},
  }};
  for (const StampPlan& stamp : plan.stamps) {
    REHOME_TRY_ASSIGN(const std::uint64_t stamped,
                      deps.stores.source_documents->Count(stamp.collection, {.stop = deps.stop}));
    forecast.phases[2].counts["stamped " + stamp.collection] = static_cast<std::int64_t>(stamped);
  }
  return {};
}

}  // namespace rehome
