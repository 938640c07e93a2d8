#pragma once
// audit.h — the append-only log of what operators did: an entry's `_id` is its number, it holds the
// hash of the one before. The head hash stands in status, reports and manifests, so that a removed
// or edited entry shows.
#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "ports/document_store.h"

namespace rehome {

struct AuditHead {
  std::int64_t number = 0;  // 0: no entry yet
  std::string hash;         // SHA-256 of the last entry's bytes, hex; empty: no entry yet
};

struct AuditEntry {
  std::string_view action;
  std::string_view detail;
  std::string_view run_id;  // empty: of no run
};
/// Appends one entry and gives the new head; repeats with the next number while another writer took
/// it. `own`: what the run added last; where that was cut off, the entry goes behind it, so that the
/// gap shows for good.
[[nodiscard]] Result<AuditHead> AppendAudit(DocumentStore& store, Clock& clock,
                                            const AuditEntry& entry, const AuditHead& own,
                                            const Call& call);
[[nodiscard]] Result<AuditHead> ReadAuditHead(DocumentStore& store, const Call& call);

/// Where the chain does not hold: `number` does not follow `previous`.
struct AuditBreak {
  std::int64_t previous = 0;
  std::int64_t number = 0;
  bool gap = false;  // entries between the two are missing; else `number` does not hold the hash of
                     // `previous`
};

struct AuditVerdict {
  AuditHead head;
  std::vector<std::string> problems;  // "entry 7: hash does not match entry 6"
  std::vector<AuditBreak> breaks;     // the same, one for one
};
/// Walks the whole chain.
[[nodiscard]] Result<AuditVerdict> VerifyAudit(DocumentStore& store, const Call& call);

}  // namespace rehome
