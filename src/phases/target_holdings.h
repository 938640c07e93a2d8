#pragma once
// target_holdings.h — what stands in the target that a run will not make: other organizations'
// documents, which are counted apart and left, and what stands in the way. Reads only; memory is a
// few bytes per foreign document.
#include <cstdint>
#include <string>
#include <vector>

#include "flow/context.h"

namespace rehome {

/// A document of the target that is not ours and that a run would collide with.
struct ForeignDocument {
  std::string id;  // `_id`, relaxed Extended JSON
  std::string why;
};

struct TargetHoldings {
  std::uint64_t ours = 0;    // written by `run`, changed since or not
  std::uint64_t others = 0;  // of organizations that the plan does not have
  std::uint64_t in_the_way = 0;
  std::vector<ForeignDocument> examples;  // the first kExamplesMax of those in the way
  static constexpr std::size_t kExamplesMax = 20;
};

/// Compares items.to of the target with the journal of `run` (null: nothing is ours) and the
/// source.
[[nodiscard]] Result<TargetHoldings> LookAtHoldings(const Plan& plan, const Stores& stores,
                                                    const RunRecord* run, const Call& call);

/// Which of `documents`, as they stand in `target`, `run` did not write.
[[nodiscard]] Result<std::vector<bool>> AreForeign(DocumentStore& store, const RunRecord* run,
                                                   const std::string& collection,
                                                   std::span<const Document> documents,
                                                   const Call& call);

/// `run` if this plan goes on with it; null where it is over and the plan changed, so that the next
/// run will be another one, to which nothing in the target belongs.
[[nodiscard]] const RunRecord* RunToGoOn(const Plan& plan, const RunRecord* run);

/// The namespace of an organization of the plan: the journaled one, else what the plan resolves.
[[nodiscard]] std::string NamespaceFor(const Plan& plan, const RunRecord* run,
                                       const std::string& org_id);

}  // namespace rehome
