// What the vectors are for: a proposal is written from what a probe retrieves in each tenant's
// namespace, and cites it.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "checks/all.h"
#include "checks/findings.h"
#include "checks/probes.h"
#include "checks/walk.h"
#include "mapping/text.h"
#include "model/fields.h"

namespace rehome {
namespace {

/// What a text about this item may quote: its metadata's texts, ids of tenants and of itself left
/// out.
std::vector<std::string> Citations(const Plan& plan, const Document& item) {
  std::vector<std::string> out;
  for (const std::string& field : plan.index.metadata) {
    const auto value = field == "org_id" || field == "profile_id" || field == "item_id"
                           ? std::nullopt
                           : item.Find(field);
    if (std::string text = value ? AsText(*value) : ""; !text.empty()) {
      out.push_back(std::move(text));
    }
  }
  return out;
}

/// The template generator: the same retrieval gives the same text.
std::string Compose(const Mapper& mapper, const Plan& plan, const std::string& probe,
                    const std::vector<Document>& items) {
  std::string out = fmt::format("You are looking for: {}\n\nRelevant work of ours:\n", Trim(probe));
  for (const Document& item : items) {
    const std::string text = mapper.Text(item.view());
    out += fmt::format("- {}", text);
    for (const std::string& citation : Citations(plan, item)) {
      if (!text.contains(citation)) {
        out += fmt::format(" {}", citation);
      }
    }
    out += '\n';
  }
  return out;
}

Result<std::vector<Document>> Retrieve(const CheckContext& context, const std::string& ns,
                                       const std::vector<float>& probe) {
  const FlowContext& flow = context.flow;
  REHOME_TRY_ASSIGN(const auto matches,
                    flow.stores.target_vectors->Query(ns, probe, flow.plan.verify.probes->top_k,
                                                      false, context.call));
  std::vector<std::string> ids;
  std::ranges::transform(matches, std::back_inserter(ids), &QueryMatch::id);
  REHOME_TRY_ASSIGN(const ItemsById found, FindItems(context, ids));
  std::vector<Document> out;
  for (const std::string& id : ids) {
    if (const auto item = found.find(id); item != found.end()) {
      out.push_back(item->second.front());
    }
  }
  return out;
}

Result<std::string> Generate(const CheckContext& context, const std::string& probe,
                             const std::vector<Document>& items) {
  const Plan& plan = context.flow.plan;
  std::string composed = Compose(context.flow.mapper, plan, probe, items);
  if (plan.verify.proposals->generator == "template") {
    return composed;
  }
  return context.chat->Complete(
      "Write a short proposal for the job below. Name the relevant work exactly as it is listed.",
      composed, context.call);
}

/// The item_ids of those of `items` that the text quotes.
std::vector<std::string> Cited(const Plan& plan, const std::string& text,
                               const std::vector<Document>& items) {
  std::vector<std::string> out;
  for (const Document& item : items) {
    const auto citations = Citations(plan, item);
    const bool cited = std::ranges::any_of(
        citations, [&](const std::string& citation) { return text.contains(citation); });
    if (cited) {
      out.push_back(StringField(item.view(), "item_id"));
    }
  }
  return out;
}

}  // namespace

Result<CheckResult> CheckProposals(CheckContext& context) {
  const VerifyPlan& verify = context.flow.plan.verify;
  if (auto reason = NotDone(context.run, Phase::kVectors)) {
    return Skip("proposals", *std::move(reason));
  }
  if (!verify.proposals || !verify.probes) {
    return Skip("proposals", fmt::format("the plan has no verify.{}",
                                         verify.proposals ? "probes" : "proposals"));
  }
  if (verify.proposals->generator != "template" && context.chat == nullptr) {
    return Skip("proposals", "no chat endpoint is configured");
  }
  CheckResult result;
  REHOME_TRY_ASSIGN(const auto texts, ProbeTexts(context, 1));
  REHOME_TRY_ASSIGN(const auto probes,
                    EmbedProbes(*context.flow.stores.embedder, texts, context.call));
  if (probes.empty()) {
    return Skip("proposals", "there is neither a probe nor an item to ask for");
  }
  std::size_t written = 0;
  for (const auto& [org_id, ns] : context.run.namespaces) {
    REHOME_TRY_ASSIGN(const auto items, Retrieve(context, ns, probes.front()));
    if (items.empty()) {
      result.notes.push_back(
          fmt::format("{} answers nothing: no proposal was written for {}", ns, org_id));
      continue;
    }
    REHOME_TRY_ASSIGN(const std::string text, Generate(context, texts.front(), items));
    const std::vector<std::string> cited = Cited(context.flow.plan, text, items);
    if (cited.empty()) {
      result.Add({DiscrepancyClass::kMissing, org_id, "",
                  "the proposal cites nothing of what was retrieved"});
    }
    ++written;
    result.notes.push_back(
        fmt::format("proposal for {}, citing {}:\n{}", org_id,
                    cited.empty() ? "nothing" : fmt::format("{}", fmt::join(cited, ", ")), text));
  }
  result.expected = "a proposal per tenant that cites what was retrieved";
  result.found = fmt::format("{} proposals", written);
  return result;
}

}  // namespace rehome
