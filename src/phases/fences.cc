#include "phases/fences.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <ranges>
#include <utility>

#include "model/fields.h"

namespace rehome {
namespace {

DocumentStore& StoreOf(Session& session, const FenceRecord& fence) {
  return fence.on_target ? session.target() : session.source();
}

}  // namespace

Result<FenceRecord> PlanFence(Session& session, const std::string& collection, bool on_target) {
  FenceRecord fence{.collection = collection,
                    .on_target = on_target,
                    .kind = FenceKind::kNone,
                    .undo = {},
                    .raised = false,
                    .by_hooks = false};
  const CutoverPlan& plan = session.plan().cutover;
  if (plan.fence == CutoverPlan::Fence::kNone) {
    return fence;
  }
  fence.by_hooks = !on_target && !plan.hooks.fence.empty();
  DocumentStore& store = StoreOf(session, fence);
  REHOME_TRY_ASSIGN(fence.kind, store.PossibleFence(collection, session.call()));
  if (fence.kind != FenceKind::kNone) {
    REHOME_TRY_ASSIGN(fence.undo, store.FenceUndo(collection, fence.kind, session.call()));
  }
  if (plan.fence == CutoverPlan::Fence::kRequired && !fence.pauses_writes() && !on_target) {
    return Fail(
        ErrorCode::kFailedPrecondition,
        fmt::format("the plan requires a fence on {}, and this store offers none", collection),
        "give cutover.hooks.fence the application's own switch, or set cutover.fence to auto");
  }
  return fence;
}

Result<bool> MayBlockUserWrites(const Plan& plan, const Stores& stores, const Call& call) {
  if (plan.cutover.fence == CutoverPlan::Fence::kNone || !plan.stamps.empty()) {
    return false;
  }
  REHOME_TRY_ASSIGN(const Document source, stores.source_documents->Describe(call));
  REHOME_TRY_ASSIGN(const Document target, stores.target_documents->Describe(call));
  const std::string cluster = StringField(source.view(), "cluster");
  const std::string other = StringField(target.view(), "cluster");
  if (!BoolField(source.view(), "write_block") || cluster.empty() || other.empty() ||
      cluster == other) {
    return false;
  }
  REHOME_TRY_ASSIGN(const auto collections, stores.source_documents->Collections(call));
  return std::ranges::all_of(collections, [&](const CollectionInfo& collection) {
    return collection.name == plan.items.from ||
           std::ranges::find(plan.retire.collections, collection.name) !=
               plan.retire.collections.end();
  });
}

Result<std::optional<FenceRecord>> PlanWriteBlock(Session& session) {
  REHOME_TRY_ASSIGN(const bool possible,
                    MayBlockUserWrites(session.plan(), session.stores(), session.call()));
  if (!possible) {
    return std::nullopt;
  }
  return FenceRecord{.collection = session.plan().items.from,
                     .on_target = false,
                     .kind = FenceKind::kUserWriteBlock,
                     .undo = {},
                     .raised = false,
                     .by_hooks = false};
}

Status LiftWriteBlock(Session& session) {
  auto& cutover = session.run().cutover;
  if (!cutover) {
    return {};
  }
  const auto is_block = [](const FenceRecord& fence) {
    return fence.kind == FenceKind::kUserWriteBlock;
  };
  const auto block = std::ranges::find_if(cutover->fences, is_block);
  if (block == cutover->fences.end()) {
    return {};
  }
  REHOME_TRY(StoreOf(session, *block)
                 .LiftFence(block->collection, block->kind, block->undo, session.call()));
  cutover->fences.erase(block);
  return session.Save();
}

Status RaiseFences(Session& session) {
  for (FenceRecord& fence : session.run().cutover->fences) {
    // Journaled as raised before it is: a crash in between lifts what may not stand, which is
    // success.
    const bool again = std::exchange(fence.raised, true);
    REHOME_TRY(session.Save());
    if (fence.by_hooks && !again) {
      REHOME_TRY(RunHooks(session, "fence", session.plan().cutover.hooks.fence));
    }
    if (fence.kind != FenceKind::kNone) {
      REHOME_TRY(StoreOf(session, fence).RaiseFence(fence.collection, fence.kind, session.call()));
    }
  }
  return {};
}

Status LiftFences(Session& session, Fenced side) {
  if (!session.run().cutover) {
    return {};
  }
  for (FenceRecord& fence : session.run().cutover->fences | std::views::reverse) {
    if (!fence.raised || (side == Fenced::kNewSide && !fence.on_target)) {
      continue;
    }
    if (fence.kind != FenceKind::kNone) {
      REHOME_TRY(StoreOf(session, fence)
                     .LiftFence(fence.collection, fence.kind, fence.undo, session.call()));
    }
    if (fence.by_hooks) {
      REHOME_TRY(RunHooks(session, "unfence", session.plan().cutover.hooks.unfence));
    }
    fence.raised = false;
    REHOME_TRY(session.Save());
  }
  return {};
}

Result<bool> FencesHold(Session& session) {
  bool any = false;
  for (const FenceRecord& fence : session.run().cutover->fences) {
    if (fence.kind == FenceKind::kNone) {
      continue;
    }
    REHOME_TRY_ASSIGN(const bool fenced,
                      StoreOf(session, fence).IsFenced(fence.collection, session.call()));
    if (!fenced) {
      return false;
    }
    any = true;
  }
  return any;
}

Status RunHooks(Session& session, std::string_view which,
                const std::vector<std::vector<std::string>>& hooks) {
  for (const std::vector<std::string>& arguments : hooks) {
    const std::string shown =
        fmt::format("cutover.hooks.{} `{}`", which, fmt::join(arguments, " "));
    session.events().Note(fmt::format("running {}", shown));
    REHOME_TRY_ASSIGN(const int status, session.deps().run_hook(arguments));
    if (status != 0) {
      return Fail(ErrorCode::kFailedPrecondition, fmt::format("{} exited with {}", shown, status),
                  "mend the hook, then run the same command again");
    }
  }
  return {};
}

}  // namespace rehome
