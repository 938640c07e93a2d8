#include "checks/walk.h"

#include <fmt/format.h>

#include <algorithm>

#include "checks/findings.h"
#include "flow/vector_walk.h"
#include "model/fields.h"

namespace rehome {
namespace {

// Enough that a sample of one in a hundred is one, few enough that each range is worth a scan.
constexpr std::size_t kSampledRanges = 100;
constexpr int kFetchAttemptsMax = 3;

}  // namespace

Result<DocumentStream> DocumentStream::Open(DocumentStore& store, std::string_view collection,
                                            const IdRange& range, const Call& call) {
  REHOME_TRY_ASSIGN(auto cursor, store.Scan(collection, range, call));
  DocumentStream out(std::move(cursor));
  REHOME_TRY(out.Refill());
  return out;
}

Status DocumentStream::Refill() {
  REHOME_TRY_ASSIGN(batch_, cursor_->Next(kWalkBatchCount, kWalkBatchBytes));
  at_ = 0;
  return {};
}

Status DocumentStream::Advance() {
  return ++at_ < batch_.size() ? Status{} : Refill();
}

Result<std::vector<IdRange>> RangesOf(const CheckContext& context, DocumentStore& store,
                                      std::string_view collection, std::size_t parts) {
  const bool sampled = context.sample < 1.0;
  if (!sampled && parts <= 1) {
    return std::vector<IdRange>(1);
  }
  REHOME_TRY_ASSIGN(auto ranges,
                    store.SplitRanges(collection, sampled ? kSampledRanges : parts, context.call));
  if (ranges.empty()) {
    ranges.emplace_back();
  }
  if (!sampled) {
    return ranges;
  }
  Random random(context.seed);
  std::vector<IdRange> chosen;
  const IdRange fallback = ranges[random.Below(ranges.size())];
  for (IdRange& range : ranges) {
    if (random.Unit() < context.sample) {
      chosen.push_back(std::move(range));
    }
  }
  if (chosen.empty()) {
    chosen.push_back(fallback);
  }
  return chosen;
}

Status ForEachItem(const CheckContext& context, const EachBatch& each) {
  return ForEachBatch(*context.flow.stores.target_documents, context.flow.plan.items.to, {},
                      context.call, each);
}

Status ForEachItemLookedAt(const CheckContext& context, const EachBatch& each) {
  DocumentStore& store = *context.flow.stores.target_documents;
  const std::string& collection = context.flow.plan.items.to;
  if (!context.only) {
    REHOME_TRY_ASSIGN(const auto ranges, RangesOf(context, store, collection, 1));
    for (const IdRange& range : ranges) {
      REHOME_TRY(ForEachBatch(store, collection, range, context.call, each));
    }
    return {};
  }
  return ForEachIdOfOnly(context, [&](std::span<const Value> ids) -> Status {
    REHOME_TRY_ASSIGN(auto found, store.FindByIds(collection, ids, context.call));
    std::vector<Document> items;
    for (auto& item : found) {
      if (item) {
        items.push_back(*std::move(item));
      }
    }
    return items.empty() ? Status{} : each(std::move(items));
  });
}

Status ForEachIdOfOnly(const CheckContext& context,
                       const std::function<Status(std::span<const Value> ids)>& each) {
  CHECK(context.only.has_value());
  const std::span<const Value> all = *context.only;
  for (std::size_t start = 0; start < all.size(); start += kWalkBatchCount) {
    REHOME_TRY(each(all.subspan(start, std::min(kWalkBatchCount, all.size() - start))));
  }
  return {};
}

Result<Records> FetchPresent(const CheckContext& context, std::string_view ns,
                             std::span<const std::string> ids) {
  Records out;
  for (std::size_t start = 0; start < ids.size(); start += VectorStore::kIdsMax) {
    const auto part = ids.subspan(start, std::min(VectorStore::kIdsMax, ids.size() - start));
    REHOME_TRY_ASSIGN(auto records,
                      context.flow.stores.target_vectors->Fetch(ns, part, context.call));
    for (VectorRecord& record : records) {
      std::string id = record.id;
      out.emplace(std::move(id), std::move(record));
    }
  }
  return out;
}

Result<Records> FetchListed(const CheckContext& context, std::string_view ns,
                            std::span<const std::string> ids) {
  REHOME_TRY_ASSIGN(Records out, FetchPresent(context, ns, ids));
  for (int attempt = 1; attempt < kFetchAttemptsMax && out.size() < ids.size(); ++attempt) {
    if (context.flow.pause && !context.flow.pause(attempt)) {
      return Fail(ErrorCode::kCancelled, "stopped while fetching vectors");
    }
    std::vector<std::string> late;
    std::ranges::copy_if(ids, std::back_inserter(late),
                         [&](const std::string& id) { return !out.contains(id); });
    REHOME_TRY_ASSIGN(Records more, FetchPresent(context, ns, late));
    out.merge(more);
  }
  return out;
}

Progress ProgressOver(const CheckContext& context, Phase made, std::string_view counted,
                      std::string step) {
  Progress progress{.phase = context.phase, .step = std::move(step)};
  if (const RestorePoint* point = context.run.FindRestorePoint(made)) {
    const auto count = point->counts.find(counted);
    progress.total = count == point->counts.end() ? 0 : static_cast<std::uint64_t>(count->second);
  }
  return progress;
}

Status ForEachFetched(const CheckContext& context, std::string_view ns, const EachFetched& each,
                      const std::function<void(std::vector<std::string>& ids)>& select) {
  Progress progress = ProgressOver(context, Phase::kVectors, ns, fmt::format("vectors of {}", ns));
  return ForEachRead<Fetched>(
      context.flow, *context.flow.stores.target_vectors, ns, context.call,
      [&](std::vector<std::string> ids) -> Result<Fetched> {
        if (select) {
          select(ids);
        }
        REHOME_TRY_ASSIGN(Records records, FetchListed(context, ns, ids));
        return Fetched{std::move(ids), std::move(records)};
      },
      [&](const Fetched& page) -> Status {
        REHOME_TRY(each(page));
        progress.done += page.ids.size();
        context.events.Advanced(progress);
        return {};
      });
}

Result<ItemsById> FindItems(const CheckContext& context, std::span<const std::string> item_ids) {
  std::vector<Value> values;
  for (const std::string& id : item_ids) {
    values.push_back(Value::String(id));
  }
  REHOME_TRY_ASSIGN(auto found,
                    context.flow.stores.target_documents->FindByField(
                        context.flow.plan.items.to, "item_id", values, SIZE_MAX, context.call));
  ItemsById out;
  for (Document& item : found) {
    out[StringField(item.view(), "item_id")].push_back(std::move(item));
  }
  return out;
}

}  // namespace rehome
