#pragma once
// sample.h — what a simulated application holds at first: taken from a plan's own source, which is
// only read, or made up from what the plan says about it.
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/random.h"
#include "model/document.h"
#include "model/vector_record.h"
#include "plan/plan.h"
#include "ports/document_store.h"

namespace rehome::sim {

struct Sample {
  std::vector<Document> sources;                             // of items.from; never empty
  std::map<std::string, std::vector<Document>> collections;  // the others that the plan names
  bool generated = false;
};

/// At most `count_max` documents of items.from, spread over its key ranges, and a few of every
/// other collection that the plan reads or stamps. An empty source gives a generated sample.
[[nodiscard]] Result<Sample> TakeSample(const Plan& plan, DocumentStore& source,
                                        std::size_t count_max, const Call& call);

/// `count` documents that hold what the plan's rules look at: the values that its tenants are
/// assigned by, values of several types and lengths, and now and then nothing.
[[nodiscard]] Sample GenerateSample(const Plan& plan, std::size_t count, Random random);

/// A new `_id`; number `number` of its world.
[[nodiscard]] Value MadeUpId(std::uint64_t number, Random& random);
/// `document` under another `_id`.
[[nodiscard]] Document WithId(const Document& document, const Value& id);

}  // namespace rehome::sim
