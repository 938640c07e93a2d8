#include "cli/attention.h"

#include <ostream>

namespace rehome::cli {

void ShoutAtFence(const RunRecord& run, const std::optional<Lease::Holder>& holder,
                  CliEnvironment& environment) {
  const bool unfinished = run.cutover && run.cutover->state != CutoverRecord::State::kComplete;
  const bool live = holder && !holder->released && !holder->IsDeadHere();
  if (unfinished && (run.state != RunState::kRunning || !live)) {
    environment.err << "ATTENTION: a cutover was interrupted and its fence may be up: the "
                       "application cannot write. "
                       "`rehome run` completes it or puts it back; `rehome revert` puts it back.\n";
  }
}

}  // namespace rehome::cli
