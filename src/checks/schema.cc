// What the new collections enforce, and every item against items.schema, the application's own after
// cutover included.
#include <fmt/format.h>

#include <algorithm>

#include "checks/all.h"
#include "checks/findings.h"
#include "checks/walk.h"
#include "flow/target_shape.h"
#include "model/fields.h"

namespace rehome {
namespace {

/// Whether `index` (as listIndexes says it) keeps what `spec` wants unique.
bool Keeps(DocumentView index, const IndexSpec& spec) {
  std::vector<std::string> paths;
  for (const auto& part : DocumentField(index, "key")) {
    paths.emplace_back(part.key);
  }
  return paths == spec.paths && BoolField(index, "unique") &&
         !index.Find("partialFilterExpression") && !BoolField(index, "sparse");
}

Status LookAtIndexes(const CheckContext& context, const std::vector<CollectionInfo>& collections,
                     CheckResult& result) {
  for (const TargetIndex& wanted : TargetIndexes(context.flow.plan)) {
    const auto found = std::ranges::find(collections, wanted.collection, &CollectionInfo::name);
    const bool kept = found != collections.end() &&
                      std::ranges::any_of(found->indexes, [&](const Document& index) {
                        return Keeps(index.view(), wanted.spec);
                      });
    if (!kept) {
      result.Add({DiscrepancyClass::kMissing,
                  fmt::format("{}.{}", wanted.collection, wanted.spec.name), "",
                  "the unique index is gone: a second document with the same key would be taken"});
    }
  }
  return {};
}

/// Where the run made the collection, the server has validators, and our own fence is not in its place
/// just now.
Status LookAtValidator(const CheckContext& context, const std::vector<CollectionInfo>& collections,
                       CheckResult& result) {
  const ItemsPlan& items = context.flow.plan.items;
  const auto found = std::ranges::find(collections, items.to, &CollectionInfo::name);
  const auto& cutover = context.run.cutover;
  const bool fenced = cutover && std::ranges::any_of(cutover->fences, [](const FenceRecord& fence) {
                        return fence.on_target && fence.raised;
                      });
  const std::vector<std::string>& created = context.run.created_collections;
  const bool ours = std::ranges::find(created, items.to) != created.end();
  if (!items.schema || !ours || fenced || found == collections.end()) {
    return {};
  }
  REHOME_TRY_ASSIGN(const FenceKind kind,
                    context.flow.stores.target_documents->PossibleFence(items.to, context.call));
  if (kind != FenceKind::kValidator ||
      DocumentField(DocumentField(found->options.view(), "validator"), "$jsonSchema") ==
          items.schema->view()) {
    return {};
  }
  if (context.run.IsCutOver()) {
    result.notes.push_back(fmt::format(
        "the validator of {} is another than items.schema since the cutover", items.to));
  } else {
    result.Add({DiscrepancyClass::kDiffering, fmt::format("{} validator", items.to), "",
                "not the plan's items.schema: the server would take items that do not fit it"});
  }
  return {};
}

Status LookAtCollections(const CheckContext& context, CheckResult& result) {
  REHOME_TRY_ASSIGN(const auto collections,
                    context.flow.stores.target_documents->Collections(context.call));
  REHOME_TRY(LookAtIndexes(context, collections, result));
  return LookAtValidator(context, collections, result);
}

}  // namespace

Result<CheckResult> CheckSchema(CheckContext& context) {
  const FlowContext& flow = context.flow;
  if (auto reason = NotDone(context.run, Phase::kItems)) {
    return Skip("schema", *std::move(reason));
  }
  CheckResult result;
  if (!context.only) {
    REHOME_TRY(LookAtCollections(context, result));
  }
  if (!flow.plan.items.schema) {
    result.expected = "unique indexes on the keys of tenants and items";
    result.found = "the plan has no items.schema: no item was looked at";
    return result;
  }
  std::uint64_t looked_at = 0;
  std::uint64_t foreign = 0;
  REHOME_TRY(ForEachItemLookedAt(context, [&](const std::vector<Document>& items) -> Status {
    std::vector<Suspect> findings;
    for (const Document& item : items) {
      if (HomeOf(context, item.view()).empty()) {
        ++foreign;
        continue;
      }
      ++looked_at;
      if (auto violation = flow.mapper.SchemaViolation(item.view())) {
        findings.push_back({{DiscrepancyClass::kDiffering, ItemIdOf(flow.plan, item.view()), "",
                             *std::move(violation)},
                            Value(item.Id())});
      }
    }
    return Report(context, std::move(findings), result);
  }));
  result.expected = "every item as items.schema says, unique indexes on their keys";
  result.found = fmt::format("{} items looked at", looked_at);
  if (foreign > 0) {
    result.notes.push_back(fmt::format("{} items of other organizations were left aside", foreign));
  }
  return result;
}

}  // namespace rehome
