#pragma once
// pointers.h — what tells the application where to read: keys of an env file, fields of documents,
// aliases of namespaces.
// Each is flipped by compare-and-set: a pointer that somebody else changed is kFailedPrecondition
// and stays as it is.
#include <vector>

#include "phases/session.h"

namespace rehome {

/// Whether the plan's namespace aliases can be used: its index offers them. Where it does not, they
/// are left out, and what else the plan points with stands in for them; kFailedPrecondition if it
/// names nothing else. False too if the plan names none.
[[nodiscard]] Result<bool> UsesAliases(const Plan& plan, const Stores& stores, const Call& call);

/// The plan's pointers with their present values as `old_value`. Reads only.
[[nodiscard]] Result<std::vector<PointerRecord>> ReadPointers(const Plan& plan,
                                                              const Stores& stores,
                                                              const Call& call);

/// What a pointer says now; absent: the key, field or alias does not exist.
[[nodiscard]] Result<std::optional<std::string>> PointerValue(const PointerRecord& pointer,
                                                              const Stores& stores,
                                                              const Call& call);

/// Old value → new value. Already flipped is success.
[[nodiscard]] Status Flip(const PointerRecord& pointer, const Stores& stores, const Call& call);
/// kFailedPrecondition where a pointer that this run flipped says neither of its values now: it could
/// not be flipped back. Reads only.
[[nodiscard]] Status MayFlipBack(const PointerRecord& pointer, const Stores& stores,
                                 const Call& call);
/// New value → old value; what was absent is removed again. Already back is success, and so is
/// whatever somebody made of one that this run did not flip.
[[nodiscard]] Status FlipBack(const PointerRecord& pointer, const Stores& stores, const Call& call);

}  // namespace rehome
