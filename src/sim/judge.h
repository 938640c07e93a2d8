#pragma once
// judge.h — the end of a simulated world: what stands in the stores against what the application
// remembers. Tenant isolation comes first. It reads the raw stores and shares nothing with the
// engine's own verification but the mapping, which is tested elsewhere.
#include "sim/application.h"
#include "sim/memory_vector_store.h"

namespace rehome::sim {

/// What a world is judged by. Everything is borrowed.
struct Evidence {
  const CompiledPlan& compiled;
  const Sample& sample;
  Application& application;
  DocumentStore& source;
  DocumentStore& target;
  MemoryVectorStore& vectors;
  Embedder& embedder;
};

// Each is kCheckFailed with the first broken promise in words.

/// Everything is moved, the application is on the old side. What it had written on the new side
/// before is on the old side again, or saved.
[[nodiscard]] Status JudgeMigrated(const Evidence& evidence);
/// The application is on the new side; what it wrote there stands as it wrote it.
[[nodiscard]] Status JudgeCutOver(const Evidence& evidence);
/// Nothing of the run is left, the application is on the old side.
[[nodiscard]] Status JudgeRolledBack(const Evidence& evidence);
/// Phase 0's backup is whole, and holds the old side as it stood at one moment since the application
/// was told to remember them.
[[nodiscard]] Status JudgePrepared(const Evidence& evidence);
/// As JudgeCutOver, and the old side is gone. Restored in their order, the backups of phase 5 give
/// all of it.
[[nodiscard]] Status JudgeRetired(const Evidence& evidence);

}  // namespace rehome::sim
