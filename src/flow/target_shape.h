#pragma once
// target_shape.h — what the new collections enforce: made by phases 1 and 2, looked at by the check
// `schema`, made again by a repair.
#include <string>
#include <vector>

#include "plan/plan.h"
#include "ports/document_store.h"

namespace rehome {

struct TargetIndex {
  std::string collection;
  IndexSpec spec;
};

/// The unique indexes of the tenants' collections and of the items.
[[nodiscard]] std::vector<TargetIndex> TargetIndexes(const Plan& plan);

/// {validator: {$jsonSchema: …}} where the plan has a schema.
[[nodiscard]] Document ItemsOptions(const ItemsPlan& items);

}  // namespace rehome
