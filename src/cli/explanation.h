#pragma once
// explanation.h — one datum's whole way, gathered for `explain`. Reads only.
#include <optional>
#include <string>
#include <vector>

#include "journal/ledger.h"
#include "journal/quarantine.h"
#include "mapping/mapping.h"
#include "phases/session.h"

namespace rehome::cli {

/// What a check says about this one datum.
struct DatumFinding {
  std::string check;  // as `verify` names it
  bool passed = true;
  std::string detail;
};

struct Explanation {
  Value source_id;
  std::optional<Document> source;
  std::vector<std::size_t> matching_rules;  // of tenants.assign; the first one decides
  Mapper::Trace trace;
  std::optional<Mapped> mapped;  // of the source as it stands
  std::optional<Document> item;  // as it stands in the target
  std::optional<Ownership> item_owner;
  std::string item_id;
  std::string text;  // that is embedded for the item, or would be
  std::string ns;    // where its vector belongs; empty: the tenant is not known
  std::optional<VectorRecord> vector;
  std::optional<Ownership> vector_owner;
  std::optional<QuarantineRecord> quarantined;
  std::vector<DatumFinding> findings;
};

/// `id`: an item_id, a source `_id` as Extended JSON, a bare hexadecimal ObjectId or a bare string.
/// kFailedPrecondition: nothing of that name is known; the hint says what to try.
[[nodiscard]] Result<Explanation> Explain(const ReadSession& read, const Deps& deps,
                                          const std::string& id);

/// Whose the datum is that stands in `target` with `digest`; without a run: nobody's.
[[nodiscard]] Result<Ownership> OwnerOf(const ReadSession& read, const Deps& deps,
                                        const LedgerTarget& target, const Value& id,
                                        const Md5Digest& digest);
[[nodiscard]] std::string_view Name(Ownership ownership);

}  // namespace rehome::cli
