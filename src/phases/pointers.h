#pragma once
// pointers.h — what tells the application where to read: keys of an env file, fields of documents.
// Each is flipped by compare-and-set: a pointer that somebody else changed is kFailedPrecondition
// and stays as it is.
#include <vector>

#include "phases/session.h"

namespace rehome {

/// The plan's pointers with their present values as `old_value`. Reads only.
[[nodiscard]] Result<std::vector<PointerRecord>> ReadPointers(const Plan& plan,
                                                              DocumentStore& target,
                                                              const Call& call);

/// What a pointer says now; absent: the key or field does not exist.
[[nodiscard]] Result<std::optional<std::string>> PointerValue(const PointerRecord& pointer,
                                                              DocumentStore& target,
                                                              const Call& call);

/// Old value → new value. Already flipped is success.
[[nodiscard]] Status Flip(const PointerRecord& pointer, DocumentStore& target, const Call& call);
/// New value → old value; a key that was absent is removed again. Already back is success.
[[nodiscard]] Status FlipBack(const PointerRecord& pointer, DocumentStore& target,
                              const Call& call);

}  // namespace rehome
