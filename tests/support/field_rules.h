// Rules of a plan's fields, as tests of the mapping write them.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "plan/plan.h"

namespace rehome::testing_support {

inline FieldRule Copy(std::string_view path, std::optional<std::size_t> take = std::nullopt) {
  FieldRule rule;
  rule.from = {*ParseFieldPath(path)};
  rule.take = take;
  return rule;
}

}  // namespace rehome::testing_support
