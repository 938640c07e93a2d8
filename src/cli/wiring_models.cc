#include "cli/wiring_models.h"

#include <utility>

#include "adapters/hashing/hashing_embedder.h"
#include "adapters/openai/openai_chat.h"
#include "adapters/openai/openai_embedder.h"
#include "adapters/pinecone_inference/pinecone_embedder.h"
#include "decorators/caching_embedder.h"
#include "decorators/rate_limited.h"
#include "flow/context.h"

namespace rehome::cli {
namespace {

constexpr std::string_view kHashing = "hashing";
constexpr double kSecondsPerMinute = 60;

Result<std::shared_ptr<Embedder>> OpenAdapter(const EmbedderPlan& plan,
                                              const std::shared_ptr<HttpClient>& http) {
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
  return std::make_shared<RetryingEmbedder>(std::move(embedder), parts.retries);
}

Result<std::shared_ptr<Embedder>> OpenCachedEmbedder(const Plan& plan,
                                                     const std::filesystem::path& cache_directory,
                                                     const ModelParts& parts) {
  REHOME_TRY_ASSIGN(std::shared_ptr<Embedder> embedder,
                    OpenEmbedder(plan.index.embedder, plan.limits, parts));
  if (plan.index.embedder.provider == kHashing) {
    return embedder;
  }
  CachingOptions options;
  options.contract_hash = ContractHash(plan, *embedder);
  options.file = cache_directory / (options.contract_hash + ".embeddings");
  options.in_flight_max = plan.limits.embed_in_flight;
  REHOME_TRY_ASSIGN(auto caching, CachingEmbedder::Open(std::move(embedder), std::move(options)));
  return std::shared_ptr<Embedder>(std::move(caching));
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
  return std::shared_ptr<Chat>(std::move(chat));
}

}  // namespace rehome::cli
