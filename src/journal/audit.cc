#include "journal/audit.h"

#include <fmt/format.h>

#include "base/digest.h"
#include "journal/names.h"
#include "model/fields.h"

namespace rehome {
namespace {

constexpr std::size_t kBatchCount = 1000;
constexpr std::size_t kBatchBytes = std::size_t{4} << 20U;

Result<std::unique_ptr<DocumentCursor>> Walk(DocumentStore& store, const Call& call) {
  return store.Scan(journal::kAudit, {}, call);
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
    if (results.front().applied()) {
      return {};
    }
  }
  return Fail(ErrorCode::kAborted, "other writers kept taking the next number of the audit log");
}

Result<AuditVerdict> VerifyAudit(DocumentStore& store, const Call& call) {
  REHOME_TRY_ASSIGN(auto cursor, Walk(store, call));
  AuditVerdict out;
  while (true) {
    REHOME_TRY_ASSIGN(const auto entries, cursor->Next(kBatchCount, kBatchBytes));
    if (entries.empty()) {
      return out;
    }
    for (const Document& entry : entries) {
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
  }
}

}  // namespace rehome
