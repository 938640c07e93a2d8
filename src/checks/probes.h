#pragma once
// probes.h — questions to ask of the tenants' namespaces, and their answers.
#include <string>
#include <vector>

#include "checks/check.h"

namespace rehome {

/// A seeded choice of at most `count_max` texts: the plan's probes, or texts of items where it
/// names none or they are gone.
[[nodiscard]] Result<std::vector<std::string>> ProbeTexts(const CheckContext& context,
                                                          std::size_t count_max);
[[nodiscard]] Result<std::vector<std::vector<float>>> EmbedProbes(
    Embedder& embedder, const std::vector<std::string>& texts, const Call& call);

/// A similarity as the index's metric orders it: the greater, the nearer.
[[nodiscard]] double Similarity(std::string_view metric, std::span<const float> a,
                                std::span<const float> b);

}  // namespace rehome
