#include "journal/audit.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/digest.h"
#include "journal/names.h"
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
  for (auto first = static_cast<std::int64_t>(count);; first += kProbed) {
    std::vector<Value> numbers;
    for (std::int64_t number = std::max<std::int64_t>(first, 1); number < first + kProbed;
         ++number) {
      numbers.push_back(Value::Int64(number));
    }
    REHOME_TRY_ASSIGN(const auto found, store.FindByIds(journal::kAudit, numbers, call));
    for (const auto& entry : found) {
      if (entry) {
        head.number = IntField(entry->view(), "_id");
        head.hash = Sha256Hex(entry->bytes());
      }
    }
    if (head.number <= first) {  // nothing stands behind it
      break;
    }
  }
  if (head.number == 0 && count > 0) {  // so much was taken out: nobody is locked out for that
    REHOME_TRY(ForEachBatch(store, journal::kAudit, {}, call,
                            [&](const std::vector<Document>& entries) -> Status {
                              head = {.number = IntField(entries.back().view(), "_id"),
                                      .hash = Sha256Hex(entries.back().bytes())};
                              return {};
                            }));
  }
  return head;
}

Result<AuditHead> AppendAudit(DocumentStore& store, Clock& clock, const AuditEntry& entry,
                              const AuditHead& own, const Call& call) {
  constexpr int kAttemptsMax = 100;
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    REHOME_TRY_ASSIGN(AuditHead head, ReadAuditHead(store, call));
    head = head.number < own.number ? own : head;
    const Write write = Write::Insert(DocumentBuilder()
                                          .Int64("_id", head.number + 1)
                                          .String("previous", head.hash)
                                          .Date("at", clock.Now().time_since_epoch().count())
                                          .String("run", entry.run_id)
                                          .String("action", entry.action)
                                          .String("detail", entry.detail)
                                          .Finish());
    REHOME_TRY_ASSIGN(const auto results, store.Apply(journal::kAudit, {&write, 1}, {}, call));
    // A repeat after a lost reply finds what it wrote itself.
    if (results.front().applied() || results.front().found == write.document) {
      return AuditHead{.number = head.number + 1, .hash = Sha256Hex(write.document.bytes())};
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
