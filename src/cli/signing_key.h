#pragma once
// signing_key.h — the key that signs reports: the plan's verify.signing_key, else this user's own,
// made when it is first needed and kept with mode 0600 where a user's settings are
// ($XDG_CONFIG_HOME/rehome/signing.key, else ~/.config/rehome/signing.key).
#include "base/crypto.h"
#include "base/error.h"
#include "plan/load.h"
#include "plan/plan.h"

namespace rehome::cli {

/// kFailedPrecondition: a key file that others can read, or that cannot be made.
[[nodiscard]] Result<SigningKey> ReportKey(const Plan& plan, const Environment& variables);

}  // namespace rehome::cli
