#pragma once
// verification.h — the checks as a running session makes them.
#include <optional>
#include <string>
#include <vector>

#include "checks/check.h"
#include "phases/session.h"

namespace rehome {

/// A check context over a session's stores; the session outlives it.
class VerificationScope {
 public:
  /// `phase`: that it is part of.
  explicit VerificationScope(Session& session, std::optional<Phase> phase = {});
  [[nodiscard]] CheckContext& context() { return context_; }

 private:
  CheckContext context_;
};

/// The names of the checks that make sense while the application is on the old side.
[[nodiscard]] std::vector<std::string> ChecksBeforeCutover();

}  // namespace rehome
