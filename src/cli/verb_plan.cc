#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <ostream>
#include <ranges>

#include "cli/console.h"
#include "cli/events.h"
#include "cli/exit_codes.h"
#include "cli/verbs.h"
#include "cli/wiring.h"
#include "phases/forecast.h"
#include "report/escape.h"
#include "report/table.h"

namespace rehome::cli {
namespace {

using Json = nlohmann::ordered_json;
constexpr auto kRight = TextTable::Align::kRight;
constexpr std::size_t kCellColumns = 60;
constexpr std::size_t kTenantsShown = 20;

double Rounded(double seconds) {
  constexpr double kThousand = 1000;
  return std::round(seconds * kThousand) / kThousand;
}

std::string Duration(double seconds) {
  constexpr double kMillisPerSecond = 1000;
  return FormatDuration(Millis(static_cast<std::int64_t>(std::ceil(seconds * kMillisPerSecond))));
}

std::string PhaseTitle(Phase phase) {
  return fmt::format("{} {}", Number(phase), Name(phase));
}

bool IsOverMax(const Forecast& forecast, const Plan& plan) {
  return forecast.quarantined + forecast.texts_refused > plan.items.quarantine_max;
}

// ---- JSON -------------------------------------------------------------------------------------

Json TenantsJson(const Forecast& forecast) {
  Json out = Json::array();
  for (const Forecast::Tenant& tenant : forecast.tenants) {
    out.push_back({{"org_id", tenant.org_id},
                   {"profile_id", tenant.profile_id},
                   {"namespace", tenant.ns},
                   {"items", tenant.items}});
  }
  return out;
}

Json LossJson(const Forecast& forecast) {
  Json out = Json::array();
  for (const LossLedger::Entry& entry : forecast.loss) {
    out.push_back({{"path", entry.path},
                   {"type", entry.type},
                   {"how", entry.how},
                   {"count", entry.count},
                   {"examples", entry.examples}});
  }
  return out;
}

Json SecondsJson(const Forecast& forecast) {
  Json out = Json::object();
  for (const Forecast::PhaseForecast& phase : forecast.phases) {
    out[std::string(Name(phase.phase))] = Rounded(phase.seconds);
  }
  out["total"] = Rounded(forecast.seconds());
  out["write_pause"] = Rounded(forecast.write_pause_seconds);
  return out;
}

Json PhasesJson(const Forecast& forecast) {
  Json out = Json::array();
  for (const Forecast::PhaseForecast& phase : forecast.phases) {
    out.push_back(
        {{"phase", Number(phase.phase)}, {"name", Name(phase.phase)}, {"counts", phase.counts}});
  }
  return out;
}

Json QuarantinedJson(const Forecast::Quarantined& one) {
  return {{"id", one.id}, {"reason", Name(one.reason)}, {"detail", one.detail}};
}

Json QuarantineJson(const Forecast& forecast, const Plan& plan) {
  Json reasons = Json::object();
  for (const auto& [reason, count] : forecast.reasons) {
    reasons[std::string(Name(reason))] = count;
  }
  Json examples = Json::array();
  for (const Forecast::Quarantined& one : forecast.quarantine) {
    examples.push_back(QuarantinedJson(one));
  }
  return {{"allowed", plan.items.quarantine_max},
          {"over_allowed", IsOverMax(forecast, plan)},
          {"reasons", std::move(reasons)},
          {"examples", std::move(examples)}};
}

Json SampleJson(const Forecast::Sample& sample) {
  Json fields = Json::array();
  for (const FieldTrace& trace : sample.fields) {
    fields.push_back({{"field", trace.field},
                      {"rule", trace.rule},
                      {"before", trace.before},
                      {"after", trace.after}});
  }
  Json out{{"id", sample.id}, {"tenant_rule", sample.tenant_rule}, {"fields", std::move(fields)}};
  out["source"] = sample.source;
  if (sample.refused) {
    out["quarantined"] = QuarantinedJson(*sample.refused);
    return out;
  }
  out["item"] = sample.item;
  out["text"] = sample.text;
  out["metadata"] = sample.metadata;
  return out;
}

Json SamplesJson(const Forecast& forecast) {
  Json out = Json::array();
  for (const Forecast::Sample& sample : forecast.samples) {
    out.push_back(SampleJson(sample));
  }
  return out;
}

Json AmbiguitiesJson(const Forecast& forecast) {
  Json examples = Json::array();
  for (const Forecast::Ambiguity& one : forecast.ambiguities) {
    examples.push_back({{"id", one.id}, {"rules", one.rules}});
  }
  return {{"documents", forecast.ambiguous}, {"examples", std::move(examples)}};
}

Json TargetJson(const TargetHoldings& target) {
  Json in_the_way = Json::array();
  for (const ForeignDocument& one : target.examples) {
    in_the_way.push_back({{"id", one.id}, {"why", one.why}});
  }
  return {{"ours", target.ours},
          {"other_organizations", target.others},
          {"in_the_way", target.in_the_way},
          {"examples", std::move(in_the_way)}};
}

std::string_view FateOf(const Forecast::Unfit& unfit) {
  return unfit.cut ? "only its beginning is embedded" : "quarantined in phase 3";
}

Json TextsJson(const Forecast& forecast) {
  Json list = Json::array();
  for (const Forecast::Unfit& unfit : forecast.unfit) {
    list.push_back({{"id", unfit.id}, {"becomes", FateOf(unfit)}, {"why", unfit.why}});
  }
  return {{"cut", forecast.texts_cut}, {"refused", forecast.texts_refused}, {"first", list}};
}

void PrintForecastJson(const Forecast& forecast, const Plan& plan, CliEnvironment& environment) {
  PrintJson({{"documents", forecast.documents},
             {"items", forecast.items},
             {"quarantined", forecast.quarantined},
             {"vectors", forecast.vectors},
             {"tenants", TenantsJson(forecast)},
             {"loss", LossJson(forecast)},
             {"digest", forecast.digest.ToString()},
             {"tokens", forecast.tokens},
             {"tokens_cached", forecast.tokens_cached},
             {"cost_usd", forecast.cost_usd},
             {"spend_max_usd", plan.limits.spend_max_usd},
             {"texts", TextsJson(forecast)},
             {"seconds", SecondsJson(forecast)},
             {"phases", PhasesJson(forecast)},
             {"quarantine", QuarantineJson(forecast, plan)},
             {"samples", SamplesJson(forecast)},
             {"ambiguities", AmbiguitiesJson(forecast)},
             {"target", TargetJson(forecast.target)}},
            environment);
}

// ---- Text -------------------------------------------------------------------------------------

std::string CountsInWords(const Counts& counts) {
  std::vector<std::string> parts;
  for (const auto& [name, count] : counts) {
    parts.push_back(fmt::format("{} {}", FormatCount(static_cast<std::uint64_t>(count)), name));
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

void PrintPhases(const Forecast& forecast, std::ostream& out) {
  TextTable table({{"phase"}, {"about", kRight}, {"what"}});
  for (const Forecast::PhaseForecast& phase : forecast.phases) {
    table.Add({PhaseTitle(phase.phase), Duration(phase.seconds), CountsInWords(phase.counts)});
  }
  out << table.Render()
      << fmt::format("  in all about {}, of which the application's writes pause for about {}\n",
                     Duration(forecast.seconds()), Duration(forecast.write_pause_seconds));
}

void PrintTenants(const Forecast& forecast, std::ostream& out) {
  TextTable table({{"organization"}, {"profile"}, {"namespace"}, {"items", kRight}});
  for (const Forecast::Tenant& tenant : forecast.tenants | std::views::take(kTenantsShown)) {
    table.Add({tenant.org_id, tenant.profile_id, tenant.ns, FormatCount(tenant.items)});
  }
  if (!table.empty()) {
    out << "\nTenants\n" << table.Render();
  }
  if (forecast.tenants.size() > kTenantsShown) {
    out << fmt::format("  … {} in all; --json has them\n", FormatCount(forecast.tenants.size()));
  }
}

void PrintSamples(const Forecast& forecast, std::ostream& out) {
  for (const Forecast::Sample& sample : forecast.samples) {
    out << "\nDocument _id " << Escape(sample.id) << "  (" << Escape(sample.tenant_rule) << ")\n";
    TextTable table({{"field"}, {"before"}, {"after"}, {"rule"}});
    for (const FieldTrace& trace : sample.fields) {
      table.Add({trace.field, CutToWidth(trace.before, kCellColumns),
                 CutToWidth(trace.after, kCellColumns), trace.rule});
    }
    out << table.Render();
    if (sample.refused) {
      out << "  quarantined: " << Name(sample.refused->reason) << ", "
          << Escape(sample.refused->detail) << "\n";
    } else {
      out << "  text: " << Escape(sample.text) << "\n  metadata: " << Escape(sample.metadata)
          << "\n";
    }
  }
}

void PrintQuarantine(const Forecast& forecast, const Plan& plan, std::ostream& out) {
  if (forecast.quarantined == 0) {
    return;
  }
  out << fmt::format("\nQuarantine: {} of at most {}\n", FormatCount(forecast.quarantined),
                     FormatCount(plan.items.quarantine_max));
  for (const auto& [reason, count] : forecast.reasons) {
    out << "  " << FormatCount(count) << " " << Name(reason) << "\n";
  }
  TextTable table({{"_id"}, {"reason"}, {"detail"}});
  for (const Forecast::Quarantined& one : forecast.quarantine) {
    table.Add({one.id, std::string(Name(one.reason)), one.detail});
  }
  out << table.Render();
}

void PrintLoss(const Forecast& forecast, std::ostream& out) {
  if (forecast.loss.empty()) {
    out << "\nEvery source field is carried.\n";
    return;
  }
  TextTable table(
      {{"field"}, {"type"}, {"what becomes of it"}, {"documents", kRight}, {"example"}});
  for (const LossLedger::Entry& entry : forecast.loss) {
    table.Add({entry.path, entry.type, entry.how, FormatCount(entry.count),
               entry.examples.empty() ? "" : CutToWidth(entry.examples.front(), kCellColumns)});
  }
  out << "\nWhat the mapping does not carry as it is\n" << table.Render();
}

void PrintAmbiguities(const Forecast& forecast, std::ostream& out) {
  if (forecast.ambiguous == 0) {
    return;
  }
  out << fmt::format("\n{} documents match several rules of tenants.assign; the first wins\n",
                     FormatCount(forecast.ambiguous));
  for (const Forecast::Ambiguity& one : forecast.ambiguities) {
    out << fmt::format("  {}: rules {}\n", Escape(one.id), fmt::join(one.rules, ", "));
  }
}

void PrintTarget(const Forecast& forecast, const Plan& plan, std::ostream& out) {
  const TargetHoldings& target = forecast.target;
  if (target.ours + target.others + target.in_the_way == 0) {
    return;
  }
  out << fmt::format("\n{} holds {} items of this run and {} of other organizations, which stay\n",
                     Escape(plan.items.to), FormatCount(target.ours), FormatCount(target.others));
  for (const ForeignDocument& one : target.examples) {
    out << "  in the way: " << Escape(one.id) << ": " << Escape(one.why) << "\n";
  }
}

std::string WhatComesNext(const Forecast& forecast, const Plan& plan) {
  if (forecast.documents == 0) {
    return "There is nothing to move: rehome load --from DIR loads an export.\n";
  }
  if (IsOverMax(forecast, plan)) {
    return fmt::format(
        "{} documents would be quarantined and the plan allows {}: the run would stop before "
        "cutover with exit 6.\n"
        "Next: mend the plan's mapping or those documents, or raise items.quarantine_max; then "
        "rehome plan again.\n",
        FormatCount(forecast.quarantined + forecast.texts_refused),
        FormatCount(plan.items.quarantine_max));
  }
  if (forecast.target.in_the_way > 0) {
    return "Next: rehome check says what to do about the documents in the way.\n";
  }
  return "Next: rehome check, then rehome run.\n";
}

void PrintEmbedding(const Forecast& forecast, const Plan& plan, std::ostream& out) {
  out << fmt::format("\nEmbedding: at most {} tokens, {:.4f} USD", FormatCount(forecast.tokens),
                     forecast.cost_usd);
  if (forecast.tokens_cached > 0) {
    out << fmt::format("; {} tokens more are in the cache and cost nothing",
                       FormatCount(forecast.tokens_cached));
  }
  out << '\n';
  if (const double limit = plan.limits.spend_max_usd; limit > 0) {
    out << fmt::format("  limits.spend_max_usd is {:.4f}{}\n", limit,
                       forecast.cost_usd > limit
                           ? ": the run may stop there, resumably, before it has embedded all"
                           : "");
  }
  for (const Forecast::Unfit& unfit : forecast.unfit) {
    out << fmt::format("  {}: {}: {}\n", Escape(unfit.id), Escape(unfit.why), FateOf(unfit));
  }
  const std::uint64_t unfit = forecast.texts_cut + forecast.texts_refused;
  if (unfit > forecast.unfit.size()) {
    out << fmt::format("  and {} more\n", FormatCount(unfit - forecast.unfit.size()));
  }
}

void PrintForecast(const Forecast& forecast, const Plan& plan, std::ostream& out) {
  out << fmt::format("{} documents of {} would become {} items of {} and {} vectors\n\n",
                     FormatCount(forecast.documents), Escape(plan.items.from),
                     FormatCount(forecast.items), Escape(plan.items.to),
                     FormatCount(forecast.vectors));
  PrintPhases(forecast, out);
  PrintTenants(forecast, out);
  PrintSamples(forecast, out);
  PrintQuarantine(forecast, plan, out);
  PrintAmbiguities(forecast, out);
  PrintLoss(forecast, out);
  PrintTarget(forecast, plan, out);
  PrintEmbedding(forecast, plan, out);
  out << "Digest that the run must land on: " << forecast.digest.ToString()
      << "\nNothing was written.\n"
      << WhatComesNext(forecast, plan);
}

Result<int> ShowPlan(const Plan& plan, const PlanOptions& options, CliEnvironment& environment) {
  REHOME_TRY_ASSIGN(const auto events, OpenEvents(plan, false, environment));
  REHOME_TRY_ASSIGN(const Deps deps, Wire(plan, Access::kReadOnly, *events, environment));
  REHOME_TRY_ASSIGN(const CompiledPlan compiled, CompiledPlan::Compile(plan));
  REHOME_TRY_ASSIGN(const auto run, LatestRun(*deps.stores.target_documents, plan.name,
                                              {.stop = environment.stop}));
  REHOME_TRY_ASSIGN(const Forecast forecast,
                    MakeForecast(*compiled.plan, compiled.mapper, deps, run ? &*run : nullptr));
  if (options.common.json) {
    PrintForecastJson(forecast, plan, environment);
  } else {
    PrintForecast(forecast, plan, environment.out);
  }
  return kExitDone;
}

}  // namespace

int RunVerb(const PlanOptions& options, CliEnvironment& environment) {
  return WithPlan(options.common, environment,
                  [&](const Plan& plan) { return ShowPlan(plan, options, environment); });
}

}  // namespace rehome::cli
