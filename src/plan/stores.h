#pragma once
// stores.h — which stores a plan means.
#include "plan/plan.h"

namespace rehome {

/// Whether both name one store: by whichever path, port or credentials.
[[nodiscard]] bool SameStore(const StoreSpec& one, const StoreSpec& other);
[[nodiscard]] bool SameStores(const Plan& one, const Plan& other);

}  // namespace rehome
