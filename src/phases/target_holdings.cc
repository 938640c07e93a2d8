#include "phases/target_holdings.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "model/extended_json.h"
#include "model/fields.h"
#include "model/item.h"
#include "ports/scan.h"

namespace rehome {
namespace {

constexpr std::size_t kEqualHashesMax = 1000;

std::uint64_t HashOf(std::string_view item_id) {
  return std::hash<std::string_view>()(item_id);
}

class HoldingsReader {
 public:
  HoldingsReader(const Plan& plan, const Stores& stores, const RunRecord* run, const Call& call)
      : plan_(plan), stores_(stores), run_(run), call_(call) {}

  Result<TargetHoldings> Read() {
    REHOME_TRY(ForEachBatch(*stores_.target_documents, plan_.items.to, {}, call_,
                            [&](const std::vector<Document>& batch) { return Sort(batch); }));
    REHOME_TRY(FindTakenItemIds());
    return std::move(out_);
  }

 private:
  Status Sort(std::span<const Document> batch) {
    REHOME_TRY_ASSIGN(const auto foreign,
                      AreForeign(*stores_.target_documents, run_, plan_.items.to, batch, call_));
    std::vector<const Document*> theirs;
    std::vector<Value> ids;
    for (std::size_t i = 0; i < batch.size(); ++i) {
      if (foreign[i]) {
        theirs.push_back(&batch[i]);
        ids.emplace_back(batch[i].Id());
      } else {
        ++out_.ours;
      }
    }
    if (ids.empty()) {
      return {};
    }
    REHOME_TRY_ASSIGN(const auto sources,
                      stores_.source_documents->FindByIds(plan_.items.from, ids, call_));
    for (std::size_t i = 0; i < ids.size(); ++i) {
      JudgeForeign(*theirs[i], sources[i].has_value());
    }
    return {};
  }

  void JudgeForeign(const Document& document, bool source_has_id) {
    const std::string org_id = StringField(document.view(), "org_id");
    if (source_has_id) {
      InTheWay(document, fmt::format("a document of {} has the same _id", plan_.items.from));
    } else if (plan_.FindOrganization(org_id) != nullptr) {
      InTheWay(
          document,
          fmt::format("it belongs to organization {} of the plan, and no run wrote it", org_id));
    } else {
      ++out_.others;
      if (const auto item_id = document.Find("item_id"); item_id && item_id->IsString()) {
        other_item_ids_.push_back(HashOf(item_id->AsString()));
      }
    }
  }

  /// Whether a source document will want the item_id of one of the other organizations' items.
  Status FindTakenItemIds() {
    if (other_item_ids_.empty()) {
      return {};
    }
    std::ranges::sort(other_item_ids_);
    const auto confirm_all = [&](const std::vector<Document>& batch) -> Status {
      for (const Document& source : batch) {
        const std::string item_id = ItemId(plan_.items.id, source.Id());
        if (std::ranges::binary_search(other_item_ids_, HashOf(item_id))) {
          REHOME_TRY(Confirm(item_id, source));
        }
      }
      return {};
    };
    return ForEachBatch(*stores_.source_documents, plan_.items.from, {}, call_, confirm_all);
  }

  /// Equal hashes: look at the documents themselves.
  Status Confirm(const std::string& item_id, const Document& source) {
    const Value wanted = Value::String(item_id);
    REHOME_TRY_ASSIGN(const auto found,
                      stores_.target_documents->FindByField(plan_.items.to, "item_id", {&wanted, 1},
                                                            kEqualHashesMax, call_));
    REHOME_TRY_ASSIGN(const auto foreign,
                      AreForeign(*stores_.target_documents, run_, plan_.items.to, found, call_));
    for (std::size_t i = 0; i < found.size(); ++i) {
      if (foreign[i]) {
        --out_.others;
        InTheWay(found[i],
                 fmt::format("it has the item_id {} that {} {} will get", item_id, plan_.items.from,
                             ToExtendedJson(source.Id(), JsonMode::kRelaxed)));
      }
    }
    return {};
  }

  void InTheWay(const Document& document, std::string why) {
    ++out_.in_the_way;
    if (out_.examples.size() < TargetHoldings::kExamplesMax) {
      out_.examples.push_back({ToExtendedJson(document.Id(), JsonMode::kRelaxed), std::move(why)});
    }
  }

  const Plan& plan_;
  const Stores& stores_;
  const RunRecord* run_;
  const Call& call_;
  TargetHoldings out_;
  std::vector<std::uint64_t> other_item_ids_;  // hashes
};

}  // namespace

Result<std::vector<bool>> AreForeign(DocumentStore& store, const RunRecord* run,
                                     const std::string& collection,
                                     std::span<const Document> documents, const Call& call) {
  std::vector<bool> out(documents.size(), true);
  if (run == nullptr) {
    return out;
  }
  const std::vector<Value> ids = IdsOf(documents);
  const Ledger ledger(store, run->run_id, run->epoch);
  REHOME_TRY_ASSIGN(const auto histories,
                    ledger.Find({LedgerTarget::Store::kDocuments, collection}, ids, call));
  for (std::size_t i = 0; i < documents.size(); ++i) {
    out[i] = Judge(histories[i], DocumentDigest(documents[i].view())) == Ownership::kForeign;
  }
  return out;
}

Result<TargetHoldings> LookAtHoldings(const Plan& plan, const Stores& stores, const RunRecord* run,
                                      const Call& call) {
  return HoldingsReader(plan, stores, run, call).Read();
}

const RunRecord* RunToGoOn(const Plan& plan, const RunRecord* run) {
  const bool another = run != nullptr && run->IsOver() && run->fingerprint != plan.Fingerprint();
  return another ? nullptr : run;
}

std::string NamespaceFor(const Plan& plan, const RunRecord* run, const std::string& org_id) {
  if (run != nullptr) {
    if (const auto found = run->namespaces.find(org_id); found != run->namespaces.end()) {
      return found->second;
    }
  }
  return plan.NamespaceOf(org_id).name();
}

}  // namespace rehome
