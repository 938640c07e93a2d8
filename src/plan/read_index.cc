#include <fmt/format.h>

#include "plan/sections.h"

namespace rehome {

void ReadEmbedder(PlanReader& reader, const PlanNode& node, EmbedderPlan& embedder) {
  constexpr int kDimensionsMax = 20'000;  // Pinecone's limit of a dense index
  constexpr std::int64_t kInputTokensMax = 1'000'000'000;
  MapReader map(reader, node, keys::kEmbedder);
  map.Choice("provider", {"hashing", "openai", "pinecone"}, embedder.provider);
  map.Text("model", embedder.model);
  map.Text("url", embedder.url);
  map.Whole("dimensions", embedder.dimensions, 1, kDimensionsMax);
  map.Key("api_key", embedder.api_key);
  map.Text("organization", embedder.organization);
  map.Text("project", embedder.project);
  std::string too_long = "quarantine";
  map.Choice("too_long", {"quarantine", "cut"}, too_long);
  embedder.too_long =
      too_long == "cut" ? EmbedderPlan::TooLong::kCut : EmbedderPlan::TooLong::kQuarantine;
  map.Whole("input_tokens_max", embedder.input_tokens_max, 1, kInputTokensMax);
  if (double price = -1; map.Find("usd_per_million_tokens") != nullptr) {
    map.Number("usd_per_million_tokens", price);
    embedder.usd_per_million_tokens = price;
  }
  const bool remote = embedder.provider == "openai" || embedder.provider == "pinecone";
  if (remote && embedder.model.empty() &&
      (node.Find("model") == nullptr || !node.Find("model")->unresolved)) {
    reader.ProblemAt(node, "model",
                     fmt::format("is missing here; the provider {} needs one", embedder.provider));
  }
  if (!embedder.url.empty() && !embedder.url.starts_with("http://") &&
      !embedder.url.starts_with("https://")) {
    reader.ProblemAt(*node.Find("url"), "url", "must begin with http:// or https://");
  } else if (embedder.url.substr(0, embedder.url.find('/', 8)).find('@') != std::string::npos) {
    reader.ProblemAt(*node.Find("url"), "url",
                     "holds credentials: give the key as api_key: ${NAME}");
    embedder.url.clear();
  }
}

void ReadIndex(PlanReader& reader, const PlanNode& node, IndexPlan& index) {
  MapReader map(reader, node, keys::kIndex);
  map.Text("namespace", index.namespace_template);
  map.Choice("metric", {"cosine", "dotproduct", "euclidean"}, index.metric);
  if (const PlanNode* embedder = map.Find("embedder")) {
    ReadEmbedder(reader, *embedder, index.embedder);
  }
  map.Text("text", index.text);
  map.Texts("metadata", index.metadata);
}

}  // namespace rehome
