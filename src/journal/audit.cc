#include "journal/audit.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/digest.h"
#include "journal/names.h"
#include "journal/run_record.h"
#include "model/fields.h"
#include "ports/scan.h"

namespace rehome {
namespace {

constexpr std::int64_t kProbed = 16;

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
  // Numbered without gaps, the count is the last number; where entries were taken out, later ones
  // stand behind it.
  REHOME_TRY_ASSIGN(const std::uint64_t count, store.Count(journal::kAudit, call));
  AuditHead head;
  for (std::int64_t first = static_cast<std::int64_t>(count);; first += kProbed) {
    std::vector<Value> numbers;
    for (std::int64_t number = std::max<std::int64_t>(first, 1); number < first + kProbed;
         ++number) {
      numbers.push_back(Value::Int64(number));
    }
    REHOME_TRY_ASSIGN(const auto found, store.FindByIds(journal::kAudit, numbers, call));
    bool any = false;
    for (std::size_t i = 0; i < found.size(); ++i) {
      if (found[i]) {
        any = true;
        head = {.number = IntField(found[i]->view(), "_id"), .hash = Sha256Hex(found[i]->bytes())};
      }
    }
    if (!any) {
      break;
    }
  }
  if (head.number == 0 && count > 0) {
    return Fail(ErrorCode::kDataLoss,
                fmt::format("the audit log has {} entries, but none numbered {}", count, count),
                "`rehome verify --check audit` names the gap");
  }
  return head;
}

namespace {

/// What the run added last. Where that was cut off, the next entry goes behind it, so that the gap
/// shows for good.
Result<AuditHead> OwnHead(DocumentStore& store, std::string_view run_id, const Call& call) {
  if (run_id.empty()) {
    return AuditHead{};
  }
  const Value id = Value::String(run_id);
  REHOME_TRY_ASSIGN(const auto found, store.FindByIds(journal::kRuns, {&id, 1}, call));
  if (!found.front()) {
    return AuditHead{};
  }
  REHOME_TRY_ASSIGN(const RunRecord run, RunRecord::FromDocument(found.front()->view()));
  return AuditHead{.number = run.audit_number, .hash = run.audit_hash};
}

}  // namespace

Status AppendAudit(DocumentStore& store, Clock& clock, std::string_view action,
                   std::string_view detail, std::string_view run_id, const Call& call) {
  constexpr int kAttemptsMax = 100;
  REHOME_TRY_ASSIGN(const AuditHead own, OwnHead(store, run_id, call));
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    REHOME_TRY_ASSIGN(AuditHead head, ReadAuditHead(store, call));
    head = head.number < own.number ? own : head;
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
