#pragma once
// scratch_copy.h — a whole application copied into a directory of its own, where a rehearsal may do
// with it what it wants: production is only read.
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "cli/options.h"
#include "cli/wiring.h"

namespace rehome::cli {

struct ScratchCopy {
  std::shared_ptr<void> directory;    // removed with its last owner; outlives the stores
  Plan plan;                          // the same plan over the copies
  Deps deps;                          // its hooks print and run nothing
  std::uint64_t documents = 0;        // of items.from, in the copy
  std::uint64_t documents_there = 0;  // in production, or in the backup
};

/// `events` and `environment` outlive the copy. Errors as the stores give them; kNotFound: --backup
/// names none.
[[nodiscard]] Result<ScratchCopy> CopyIntoScratch(const Plan& plan, const RehearseOptions& options,
                                                  EventSink& events, CliEnvironment& environment);

/// What stands in the copy apart from the journal: a digest per collection and namespace that is
/// not empty, and per pointer file. Equal maps, equal applications.
[[nodiscard]] Result<std::map<std::string, std::string>> DigestsOf(const ScratchCopy& copy,
                                                                   const Call& call);

}  // namespace rehome::cli
