#pragma once
// arena.h — what the simulated worlds of one thread share: everything that costs more than a world.
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "phases/session.h"
#include "plan/plan.h"
#include "sim/sample.h"

namespace rehome::sim {

/// What worlds survived, by name: "crashes", "replies lost", "documents deleted", …
using Tally = std::map<std::string, std::uint64_t, std::less<>>;

/// The stores of one world, past every fault.
struct WorldStores {
  std::shared_ptr<DocumentStore> source_documents;
  std::shared_ptr<DocumentStore> target_documents;  // the same one where the plan names one store
};

/// How worlds are made.
struct WorldKind {
  /// Document stores on files below a directory of their own, which is removed afterwards. Absent:
  /// in memory.
  std::function<Result<WorldStores>(const std::filesystem::path& directory, Clock& clock)> stores{};
  /// Put between the engine and its stores, below the faults: how a test plants a bug. Absent: none.
  std::function<std::shared_ptr<DocumentStore>(std::shared_ptr<DocumentStore>)> spoil_documents{};
  std::function<std::shared_ptr<VectorStore>(std::shared_ptr<VectorStore>)> spoil_vectors{};
};

class Arena {
 public:
  static constexpr std::size_t kWorkersMax = 3;

  /// `directory` is this arena's own; `sample` and `kind` outlive it. kInvalidArgument: the plan's
  /// mapping does not compile.
  [[nodiscard]] static Result<std::unique_ptr<Arena>> Create(const Plan& plan, const Sample& sample,
                                                             const WorldKind& kind,
                                                             std::filesystem::path directory,
                                                             std::shared_ptr<Embedder> embedder);

  /// The plan as worlds run it: its own tenants, rules and pointers on simulated stores, nothing
  /// outside. `workers` 1 … kWorkersMax.
  [[nodiscard]] const std::shared_ptr<const CompiledPlan>& plan(std::size_t workers) const {
    return plans_.at(workers - 1);
  }
  [[nodiscard]] const Sample& sample() const { return sample_; }
  [[nodiscard]] const WorldKind& kind() const { return kind_; }
  [[nodiscard]] const std::filesystem::path& directory() const { return directory_; }
  /// What worlds have on their disk besides the stores: the application's env file, the backups.
  [[nodiscard]] std::filesystem::path disk() const { return directory_ / "disk"; }
  [[nodiscard]] std::filesystem::path env_file() const { return disk() / ".env"; }
  [[nodiscard]] const std::shared_ptr<Embedder>& embedder() const { return embedder_; }

 private:
  Arena(const Sample& sample, const WorldKind& kind, std::filesystem::path directory,
        std::shared_ptr<Embedder> embedder)
      : sample_(sample),
        kind_(kind),
        directory_(std::move(directory)),
        embedder_(std::move(embedder)) {}

  const Sample& sample_;
  const WorldKind& kind_;
  const std::filesystem::path directory_;
  const std::shared_ptr<Embedder> embedder_;
  std::vector<std::shared_ptr<const CompiledPlan>> plans_;
};

/// The dimension of every simulated vector: small, for the embedding is not what is tested.
inline constexpr int kDimension = 16;

}  // namespace rehome::sim
