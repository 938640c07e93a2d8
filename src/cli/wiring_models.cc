#include "cli/wiring_models.h"

#include <utility>

#include "adapters/hashing/hashing_embedder.h"
#include "adapters/openai/openai_chat.h"
#include "adapters/openai/openai_embedder.h"
#include "adapters/pinecone_inference/pinecone_embedder.h"
#include "decorators/caching_embedder.h"
#include "decorators/rate_limited.h"
#include "decorators/spend_capped.h"
#include "flow/context.h"

namespace rehome::cli {
namespace {

constexpr std::string_view kHashing = "hashing";
constexpr double kSecondsPerMinute = 60;

Result<std::shared_ptr<Embedder>> OpenAdapter(const EmbedderPlan& plan,
                                              const std::shared_ptr<HttpClient>& http) {
  const EmbeddingTerms terms{.dollars_per_million_tokens = plan.usd_per_million_tokens,
                             .text_tokens_max = plan.input_tokens_max};
  if (plan.provider == kHashing) {
    REHOME_TRY_ASSIGN(auto embedder, HashingEmbedder::Create(plan.dimensions));
    return std::shared_ptr<Embedder>(std::move(embedder));
  }
  if (plan.provider == "openai") {
    OpenAiOptions options;
    if (!plan.url.empty()) {
      options.base_url = plan.url;
    }
    options.model = plan.model;
    options.dimensions = plan.dimensions;
    options.api_key = plan.api_key;
    options.organization = plan.organization;
    options.project = plan.project;
    options.terms = terms;
    REHOME_TRY_ASSIGN(auto embedder, OpenAiEmbedder::Create(std::move(options), http));
    return std::shared_ptr<Embedder>(std::move(embedder));
  }
  if (plan.provider == "pinecone") {
    PineconeInferenceOptions options;
    if (!plan.url.empty()) {
      options.url = plan.url;
    }
    if (!plan.model.empty()) {
      options.model = plan.model;
    }
    options.dimensions = plan.dimensions;
    options.api_key = plan.api_key;
    options.terms = terms;
    REHOME_TRY_ASSIGN(auto embedder, PineconeEmbedder::Create(std::move(options), http));
    return std::shared_ptr<Embedder>(std::move(embedder));
  }
  return Fail(ErrorCode::kInvalidArgument, "there is no embedder `" + plan.provider + "`",
              "index.embedder.provider is hashing, openai or pinecone");
}

}  // namespace

Result<std::shared_ptr<Embedder>> OpenEmbedder(const EmbedderPlan& plan, const LimitsPlan& limits,
                                               const ModelParts& parts) {
  REHOME_TRY_ASSIGN(std::shared_ptr<Embedder> embedder, OpenAdapter(plan, parts.http));
  if (plan.provider == kHashing) {
    return embedder;
  }
  embedder = std::make_shared<RateLimitedEmbedder>(std::move(embedder), parts.clock,
                                                   limits.embed_tokens_per_min / kSecondsPerMinute);
  if (parts.spend) {  // each attempt counts: one whose answer was lost may have been billed
    embedder = std::make_shared<SpendCappedEmbedder>(std::move(embedder), parts.spend);
  }
  return std::make_shared<RetryingEmbedder>(std::move(embedder), parts.embed_retries);
}

Result<std::shared_ptr<Embedder>> OpenCachedEmbedder(const Plan& plan, const EmbedderPlan& model,
                                                     const CachePlace& place,
                                                     const ModelParts& parts) {
  REHOME_TRY_ASSIGN(std::shared_ptr<Embedder> embedder, OpenEmbedder(model, plan.limits, parts));
  if (model.provider == kHashing) {
    return embedder;
  }
  CachingOptions options;
  options.contract_hash = ContractHash(plan, *embedder);
  options.file = place.directory / (options.contract_hash + ".embeddings");
  options.in_flight_max = plan.limits.embed_in_flight;
  options.read_only = place.read_only;
  REHOME_TRY_ASSIGN(auto caching, CachingEmbedder::Open(std::move(embedder), std::move(options)));
  return std::shared_ptr<Embedder>(std::move(caching));
}

Status OpenEmbedders(const Plan& plan, const CachePlace& place, const ModelParts& parts,
                     Stores& stores) {
  const EmbedderPlan& model = plan.index.embedder;
  if (model.provider == kHashing) {
    REHOME_TRY_ASSIGN(stores.embedder, OpenEmbedder(model, plan.limits, parts));
    return {};
  }
  ModelParts capped = parts;
  capped.spend = std::make_shared<SpendMeter>(plan.limits.spend_max_usd);
  stores.spend = capped.spend;
  REHOME_TRY_ASSIGN(stores.fresh_embedder, OpenEmbedder(model, plan.limits, capped));
  REHOME_TRY_ASSIGN(stores.embedder, OpenCachedEmbedder(plan, model, place, capped));
  return {};
}

Result<std::shared_ptr<Chat>> OpenChat(const VerifyPlan& plan, const ModelParts& parts) {
  if (!plan.proposals || plan.proposals->generator != "chat") {
    return std::shared_ptr<Chat>();
  }
  OpenAiOptions options;
  if (!plan.proposals->url.empty()) {
    options.base_url = plan.proposals->url;
  }
  options.model = plan.proposals->model;
  options.api_key = plan.proposals->api_key;
  REHOME_TRY_ASSIGN(auto chat, OpenAiChat::Create(std::move(options), parts.http));
  return std::make_shared<RetryingChat>(std::move(chat), parts.retries);
}

}  // namespace rehome::cli
