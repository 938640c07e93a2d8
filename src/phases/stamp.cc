#include "phases/stamp.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "flow/journaled_write.h"
#include "model/extended_json.h"
#include "model/item.h"
#include "ports/scan.h"

namespace rehome {
namespace {

bool Stamped(const Document& document, const StampPlan& stamp) {
  return std::ranges::all_of(stamp.set, [&](const auto& field) {
    return document.Find(field.first) == field.second.view();
  });
}

/// Whether the application gave one of the fields a value of its own.
bool HasItsOwn(const Document& document, const StampPlan& stamp) {
  return std::ranges::any_of(stamp.set, [&](const auto& field) {
    const auto found = document.Find(field.first);
    return found && *found != field.second.view();
  });
}

/// The document with the fields at its end; an error if one is there with another value.
Result<Document> WithStamp(const Document& document, const StampPlan& stamp) {
  DocumentBuilder builder;
  for (const auto& [key, value] : document.view()) {
    builder.Append(key, value);
  }
  for (const auto& [key, value] : stamp.set) {
    const auto old = document.Find(key);
    if (old && *old != value.view()) {
      return Fail(
          ErrorCode::kFailedPrecondition,
          fmt::format("{} in {} already has {} = {}, the stamp would make it {}",
                      ToExtendedJson(document.Id(), JsonMode::kRelaxed), stamp.collection, key,
                      ToExtendedJson(*old, JsonMode::kRelaxed),
                      ToExtendedJson(value.view(), JsonMode::kRelaxed)),
          "it was left as it is; give the stamp another field name, or clear that field first");
    }
    if (!old) {
      builder.Append(key, value);
    }
  }
  return builder.Finish();
}

Document WithoutStamp(const Document& document, const StampPlan& stamp) {
  DocumentBuilder builder;
  for (const auto& [key, value] : document.view()) {
    const bool ours =
        std::ranges::any_of(stamp.set, [&, &name = key, &now = value](const auto& field) {
          return field.first == name && field.second.view() == now;
        });
    if (!ours) {
      builder.Append(key, value);
    }
  }
  return builder.Finish();
}

/// Replaces each document by what `change` makes of it, journaled; documents that changed meanwhile
/// are left to the feed, which names them.
Result<std::uint64_t> ReplaceAll(Session& session, const StampPlan& stamp,
                                 std::span<const Document> documents,
                                 const std::function<Result<Document>(const Document&)>& change) {
  std::vector<LedgerEntry> entries;
  std::vector<Write> writes;
  for (const Document& document : documents) {
    REHOME_TRY_ASSIGN(Document changed, change(document));
    if (changed == document) {
      continue;
    }
    entries.push_back({.id = Value(document.Id()),
                       .before = DocumentDigest(document.view()),
                       .after = DocumentDigest(changed.view()),
                       .text = {}});
    writes.push_back(Write::Replace(document, std::move(changed)));
  }
  const JournaledCollection stamped{
      session.ledger(), session.source(), {LedgerTarget::Store::kDocuments, stamp.collection}};
  REHOME_TRY_ASSIGN(const auto results,
                    WriteJournaled(stamped, entries, writes, {}, session.call()));
  return static_cast<std::uint64_t>(std::ranges::count_if(results, &WriteResult::applied));
}

Result<std::uint64_t> ReplaceInAll(Session& session, const StampPlan& stamp,
                                   const std::function<Result<Document>(const Document&)>& change) {
  std::uint64_t total = 0;
  REHOME_TRY(ForEachBatch(session.source(), stamp.collection, {}, session.call(),
                          [&](const std::vector<Document>& documents) -> Status {
                            REHOME_TRY_ASSIGN(const std::uint64_t changed,
                                              ReplaceAll(session, stamp, documents, change));
                            total += changed;
                            return {};
                          }));
  return total;
}

/// Stamps every document of the plan's stamped collections but those that `stays` names.
Result<std::uint64_t> StampAllBut(Session& session,
                                  bool (*stays)(const Document&, const StampPlan&)) {
  std::uint64_t total = 0;
  for (const StampPlan& stamp : session.plan().stamps) {
    REHOME_TRY_ASSIGN(
        const std::uint64_t changed,
        ReplaceInAll(session, stamp, [&](const Document& document) -> Result<Document> {
          return stays(document, stamp) ? Result<Document>(document) : WithStamp(document, stamp);
        }));
    total += changed;
  }
  return total;
}

}  // namespace

Result<std::uint64_t> RunStamps(Session& session) {
  return StampAllBut(session, Stamped);
}

Result<std::uint64_t> StampWhatLacksIt(Session& session) {
  return StampAllBut(session, [](const Document& document, const StampPlan& stamp) {
    return Stamped(document, stamp) || HasItsOwn(document, stamp);
  });
}

Status StampIds(Session& session, const StampPlan& stamp, std::span<const Value> ids) {
  REHOME_TRY_ASSIGN(auto found, session.source().FindByIds(stamp.collection, ids, session.call()));
  std::vector<Document> lacking;
  for (auto& document : found) {
    if (document && !HasItsOwn(*document, stamp)) {
      lacking.push_back(*std::move(document));
    }
  }
  REHOME_TRY(ReplaceAll(session, stamp, lacking,
                        [&](const Document& document) { return WithStamp(document, stamp); }));
  return {};
}

Result<std::uint64_t> UndoStamps(Session& session) {
  std::uint64_t total = 0;
  for (const StampPlan& stamp : session.plan().stamps) {
    const LedgerTarget target{LedgerTarget::Store::kDocuments, stamp.collection};
    const auto unstamp = [&](const Document& document) -> Result<Document> {
      const Value id(document.Id());
      REHOME_TRY_ASSIGN(const auto histories,
                        session.ledger().Find(target, {&id, 1}, session.call()));
      // Fields that stood there before are not ours to take off.
      return histories.front().steps.empty() ? document : WithoutStamp(document, stamp);
    };
    REHOME_TRY_ASSIGN(const std::uint64_t changed, ReplaceInAll(session, stamp, unstamp));
    total += changed;
  }
  return total;
}

}  // namespace rehome
