#include "phases/forecast.h"

#include <algorithm>

#include "flow/item_writer.h"
#include "flow/text_fit.h"
#include "model/extended_json.h"
#include "model/item.h"
#include "phases/forecast_time.h"
#include "ports/scan.h"

namespace rehome {
namespace {

std::string Shown(ValueView value) {
  return ToExtendedJson(value, JsonMode::kRelaxed);
}

/// Takes the source's documents one by one and adds them up.
class Forecaster {
 public:
  Forecaster(const Plan& plan, const Mapper& mapper, const Deps& deps, const RunRecord* run)
      : plan_(plan), mapper_(mapper), deps_(deps), run_(run), loss_(plan.items) {}

  Status Scan(const Call& call) {
    DocumentStore& source = *deps_.stores.source_documents;
    REHOME_TRY_ASSIGN(const std::uint64_t total, source.Count(plan_.items.from, call));
    return ForEachBatch(source, plan_.items.from, {}, call,
                        [&](std::vector<Document> batch) -> Status {
                          for (const MappedRow& row : MapRows(mapper_, std::move(batch))) {
                            REHOME_TRY(Add(row, call));
                          }
                          deps_.events.Advanced({.phase = Phase::kItems,
                                                 .step = "forecast",
                                                 .done = out_.documents,
                                                 .total = total,
                                                 .quarantined = out_.quarantined});
                          return {};
                        });
  }

  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

  Forecast Finish() && {
    out_.loss = loss_.Entries();
    out_.cost_usd = static_cast<double>(out_.tokens) * deps_.stores.embedder->DollarsPerToken();
    for (const auto& [tenant, items] : tenants_) {
      out_.tenants.push_back(
          {tenant.org_id, tenant.profile_id, NamespaceFor(plan_, run_, tenant.org_id), items});
    }
    return std::move(out_);
  }

 private:
  Status Add(const MappedRow& row, const Call& call) {
    ++out_.documents;
    bytes_ += row.source.bytes().size();
    loss_.Add(row.source.view());
    NoteAmbiguity(row.source);
    if (const auto* item = std::get_if<Item>(&row.mapped)) {
      ++out_.items;
      ++tenants_[item->tenant];
      out_.digest.Add(row.item_digest);
      AddText(row.source, mapper_.Text(item->document.view()));
    } else {
      NoteQuarantined(row.source, std::get<Unmappable>(row.mapped));
    }
    return out_.samples.size() < Forecast::kSamplesMax ? AddSample(row.source, call) : Status();
  }

  void AddText(const Document& source, std::string text) {
    Embedder& embedder = *deps_.stores.embedder;
    const FittedText fitted = FitText(embedder, plan_.index.embedder.too_long, std::move(text));
    if (fitted.cut || !fitted.refusal.empty()) {
      ++(fitted.cut ? out_.texts_cut : out_.texts_refused);
      if (out_.unfit.size() < Forecast::kUnfitMax) {
        out_.unfit.push_back(
            {Shown(source.Id()), fitted.cut,
             fitted.cut ? "its text is longer than the model takes" : fitted.refusal});
      }
    }
    if (fitted.refusal.empty()) {
      ++out_.vectors;
      const bool cached = embedder.DollarsPerMillionTokens() > 0 &&
                          embedder.IsFree(fitted.text, TextRole::kPassage);
      (cached ? out_.tokens_cached : out_.tokens) += embedder.CountTokens(fitted.text);
    }
  }

  void NoteQuarantined(const Document& source, const Unmappable& why) {
    ++out_.quarantined;
    ++out_.reasons[why.reason];
    if (out_.quarantine.size() < Forecast::kQuarantinedMax) {
      out_.quarantine.push_back({Shown(source.Id()), why.reason, why.detail});
    }
  }

  void NoteAmbiguity(const Document& source) {
    if (plan_.tenants.assign.size() < 2) {
      return;
    }
    std::vector<std::size_t> rules = mapper_.MatchingRules(source.view());
    std::erase_if(rules, [this](std::size_t rule) {
      return std::holds_alternative<std::monostate>(plan_.tenants.assign[rule].when);
    });
    if (rules.size() < 2) {
      return;
    }
    ++out_.ambiguous;
    if (out_.ambiguities.size() < Forecast::kAmbiguitiesMax) {
      out_.ambiguities.push_back({Shown(source.Id()), std::move(rules)});
    }
  }

  Status AddSample(const Document& source, const Call& call) {
    Mapper::Trace trace;
    const Mapped mapped = mapper_.Map(source.view(), trace);
    Forecast::Sample sample;
    sample.id = Shown(source.Id());
    sample.tenant_rule = std::move(trace.tenant_rule);
    sample.fields = std::move(trace.fields);
    sample.source = ToExtendedJson(source.view(), JsonMode::kRelaxed);
    if (const auto* item = std::get_if<Item>(&mapped)) {
      sample.item = ToExtendedJson(item->document.view(), JsonMode::kRelaxed);
      sample.text = mapper_.Text(item->document.view());
      REHOME_TRY_ASSIGN(sample.metadata, MetadataOf(*item, sample.text, call));
    } else {
      const auto& why = std::get<Unmappable>(mapped);
      sample.refused = Forecast::Quarantined{sample.id, why.reason, why.detail};
    }
    out_.samples.push_back(std::move(sample));
    return {};
  }

  [[nodiscard]] Result<std::string> MetadataOf(const Item& item, const std::string& text,
                                               const Call& call) const {
    Embedder& embedder = *deps_.stores.embedder;
    const std::string contract = ContractHash(plan_, embedder);
    if (embedder.Provider() == "hashing") {
      REHOME_TRY_ASSIGN(const Embeddings embedded,
                        embedder.Embed({&text, 1}, TextRole::kPassage, call));
      return MetadataJson(
          mapper_.VectorMetadata(item.document.view(), contract, embedded.vectors.front()));
    }
    Metadata metadata = mapper_.VectorMetadata(item.document.view(), contract, {});
    metadata.erase(std::string(kStampValues));
    return MetadataJson(metadata);
  }

  const Plan& plan_;
  const Mapper& mapper_;
  const Deps& deps_;
  const RunRecord* run_;
  LossLedger loss_;
  std::map<TenantRef, std::uint64_t> tenants_;
  std::uint64_t bytes_ = 0;
  Forecast out_;
};

}  // namespace

double Forecast::seconds() const {
  double total = 0;
  for (const PhaseForecast& phase : phases) {
    total += phase.seconds;
  }
  return total;
}

Result<Forecast> MakeForecast(const Plan& plan, const Mapper& mapper, const Deps& deps,
                              const RunRecord* latest) {
  const RunRecord* run = RunToGoOn(plan, latest);
  const Call call{.stop = deps.stop};
  REHOME_TRY_ASSIGN(Pace pace, MeasurePace(plan, deps));
  Forecaster forecaster(plan, mapper, deps, run);
  const SteadyTime start = deps.clock.Steady();
  REHOME_TRY(forecaster.Scan(call));
  pace.scan_and_map = std::chrono::duration<double>(deps.clock.Steady() - start).count();
  pace.per_byte =
      forecaster.bytes() == 0 ? 0 : pace.scan_and_map / static_cast<double>(forecaster.bytes());
  Forecast out = std::move(forecaster).Finish();
  REHOME_TRY_ASSIGN(out.target, LookAtHoldings(plan, deps.stores, run, call));
  REHOME_TRY(PredictTimes(plan, deps, pace, out));
  return out;
}

}  // namespace rehome
