#include <fmt/format.h>

#include <array>

#include "base/crypto.h"
#include "plan/sections.h"

namespace rehome {
namespace {

VerifyPlan::Probes ReadProbes(PlanReader& reader, const PlanNode& node) {
  VerifyPlan::Probes probes;
  MapReader map(reader, node, keys::kProbes);
  map.Collection("from", probes.from);
  map.Path("field", probes.field);
  map.Whole("top_k", probes.top_k, 1, 10'000);
  return probes;
}

VerifyPlan::Proposals ReadProposals(PlanReader& reader, const PlanNode& node) {
  VerifyPlan::Proposals proposals;
  MapReader map(reader, node, keys::kProposals);
  map.Choice("generator", {"template", "chat"}, proposals.generator);
  map.Text("url", proposals.url);
  map.Text("model", proposals.model);
  map.Key("api_key", proposals.api_key);
  if (proposals.generator == "chat" && (proposals.url.empty() || proposals.model.empty())) {
    reader.ProblemAt(node, "proposals", "needs url and model with the generator chat");
  }
  return proposals;
}

VerifyPlan::TrailStep ReadTrailStep(PlanReader& reader, const PlanNode& node) {
  VerifyPlan::TrailStep step;
  MapReader map(reader, node, keys::kTrailStep);
  map.Collection("from", step.from);
  map.Path("where", step.where);
  map.Path("take", step.take);
  return step;
}

}  // namespace

void ReadVerify(PlanReader& reader, const PlanNode& node, VerifyPlan& verify) {
  MapReader map(reader, node, keys::kVerify);
  if (const PlanNode* probes = map.Find("probes")) {
    verify.probes = ReadProbes(reader, *probes);
  }
  map.Number("recall_min", verify.recall_min, 0, 1);
  map.Whole("reembed", verify.reembed, 0, 1'000'000);
  if (const PlanNode* proposals = map.Find("proposals")) {
    verify.proposals = ReadProposals(reader, *proposals);
  }
  if (const PlanNode* legacy = map.Find("legacy_embedder")) {
    ReadEmbedder(reader, *legacy, verify.legacy_embedder.emplace());
  }
  const PlanNode* trail = map.Find("legacy_trail");
  if (trail != nullptr && reader.Is(*trail, "legacy_trail", PlanNode::Kind::kList)) {
    for (const PlanNode& step : trail->list) {
      verify.legacy_trail.push_back(ReadTrailStep(reader, step));
    }
  }
  map.Key("signing_key", verify.signing_key);
  const auto signing = SigningKey::Parse(verify.signing_key);
  if (!verify.signing_key.empty() && !signing) {
    reader.ProblemAt(
        node, "signing_key",
        fmt::format("is wrong: {}; {}", signing.error().message, signing.error().hint));
  }
}

void ReadLimits(PlanReader& reader, const PlanNode& node, LimitsPlan& limits) {
  MapReader map(reader, node, keys::kLimits);
  const PlanNode* workers = map.Find("workers");
  if (workers != nullptr && (!workers->IsScalar() || workers->text != "auto")) {
    map.Whole("workers", limits.workers, 1, 256);
  }
  map.Number("documents_per_s", limits.documents_per_s);
  map.Number("vectors_per_s", limits.vectors_per_s);
  map.Number("embed_tokens_per_min", limits.embed_tokens_per_min);
  map.Whole("embed_in_flight", limits.embed_in_flight, 1, 1'000'000);
  map.Number("spend_max_usd", limits.spend_max_usd);
  map.Choice("pinecone_tier", {"starter", "builder", "standard", "enterprise"},
             limits.pinecone_tier);
}

}  // namespace rehome
