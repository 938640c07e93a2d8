#include "journal/audit.h"

#include <fmt/format.h>

#include "base/digest.h"
#include "journal/names.h"
#include "model/fields.h"
#include "ports/scan.h"

namespace rehome {
namespace {

/// Adds the next entry of the chain to what is known of it.
void Follow(const Document& entry, AuditVerdict& out) {
  const std::int64_t number = IntField(entry.view(), "_id");
  if (number != out.head.number + 1) {
    out.problems.push_back(fmt::format("entry {} follows entry {}", number, out.head.number));
    out.breaks.push_back({.previous = out.head.number, .number = number, .gap = true});
  } else if (StringField(entry.view(), "previous") != out.head.hash) {
    out.problems.push_back(
        fmt::format("entry {} does not hold the hash of entry {}", number, out.head.number));
    out.breaks.push_back({.previous = out.head.number, .number = number, .gap = false});
  }
  out.head = {.number = number, .hash = Sha256Hex(entry.bytes())};
}

}  // namespace

Result<AuditHead> ReadAuditHead(DocumentStore& store, const Call& call) {
  // Entries are numbered without gaps, so the count is the last number.
  REHOME_TRY_ASSIGN(const std::uint64_t count, store.Count(journal::kAudit, call));
  if (count == 0) {
    return AuditHead{};
  }
  const Value last = Value::Int64(static_cast<std::int64_t>(count));
  REHOME_TRY_ASSIGN(const auto found, store.FindByIds(journal::kAudit, {&last, 1}, call));
  if (!found.front()) {
    return Fail(ErrorCode::kDataLoss,
                fmt::format("the audit log has {} entries, but none numbered {}", count, count),
                "`rehome verify --check audit` names the gap");
  }
  return AuditHead{.number = static_cast<std::int64_t>(count),
                   .hash = Sha256Hex(found.front()->bytes())};
}

Status AppendAudit(DocumentStore& store, Clock& clock, std::string_view action,
                   std::string_view detail, std::string_view run_id, const Call& call) {
  constexpr int kAttemptsMax = 100;
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    REHOME_TRY_ASSIGN(const AuditHead head, ReadAuditHead(store, call));
    const Write write = Write::Insert(DocumentBuilder()
                                          .Int64("_id", head.number + 1)
                                          .String("previous", head.hash)
                                          .Date("at", clock.Now().time_since_epoch().count())
                                          .String("run", run_id)
                                          .String("action", action)
                                          .String("detail", detail)
                                          .Finish());
    REHOME_TRY_ASSIGN(const auto results, store.Apply(journal::kAudit, {&write, 1}, {}, call));
    // A repeat after a lost reply finds what it wrote itself.
    if (results.front().applied() || results.front().found == write.document) {
      return {};
    }
  }
  return Fail(ErrorCode::kAborted, "other writers kept taking the next number of the audit log");
}

Result<AuditVerdict> VerifyAudit(DocumentStore& store, const Call& call) {
  AuditVerdict out;
  REHOME_TRY(ForEachBatch(store, journal::kAudit, {}, call,
                          [&](const std::vector<Document>& entries) -> Status {
                            for (const Document& entry : entries) {
                              Follow(entry, out);
                            }
                            return {};
                          }));
  return out;
}

}  // namespace rehome
