#pragma once
// events.h — who listens to the engine: a person at the terminal or a pipe, and the plan's log
// file.
#include <memory>

#include "base/error.h"
#include "cli/environment.h"
#include "plan/plan.h"
#include "ports/event_sink.h"

namespace rehome::cli {

/// `log` false: nothing is written anywhere but to stderr (`plan`). kFailedPrecondition: the log
/// cannot be opened.
[[nodiscard]] Result<std::unique_ptr<EventSink>> OpenEvents(const Plan& plan, bool log,
                                                            CliEnvironment& environment);

}  // namespace rehome::cli
