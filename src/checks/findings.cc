#include "checks/findings.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/extended_json.h"
#include "model/fields.h"
#include "model/item.h"

namespace rehome {
namespace {

constexpr std::size_t kShownBytes = 120;

std::string Shown(const std::optional<ValueView>& value, JsonMode mode) {
  if (!value) {
    return "nothing";
  }
  std::string json = ToExtendedJson(*value, mode);
  if (json.size() > kShownBytes) {
    std::size_t end = kShownBytes;
    while (end > 0 && (static_cast<unsigned char>(json[end]) & 0xC0U) == 0x80U) {
      --end;  // not inside a code point
    }
    json.resize(end);
    json += "…";
  }
  return json;
}

bool IsMark(std::string_view key) {
  return key == kIsEmbedded || key == kEmbeddingId;
}

}  // namespace

Status Report(const CheckContext& context, std::vector<Suspect> findings, CheckResult& result) {
  std::vector<Value> ids;
  std::vector<Suspect*> asked;
  for (Suspect& finding : findings) {
    if (finding.source_id && IsFailing(finding.what.discrepancy_class)) {
      ids.push_back(*finding.source_id);
      asked.push_back(&finding);
    }
  }
  // The feed of a retired source names every document as deleted, which nobody will carry.
  if (context.pending && !SourceIsRetired(context) && !ids.empty()) {
    REHOME_TRY_ASSIGN(const std::vector<bool> pending, context.pending(ids));
    for (std::size_t i = 0; i < asked.size(); ++i) {
      if (pending[i]) {
        asked[i]->what.discrepancy_class = DiscrepancyClass::kPending;
      }
    }
  }
  for (Suspect& finding : findings) {
    const bool harmless =
        finding.what.discrepancy_class == DiscrepancyClass::kPending && !context.pending_fails;
    const bool passed_before = result.passed;
    if (context.on_finding && IsFailing(finding.what.discrepancy_class)) {
      context.on_finding(finding);
    }
    result.Add(std::move(finding.what));
    result.passed = harmless ? passed_before : result.passed;
  }
  return {};
}

Result<std::vector<Document>> ItemsUnder(const CheckContext& context, std::span<const Value> ids) {
  REHOME_TRY_ASSIGN(auto found, context.flow.stores.target_documents->FindByIds(
                                    context.flow.plan.items.to, ids, context.call));
  std::vector<Document> out;
  for (std::optional<Document>& item : found) {
    if (item) {
      out.push_back(*std::move(item));
    }
  }
  return out;
}

Result<std::vector<bool>> ChangedAfterCutover(const CheckContext& context,
                                              std::span<const Document> items) {
  std::vector<bool> out(items.size());
  if (!context.run.IsCutOver() || items.empty()) {
    return out;
  }
  REHOME_TRY_ASSIGN(const auto histories, context.flow.ledger.Find(context.flow.ItemsTarget(),
                                                                   IdsOf(items), context.call));
  for (std::size_t i = 0; i < items.size(); ++i) {
    out[i] = Judge(histories[i], DocumentDigest(items[i].view())) != Ownership::kOurs;
  }
  return out;
}

std::optional<std::string> NotDone(const RunRecord& run, Phase phase) {
  if (run.IsDone(phase)) {
    return std::nullopt;
  }
  const PhaseState state = run.At(phase).state;
  const std::string_view what = state == PhaseState::kPending   ? "has not run"
                                : state == PhaseState::kRunning ? "is not done"
                                : state == PhaseState::kUndoing ? "is not undone to its end"
                                                                : "was undone";
  return fmt::format("phase {} ({}) {}", Number(phase), Name(phase), what);
}

CheckResult Skip(std::string_view check, std::string reason) {
  CheckResult out;
  out.check = check;
  out.skipped = std::move(reason);
  return out;
}

bool SourceIsRetired(const CheckContext& context) {
  return context.run.HasDropped(context.flow.plan.items.from);
}

std::string ItemIdOf(const Plan& plan, DocumentView item) {
  std::string id = StringField(item, "item_id");
  return id.empty() ? ItemId(plan.items.id, item.Id()) : id;
}

std::string HomeOf(const CheckContext& context, DocumentView item) {
  const auto found = context.run.namespaces.find(StringField(item, "org_id"));
  return found == context.run.namespaces.end() ? std::string() : found->second;
}

std::optional<Difference> FirstDifference(DocumentView expected, DocumentView found) {
  const auto compare = [&](std::string_view key) -> std::optional<Difference> {
    const auto wanted = expected.Find(key);
    const auto stands = found.Find(key);
    if (IsMark(key) || wanted == stands) {
      return std::nullopt;
    }
    JsonMode mode = JsonMode::kRelaxed;
    if (Shown(wanted, mode) == Shown(stands, mode)) {
      mode = JsonMode::kCanonical;  // the same number in another type
    }
    return Difference{std::string(key), fmt::format("expected {}, found {}", Shown(wanted, mode),
                                                    Shown(stands, mode))};
  };
  for (const DocumentView side : {expected, found}) {
    for (const auto& element : side) {
      if (auto difference = compare(element.key)) {
        return difference;
      }
    }
  }
  return std::nullopt;
}

}  // namespace rehome
