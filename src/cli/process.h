#pragma once
// process.h — the process around a verb: its streams, terminal, environment variables and signals.
#include "base/clock.h"

namespace rehome::cli {

/// Runs the verb that `argv` names; the exit code. Installs the signal handlers: once per process,
/// before any thread.
[[nodiscard]] int RunProcess(int argc, char** argv, Clock& clock);

}  // namespace rehome::cli
