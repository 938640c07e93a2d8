#pragma once
// source_size.h — how much there is to back up, from exact counts and the first documents of each
// collection. Reads only.
#include <cstdint>

#include "flow/context.h"

namespace rehome {

struct SourceSize {
  std::uint64_t documents = 0;
  std::uint64_t document_bytes = 0;  // BSON, estimated
  std::uint64_t vectors = 0;         // as the statistics say
  std::uint64_t vector_bytes = 0;    // as lines of JSON, estimated
  /// What a backup of it takes on disk at most, its proof beside it.
  [[nodiscard]] std::uint64_t BackupBytes() const;
};
[[nodiscard]] Result<SourceSize> EstimateSource(const Plan& plan, const Stores& stores,
                                                const Call& call);

}  // namespace rehome
