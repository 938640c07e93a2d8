#pragma once
// verification.h — the checks as a running session makes them.
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "checks/check.h"
#include "phases/session.h"

namespace rehome {

/// For data that is written to meanwhile, by a runner or by the application on the new side: the waits
/// before what failed is judged again (CheckContext::recheck). `clock` outlives it.
[[nodiscard]] std::function<bool(int round)> LookAgain(Clock& clock, std::stop_token stop);

/// A check context over a session's stores; the session outlives it.
class VerificationScope {
 public:
  /// `phase`: that it is part of.
  explicit VerificationScope(Session& session, std::optional<Phase> phase = {});
  /// For a cutover, beside an application that writes: this run carries what it wrote, which is
  /// pending and fails nothing. Where no feed names that and no fence keeps it away, it is what
  /// differs though the new side stands as the run left it.
  [[nodiscard]] static VerificationScope OfCutover(Session& session);
  [[nodiscard]] CheckContext& context() { return context_; }

 private:
  CheckContext context_;
};

/// The names of the checks that make sense while the application is on the old side.
[[nodiscard]] std::vector<std::string> ChecksBeforeCutover();

}  // namespace rehome
