#include "sim/arena.h"
#include "ports/embedder_decorator.h"

namespace rehome::sim {
namespace {

/// Embeds each text once; what comes after is a look-up. One thread only.
class RememberingEmbedder final : public EmbedderDecorator {
 public:
  explicit RememberingEmbedder(std::shared_ptr<Embedder> inner)
      : EmbedderDecorator(std::move(inner)) {}
  Result<Embeddings> Embed(std::span<const std::string> texts, TextRole role,
                           const Call& call) override {
    Embeddings out;
    for (const std::string& text : texts) {
      auto known = known_.find(text);
      if (known == known_.end()) {
        REHOME_TRY_ASSIGN(Embeddings one, inner().Embed({&text, 1}, role, call));
        if (known_.size() >= kKnownMax) {
          known_.clear();
        }
        known = known_.emplace(text, std::move(one.vectors.front())).first;
      }
      out.vectors.push_back(known->second);
    }
    return out;
  }
  [[nodiscard]] double DollarsPerMillionTokens() const override { return 0; }

 private:
  static constexpr std::size_t kKnownMax = 20'000;
  std::map<std::string, std::vector<float>, std::less<>> known_;
};

constexpr std::size_t kKeyDigits = 64;

/// `workers` also decides how backups are packed.
Plan Simulated(const Plan& real, const Arena& arena, std::size_t workers) {
  Plan out = real;
  out.backup.dir = arena.disk() / "backups";
  out.backup.zstd = workers == 2;
  out.backup.key = workers == 3 ? Secret(std::string(kKeyDigits, 'a')) : Secret();
  out.retire.after = std::chrono::hours{24};
  out.index.embedder = {};
  out.index.embedder.provider = "hashing";
  out.index.embedder.dimensions = kDimension;
  if (out.cutover.env_file) {
    out.cutover.env_file->path = arena.env_file();
  }
  out.cutover.namespace_alias.clear();
  out.cutover.hooks = {};
  out.items.quarantine_max = UINT64_MAX;  // a gate of its own; what is put aside is counted here
  out.verify.proposals.reset();
  out.verify.legacy_embedder.reset();
  out.verify.recall_min = 0;  // simulated texts are alike; what recall proves is not simulated
  out.maintenance.reset();
  out.log_file.clear();
  out.limits = {};
  out.limits.workers = static_cast<int>(workers);
  out.limits.embed_in_flight = 7;
  return out;
}

}  // namespace

Result<std::unique_ptr<Arena>> Arena::Create(const Plan& plan, const Sample& sample,
                                             const WorldKind& kind, std::filesystem::path directory,
                                             std::shared_ptr<Embedder> embedder) {
  CHECK(embedder->Dimension() == kDimension);
  std::unique_ptr<Arena> arena(
      new Arena(sample, kind, std::move(directory),
                std::make_shared<RememberingEmbedder>(std::move(embedder))));
  for (std::size_t workers = 1; workers <= kWorkersMax; ++workers) {
    REHOME_TRY_ASSIGN(CompiledPlan compiled,
                      CompiledPlan::Compile(Simulated(plan, *arena, workers)));
    arena->plans_.push_back(std::make_shared<const CompiledPlan>(std::move(compiled)));
  }
  return arena;
}

}  // namespace rehome::sim
