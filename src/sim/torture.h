#pragma once
// torture.h — a plan in many simulated worlds: how many it survived, and of what.
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "sim/arena.h"

namespace rehome::sim {

struct TortureRequest {
  std::uint64_t seed = 1;  // world number i is drawn from seed + i
  std::uint64_t worlds = 1000;
  std::size_t threads = 1;
  std::size_t failures_max = 1;                                 // stops after so many
  std::filesystem::path directory;                              // of its own; must exist
  std::function<Result<std::shared_ptr<Embedder>>()> embedder;  // of dimension kDimension
  /// Called now and then, from any thread, with the number of worlds so far. Absent: nobody asks.
  std::function<void(std::uint64_t worlds)> progress{};
  std::stop_token stop{};
};

struct WorldFailure {
  std::uint64_t seed = 0;
  std::string what;
};

struct TortureReport {
  Tally survived;
  std::vector<WorldFailure> failures;  // by seed
  [[nodiscard]] std::uint64_t worlds() const {
    const auto found = survived.find("worlds");
    return found == survived.end() ? 0 : found->second;
  }
};

/// Worlds of one thread each, side by side; what happens in a world depends on its seed alone.
/// Errors: a plan that does not compile, a directory that cannot be written, kCancelled.
[[nodiscard]] Result<TortureReport> Torture(const Plan& plan, const Sample& sample,
                                            const WorldKind& kind, const TortureRequest& request);

}  // namespace rehome::sim
