#pragma once
// ranges.h — how far a phase got, by key range. The ranges of a phase are fixed before its first
// read and cover MinKey to MaxKey; each moves forward only after what it covers is durable and
// closed in the ledger. A phase is done when every range is: with several workers the checkpoint is
// the lowest over all of them, those that have committed nothing yet included.
#include <optional>
#include <string>
#include <vector>

#include "base/digest.h"
#include "journal/run_record.h"
#include "model/phase.h"
#include "ports/document_store.h"

namespace rehome {

struct RangeRecord {
  int number = 0;
  IdRange range;
  std::optional<Value> reached;  // last _id that is durable; absent: none yet
  bool done = false;
  int of = 0;  // how many ranges the phase has
  Counts counts;
  std::uint64_t read = 0;  // documents of the source
  SetDigest written;       // items as they stand after the write

  /// What is left to read.
  [[nodiscard]] IdRange Rest() const {
    return {.after = reached ? reached : range.after, .upto = range.upto};
  }
};

class Ranges {
 public:
  Ranges(DocumentStore& store, std::string run_id, Phase phase)
      : store_(store), run_id_(std::move(run_id)), phase_(phase) {}
  /// The ranges of the phase; empty before Start(), and after one that was cut off before all of
  /// them were durable.
  [[nodiscard]] Result<std::vector<RangeRecord>> Load(const Call& call) const;
  /// Forgets what was there before.
  [[nodiscard]] Result<std::vector<RangeRecord>> Start(const std::vector<IdRange>& ranges,
                                                       const Call& call);
  [[nodiscard]] Status Save(const RangeRecord& record, const Call& call);
  /// Forgets them: the phase was undone, or is run again from its start.
  [[nodiscard]] Status Clear(const Call& call);

 private:
  DocumentStore& store_;
  const std::string run_id_;
  const Phase phase_;
};

}  // namespace rehome
