#pragma once
// default_extractors.h — what `extract: deliverables` and `extract: industry` mean in a plan that
// does not define them under items.extractors: the general words of job adverts. A plan's own
// definition replaces the whole extractor.
#include <optional>
#include <string_view>

#include "plan/plan.h"

namespace rehome {

[[nodiscard]] std::optional<Extractor> DefaultExtractor(std::string_view name);

}  // namespace rehome
