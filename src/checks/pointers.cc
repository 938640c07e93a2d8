// The application's configuration says what the run says, and the way back is open: the old side stands
// until it is retired, behind the fence that the cutover raised.
#include <fmt/format.h>

#include <algorithm>

#include "checks/all.h"
#include "checks/findings.h"

namespace rehome {
namespace {

std::string Shown(const std::optional<std::string>& value) {
  return value ? fmt::format("\"{}\"", *value) : "nothing";
}

std::string PlaceOf(const PointerRecord& pointer) {
  return pointer.id.empty() ? pointer.where : fmt::format("{} {}", pointer.where, pointer.id);
}

bool IsSame(const PointerRecord& a, const PointerRecord& b) {
  return a.kind == b.kind && a.where == b.where && a.id == b.id && a.key == b.key;
}

/// What a revert leads back to, as far as phase 0 found something there.
Status LookAtOldSide(const CheckContext& context, CheckResult& result) {
  const RunRecord& run = context.run;
  const FlowContext& flow = context.flow;
  const RestorePoint* prepared = run.FindRestorePoint(Phase::kPrepare);
  if (!run.retirements.empty() || prepared == nullptr) {
    return {};
  }
  const auto held = [&](const std::string& name) {
    const auto found = prepared->counts.find(name);
    return found != prepared->counts.end() && found->second > 0;
  };
  REHOME_TRY_ASSIGN(const auto collections,
                    flow.stores.source_documents->Collections(context.call));
  for (const std::string& name : flow.plan.backup.collections) {
    if (held(name) &&
        std::ranges::find(collections, name, &CollectionInfo::name) == collections.end()) {
      result.Add({DiscrepancyClass::kMissing, name, "",
                  "the old side's collection is gone before it was retired: a revert would lead to "
                  "nothing"});
    }
  }
  REHOME_TRY_ASSIGN(const IndexInfo index, flow.stores.source_vectors->Describe(context.call));
  for (const std::string& ns : flow.plan.backup.namespaces) {
    const auto found = index.namespaces.find(ns);
    if (held(fmt::format("vectors {}", ns)) &&
        (found == index.namespaces.end() || found->second == 0)) {
      result.Add({DiscrepancyClass::kMissing, fmt::format("namespace {}", ns), "",
                  "the old side's vectors are gone before they were retired: a revert would lead "
                  "to nothing"});
    }
  }
  return {};
}

/// Somebody may move the application by hand: a cutover would take what stands there for the old side,
/// and a revert would lead back to it.
Result<CheckResult> LookForEarlyMove(const CheckContext& context) {
  CheckResult result;
  result.expected = "the application on the old side until the cutover";
  result.found = "it is";
  auto now = context.pointers();
  if (!now) {
    if (now.error().code != ErrorCode::kFailedPrecondition) {
      return std::unexpected(std::move(now).error());
    }
    result.found = "no pointers yet";
    return result;
  }
  const bool moved = !now->empty() && std::ranges::all_of(*now, [](const PointerRecord& pointer) {
    return pointer.old_value == pointer.new_value;
  });
  if (moved && !context.run.cutover) {  // else by a cutover that was cut off
    result.found = "every pointer is on the new side";
    result.Add({DiscrepancyClass::kDiffering, "pointers", "",
                "the application was pointed to the new side by hand: point it back, then `rehome "
                "cutover`"});
  }
  return result;
}

Status LookAtFences(const CheckContext& context, CheckResult& result) {
  for (const FenceRecord& fence : context.run.cutover->fences) {
    if (!fence.raised || fence.kind == FenceKind::kNone ||
        fence.kind == FenceKind::kUserWriteBlock || context.run.HasDropped(fence.collection)) {
      continue;
    }
    DocumentStore& store = fence.on_target ? *context.flow.stores.target_documents
                                           : *context.flow.stores.source_documents;
    REHOME_TRY_ASSIGN(const bool stands, store.IsFenced(fence.collection, context.call));
    if (!stands) {
      result.notes.push_back(
          fmt::format("the fence on {} is down, and not by this run: what is written there is a "
                      "straggler, which "
                      "`rehome run --online` carries; `rehome revert` does not need it",
                      fence.collection));
    }
  }
  return {};
}

}  // namespace

Result<CheckResult> CheckPointers(CheckContext& context) {
  if (!context.pointers) {
    return Skip("pointers", "the application's configuration cannot be read from here");
  }
  if (!context.run.IsCutOver() || !context.run.cutover) {
    return LookForEarlyMove(context);
  }
  CheckResult result;
  REHOME_TRY(LookAtOldSide(context, result));
  REHOME_TRY(LookAtFences(context, result));
  const std::vector<PointerRecord>& journaled = context.run.cutover->pointers;
  result.expected = fmt::format("{} pointers on the new side, the old side there until retired",
                                journaled.size());
  auto now = context.pointers();
  if (!now) {
    if (now.error().code != ErrorCode::kFailedPrecondition) {
      return std::unexpected(std::move(now).error());
    }
    result.Add({DiscrepancyClass::kMissing,
                journaled.empty() ? std::string() : PlaceOf(journaled.front()), "",
                now.error().message});
    result.found = "a pointer that cannot be read";
    return result;
  }
  std::size_t right = 0;
  for (const PointerRecord& pointer : journaled) {
    const auto found =
        std::ranges::find_if(*now, [&](const PointerRecord& one) { return IsSame(one, pointer); });
    const std::optional<std::string> value = found == now->end() ? std::nullopt : found->old_value;
    if (value == pointer.new_value) {
      ++right;
    } else {
      result.Add({DiscrepancyClass::kDiffering, PlaceOf(pointer), pointer.key,
                  fmt::format("expected \"{}\", found {}", pointer.new_value, Shown(value))});
    }
  }
  result.found = fmt::format("{} on the new side", right);
  return result;
}

}  // namespace rehome
