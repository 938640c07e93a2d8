#pragma once
// read_scope.h — the stages' context without a lease: for verbs that only read (verify, explain).
#include <memory>
#include <optional>

#include "checks/check.h"
#include "phases/session.h"

namespace rehome {

/// Refers to `read` and `deps`, which outlive it. Writing through its ledger or quarantine is a
/// programmer error: the stores behind it are opened read-only.
class ReadScope {
 public:
  ReadScope(const ReadSession& read, const Deps& deps);
  [[nodiscard]] FlowContext& flow() { return flow_; }
  /// A verification beside or without a runner: what a feed names beyond applied-through fails as
  /// `pending`, unless a live runner is carrying it.
  [[nodiscard]] CheckContext MakeCheckContext(bool runner_is_live);

 private:
  const Deps& deps_;
  const RunRecord run_;  // an empty one where the plan never ran
  Call call_;
  Ledger ledger_;
  Quarantine quarantine_;
  Saved saved_;
  FlowContext flow_;
};

}  // namespace rehome
