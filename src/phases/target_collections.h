#pragma once
// target_collections.h — the collections that a run creates in the target, and drops again when it
// is undone.
#include <string>

#include "phases/session.h"

namespace rehome {

/// Creates it if it is absent, after journaling that it is ours to drop.
[[nodiscard]] Status CreateTargetCollection(Session& session, const std::string& collection,
                                            const Document& options);

/// The unique indexes that it is to have (flow/target_shape.h).
[[nodiscard]] Status EnsureIndexes(Session& session, const std::string& collection);

/// Drops it if this run created it and nothing is left in it.
[[nodiscard]] Status DropIfOursAndEmpty(Session& session, const std::string& collection);

}  // namespace rehome
