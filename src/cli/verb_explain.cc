#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>
#include <ostream>

#include "cli/attention.h"
#include "cli/console.h"
#include "cli/events.h"
#include "cli/exit_codes.h"
#include "cli/explanation.h"
#include "cli/session_verb.h"
#include "cli/tenant_explanation.h"
#include "cli/verbs.h"
#include "model/extended_json.h"
#include "model/item.h"
#include "report/escape.h"
#include "report/table.h"

namespace rehome::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kComponentsShown = 8;
constexpr std::size_t kColumnsMax = 60;  // of a value in a table; --json has it whole

std::string Text(DocumentView document) {
  return ToExtendedJson(document, JsonMode::kRelaxed);
}

double Norm(const std::vector<float>& values) {
  return std::sqrt(std::accumulate(values.begin(), values.end(), 0.0, [](double sum, float value) {
    return sum + static_cast<double>(value) * static_cast<double>(value);
  }));
}

std::vector<float> FirstOf(const std::vector<float>& values) {
  return {values.begin(),
          values.begin() + static_cast<std::ptrdiff_t>(std::min(values.size(), kComponentsShown))};
}

const Unmappable* Refused(const Explanation& way) {
  return way.mapped ? std::get_if<Unmappable>(&*way.mapped) : nullptr;
}

Json DocumentJson(const std::optional<Document>& document) {
  return document ? Json::parse(Text(document->view())) : Json();
}

Json VectorJsonOf(const Explanation& way) {
  if (!way.vector) {
    return {};
  }
  return {{"namespace", way.ns},
          {"owner", Name(*way.vector_owner)},
          {"dimension", way.vector->values.size()},
          {"first", FirstOf(way.vector->values)},
          {"norm", Norm(way.vector->values)},
          {"digest", VectorDigest(*way.vector).Hex()},
          {"metadata", Json::parse(MetadataJson(way.vector->metadata))}};
}

Json ToJson(const std::vector<DatumFinding>& findings) {
  Json out = Json::array();
  for (const DatumFinding& finding : findings) {
    out.push_back(
        {{"check", finding.check}, {"passed", finding.passed}, {"detail", finding.detail}});
  }
  return out;
}

Json ToJson(const TenantExplanation& tenant) {
  return {{tenant.kind, tenant.id},
          {"collection", tenant.collection},
          {"org_id", tenant.org_id},
          {"planned", Json::parse(Text(tenant.planned.view()))},
          {"stored", DocumentJson(tenant.stored)},
          {"owner", tenant.owner ? Json(Name(*tenant.owner)) : Json()},
          {"namespace", tenant.ns},
          {"vectors", tenant.vectors ? Json(*tenant.vectors) : Json()},
          {"checks", ToJson(tenant.findings)}};
}

Json ToJson(const Explanation& way) {
  Json fields = Json::array();
  for (const FieldTrace& field : way.trace.fields) {
    fields.push_back({{"field", field.field},
                      {"rule", field.rule},
                      {"before", field.before},
                      {"after", field.after}});
  }
  Json out{{"source_id", ToExtendedJson(way.source_id.view(), JsonMode::kRelaxed)},
           {"item_id", way.item_id.empty() ? Json() : Json(way.item_id)}};
  out["source"] = DocumentJson(way.source);
  out["tenant_rule"] = way.trace.tenant_rule;
  out["fields"] = std::move(fields);
  out["refused"] = Refused(way) != nullptr ? Json{{"reason", Name(Refused(way)->reason)},
                                                  {"detail", Refused(way)->detail}}
                                           : Json();
  out["item"] = DocumentJson(way.item);
  out["item_owner"] = way.item_owner ? Json(Name(*way.item_owner)) : Json();
  out["item_digest"] = way.item ? Json(DocumentDigest(way.item->view()).Hex()) : Json();
  out["text"] = way.text;
  out["namespace"] = way.ns;
  out["vector"] = VectorJsonOf(way);
  out["quarantine"] = way.quarantined ? Json{{"reason", Name(way.quarantined->reason)},
                                             {"detail", way.quarantined->detail}}
                                      : Json();
  out["checks"] = ToJson(way.findings);
  return out;
}

void PrintMapping(const Explanation& way, std::ostream& out) {
  if (!way.source) {
    out << "source: gone\n";
    return;
  }
  out << "source: " << Escape(Text(way.source->view())) << "\n";
  out << "tenant: "
      << (way.trace.tenant_rule.empty() ? "no rule matched" : Escape(way.trace.tenant_rule));
  if (way.matching_rules.size() > 1) {
    out << fmt::format(" (the first of {} rules that match)", way.matching_rules.size());
  }
  out << "\n";
  TextTable fields({{"field"}, {"rule"}, {"before"}, {"after"}});
  for (const FieldTrace& field : way.trace.fields) {
    fields.Add({field.field, field.rule, CutToWidth(field.before, kColumnsMax),
                CutToWidth(field.after, kColumnsMax)});
  }
  if (!fields.empty()) {
    out << "fields:\n" << fields.Render();
  }
  if (const Unmappable* refused = Refused(way)) {
    out << fmt::format("does not map: {}: {}\n", Name(refused->reason), Escape(refused->detail));
  }
}

void PrintVector(const Explanation& way, std::ostream& out) {
  if (!way.text.empty()) {
    out << "text: " << Escape(way.text) << "\n";
  }
  if (!way.vector) {
    out << fmt::format("vector: none{}\n", way.ns.empty() ? "" : " in " + Escape(way.ns));
    return;
  }
  std::string first;
  for (const float value : FirstOf(way.vector->values)) {
    first += fmt::format("{}{:.4f}", first.empty() ? "" : ", ", value);
  }
  out << fmt::format(
      "vector: in {}, {}, {} components, norm {:.6f}, digest {}\n  values: {}{}\n  metadata: {}\n",
      Escape(way.ns), Name(*way.vector_owner), way.vector->values.size(), Norm(way.vector->values),
      VectorDigest(*way.vector).Hex(), first,
      way.vector->values.size() > kComponentsShown ? ", …" : "",
      Escape(MetadataJson(way.vector->metadata)));
}

void PrintFindings(const std::vector<DatumFinding>& findings, bool ran, std::ostream& out) {
  TextTable checks({{"check"}, {"says"}, {"why"}});
  for (const DatumFinding& finding : findings) {
    checks.Add({finding.check, finding.passed ? "passes" : "FAILS", finding.detail});
  }
  if (checks.empty()) {
    out << (ran ? "checks: none applies\n" : "checks: none yet, the plan never ran\n");
  } else {
    out << "checks:\n" << checks.Render();
  }
}

void PrintText(const Explanation& way, bool ran, std::ostream& out) {
  out << fmt::format("{} → {}\n", Escape(ToExtendedJson(way.source_id.view(), JsonMode::kRelaxed)),
                     way.item_id.empty() ? "no item" : Escape(way.item_id));
  PrintMapping(way, out);
  if (way.item) {
    out << fmt::format("item: {}, digest {}\n  {}\n", Name(*way.item_owner),
                       DocumentDigest(way.item->view()).Hex(), Escape(Text(way.item->view())));
  } else {
    out << "item: none\n";
  }
  PrintVector(way, out);
  if (way.quarantined) {
    out << fmt::format("quarantine: {}: {}\n", Name(way.quarantined->reason),
                       Escape(way.quarantined->detail));
  }
  PrintFindings(way.findings, ran, out);
}

void PrintText(const TenantExplanation& tenant, bool ran, std::ostream& out) {
  out << fmt::format("{} {} of the plan, in {}\n", tenant.kind, Escape(tenant.id),
                     Escape(tenant.collection));
  out << "planned: " << Escape(Text(tenant.planned.view())) << "\n";
  if (tenant.stored) {
    out << fmt::format("stored: {}, {}\n", Name(*tenant.owner),
                       Escape(Text(tenant.stored->view())));
  } else {
    out << "stored: not there\n";
  }
  out << fmt::format("namespace: {}{}\n", Escape(tenant.ns),
                     tenant.vectors ? fmt::format(", {} vectors", *tenant.vectors) : "");
  PrintFindings(tenant.findings, ran, out);
}

Result<int> ExplainOne(const Plan& plan, const ExplainOptions& options,
                       CliEnvironment& environment) {
  REHOME_TRY_ASSIGN(const auto events, OpenEvents(plan, false, environment));
  REHOME_TRY_ASSIGN(const Deps deps, WireOfRun(plan, Access::kReadOnly, *events, environment));
  REHOME_TRY_ASSIGN(const ReadSession read, ReadSession::Open(plan, PlanRule::kUseJournaled, deps));
  if (!read.plan_difference.empty()) {
    events->Warn(
        fmt::format("the plan file differs from the run's plan, by which this is explained:{}",
                    read.plan_difference));
  }
  if (read.run) {
    REHOME_TRY_ASSIGN(const auto holder, Lease::Inspect(*deps.stores.target_documents, plan.name,
                                                        {.stop = environment.stop}));
    ShoutAtFence(*read.run, holder, environment);
  }
  const auto print = [&](const auto& found) {
    if (options.common.json) {
      PrintJson(ToJson(found), environment);
    } else {
      PrintText(found, read.run.has_value(), environment.out);
    }
    return kExitDone;
  };
  REHOME_TRY_ASSIGN(const auto tenant, ExplainTenant(read, deps, options.id));
  if (tenant) {
    return print(*tenant);
  }
  REHOME_TRY_ASSIGN(const Explanation way, Explain(read, deps, options.id));
  return print(way);
}

}  // namespace

int RunVerb(const ExplainOptions& options, CliEnvironment& environment) {
  return WithPlan(options.common, environment,
                  [&](const Plan& plan) { return ExplainOne(plan, options, environment); });
}

}  // namespace rehome::cli
