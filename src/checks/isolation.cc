// What a tenant asks is answered from its own namespace and with its own ids; a question without a
// namespace fails.
#include <fmt/format.h>

#include <set>

#include "checks/all.h"
#include "checks/findings.h"
#include "checks/probes.h"
#include "checks/walk.h"
#include "model/fields.h"

namespace rehome {
namespace {

constexpr std::size_t kProbesPerTenantMax = 5;
constexpr int kAnswersMax = 20;

/// Of what `ns` answered, the items that belong elsewhere, each once.
Status JudgeAnswers(const CheckContext& context, const std::string& ns,
                    const std::set<std::string>& answered, std::set<std::string>& named,
                    CheckResult& result) {
  const std::vector<std::string> ids(answered.begin(), answered.end());
  REHOME_TRY_ASSIGN(const ItemsById items, FindItems(context, ids));
  std::vector<Suspect> findings;
  for (const auto& [id, found] : items) {
    const Document& item = found.front();
    if (HomeOf(context, item.view()) != ns && named.insert(id).second) {
      findings.push_back({{DiscrepancyClass::kMisplaced, id, "",
                           fmt::format("namespace {} answers it, but it belongs to {}", ns,
                                       StringField(item.view(), "org_id"))},
                          Value(item.Id())});
    }
  }
  return Report(context, std::move(findings), result);
}

}  // namespace

Result<CheckResult> CheckIsolation(CheckContext& context) {
  if (auto reason = NotDone(context.run, Phase::kVectors)) {
    return Skip("isolation", *std::move(reason));
  }
  CheckResult result;
  VectorStore& vectors = *context.flow.stores.target_vectors;
  REHOME_TRY_ASSIGN(const auto texts, ProbeTexts(context, kProbesPerTenantMax));
  REHOME_TRY_ASSIGN(const auto probes,
                    EmbedProbes(*context.flow.stores.embedder, texts, context.call));
  std::set<std::string> named;
  std::uint64_t answers = 0;
  for (const auto& [org_id, ns] : context.run.namespaces) {
    std::set<std::string> answered;
    for (const std::vector<float>& probe : probes) {
      REHOME_TRY_ASSIGN(auto matches, vectors.Query(ns, probe, kAnswersMax, false, context.call));
      answers += matches.size();
      for (QueryMatch& match : matches) {
        answered.insert(std::move(match.id));
      }
    }
    REHOME_TRY(JudgeAnswers(context, ns, answered, named, result));
  }
  const std::vector<float> any(static_cast<std::size_t>(context.flow.stores.embedder->Dimension()),
                               1.0F);
  const auto unscoped = vectors.Query("", any, 1, false, context.call);
  if (unscoped || unscoped.error().code != ErrorCode::kInvalidArgument) {
    result.Add({DiscrepancyClass::kMisplaced, "", "namespace",
                "a query that names no namespace was not refused"});
  }
  result.expected = "answers of the tenant's own items only, no answer without a namespace";
  result.found = fmt::format("{} answers to {} probes in {} namespaces", answers, probes.size(),
                             context.run.namespaces.size());
  return result;
}

}  // namespace rehome
