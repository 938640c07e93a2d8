#include "sim/application.h"

#include <algorithm>

#include "base/atomic_file.h"
#include "model/fields.h"
#include "model/item.h"
#include "model/sort_key.h"
#include "phases/env_file.h"

namespace rehome::sim {
namespace {

constexpr std::size_t kBatchBytes = std::size_t{4} << 20U;
constexpr std::size_t kBatchCount = 1000;
constexpr std::string_view kOldValue = "the old side";

/// A document's `key` with `value` in its place; nothing changes where it has none.
Document WithField(const Document& document, std::string_view key, ValueView value) {
  DocumentBuilder builder;
  for (const auto& [name, old] : document.view()) {
    builder.Append(name, name == key ? value : old);
  }
  return builder.Finish();
}

template <class Map>
auto AnyOf(Map& map, Random& random) {
  auto at = map.begin();
  std::advance(at, static_cast<std::ptrdiff_t>(random.Below(map.size())));
  return at;
}

}  // namespace

Result<DocumentsByKey> ReadAll(DocumentStore& store, std::string_view collection) {
  DocumentsByKey out;
  REHOME_TRY_ASSIGN(const auto cursor, store.Scan(collection, {}, {}));
  while (true) {
    REHOME_TRY_ASSIGN(auto documents, cursor->Next(kBatchCount, kBatchBytes));
    if (documents.empty()) {
      return out;
    }
    for (Document& document : documents) {
      std::string key = SortKey(document.Id());
      out.emplace(std::move(key), std::move(document));
    }
  }
}

Application::Application(const CompiledPlan& compiled, const Sample& sample,
                         const RawStores& stores, std::filesystem::path env_file, Random random,
                         Tally& tally)
    : compiled_(compiled),
      plan_(*compiled.plan),
      sample_(sample),
      source_(stores.source),
      target_(stores.target),
      vectors_(stores.vectors),
      env_file_(std::move(env_file)),
      random_(random),
      tally_(tally) {}

const Document& Application::AnySource() {
  return sample_.sources[random_.Below(sample_.sources.size())];
}

Status Application::MoveIn(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const Document& document = AnySource();
    legacy_.insert_or_assign(SortKey(document.Id()), document);
  }
  std::vector<Write> writes;
  for (const auto& [key, document] : legacy_) {
    writes.push_back(Write::Put(document));
  }
  REHOME_TRY(source_.Apply(plan_.items.from, writes, {}, {}));
  for (const auto& [collection, documents] : sample_.collections) {
    std::vector<Write> others;
    std::ranges::transform(documents, std::back_inserter(others), &Write::Put);
    REHOME_TRY(source_.Apply(collection, others, {}, {}));
  }
  for (const CutoverPlan::PointerDocument& pointer : plan_.cutover.documents) {
    DocumentBuilder builder;
    builder.Append("_id", pointer.id);
    for (const auto& [field, value] : pointer.set) {
      builder.String(field, kOldValue);
    }
    const Write write = Write::Put(builder.Finish());
    REHOME_TRY(target_.Apply(pointer.collection, {&write, 1}, {}, {}));
  }
  if (!plan_.cutover.env_file) {
    return {};
  }
  std::string env = "# the application's own\nOTHER=1\n";
  for (const auto& [key, value] : plan_.cutover.env_file->set) {
    REHOME_TRY_ASSIGN(env, WithEnvValue(env, key, kOldValue));
  }
  return WriteFileAtomically(env_file_, env);
}

Result<Application::Side> Application::PointsTo() {
  std::size_t old_count = 0;
  std::size_t new_count = 0;
  const auto count = [&](bool flipped) { ++(flipped ? new_count : old_count); };
  if (plan_.cutover.env_file) {
    REHOME_TRY_ASSIGN(const std::string env, ReadFile(env_file_));
    for (const auto& [key, value] : plan_.cutover.env_file->set) {
      count(EnvValue(env, key) == value);
    }
  }
  for (const CutoverPlan::PointerDocument& pointer : plan_.cutover.documents) {
    REHOME_TRY_ASSIGN(const auto found,
                      target_.FindByIds(pointer.collection, {&pointer.id, 1}, {}));
    for (const auto& [field, value] : pointer.set) {
      const auto now = found.front() ? found.front()->Find(field) : std::nullopt;
      count(now && SortKey(*now) == SortKey(value.view()));
    }
  }
  return new_count == 0 ? Side::kOld : old_count == 0 ? Side::kNew : Side::kBetween;
}

Result<bool> Application::Put(DocumentStore& store, const std::string& collection,
                              const Write& write) {
  const auto results = store.Apply(collection, {&write, 1}, {}, {});
  if (results) {
    return results->front().applied();
  }
  if (results.error().code != ErrorCode::kFailedPrecondition) {
    return std::unexpected(results.error());
  }
  ++tally_["application writes that a fence refused"];
  return false;
}

Status Application::WriteSomething() {
  REHOME_TRY_ASSIGN(const Side side, PointsTo());
  constexpr std::uint64_t kStragglersOneIn = 3;
  const bool new_side = side != Side::kOld && random_.Below(kStragglersOneIn) != 0;
  return new_side ? WriteItem() : WriteLegacy();
}

Status Application::WriteLegacy() {
  REHOME_TRY_ASSIGN(const Side side, PointsTo());
  std::optional<Document> before;
  if (!legacy_.empty() && random_.Below(4) != 0) {
    before = AnyOf(legacy_, random_)->second;
  }
  const Value id = before ? Value(before->Id()) : MadeUpId(next_id_++, random_);
  const std::string key = SortKey(id.view());
  if (changed_.contains(key)) {
    return {};  // one document is not written on both sides at once: which of them is right?
  }
  const bool removes = before && random_.Below(4) == 0;
  const Document after = WithId(AnySource(), id);
  REHOME_TRY_ASSIGN(const bool written, Put(source_, plan_.items.from,
                                            removes ? Write::Delete(*before) : Write::Put(after)));
  if (!written) {
    return {};
  }
  if (side != Side::kOld) {
    stragglers_.insert(key);
    ++tally_["stragglers on the old side"];
  }
  if (removes) {
    legacy_.erase(key);
    ++tally_["documents deleted by the application"];
    return {};
  }
  const Mapped was = before ? compiled_.mapper.Map(before->view()) : Mapped(Unmappable{});
  const Mapped is = compiled_.mapper.Map(after.view());
  const Item* from = std::get_if<Item>(&was);
  const Item* to = std::get_if<Item>(&is);
  const bool moves = from != nullptr && to != nullptr && from->tenant != to->tenant;
  ++tally_[moves    ? "documents moved between tenants"
           : before ? "documents updated by the application"
                    : "documents inserted by the application"];
  legacy_.insert_or_assign(key, after);
  return {};
}

Status Application::InsertItem() {
  const Value id = MadeUpId(next_id_++, random_);
  const Mapped mapped = compiled_.mapper.Map(WithId(AnySource(), id).view());
  const Item* item = std::get_if<Item>(&mapped);
  if (item == nullptr) {
    return {};
  }
  REHOME_TRY_ASSIGN(const bool written,
                    Put(target_, plan_.items.to, Write::Insert(item->document)));
  if (written) {
    changed_.insert_or_assign(SortKey(id.view()), item->document);
    ++tally_["items inserted by the application"];
  }
  return {};
}

/// With its vector: who deletes an item leaves none behind.
Status Application::DeleteItem(const std::string& key, const Document& item) {
  REHOME_TRY_ASSIGN(const bool written, Put(target_, plan_.items.to, Write::Delete(item)));
  if (!written) {
    return {};
  }
  const std::string id = StringField(item.view(), "item_id");
  const std::string ns = plan_.NamespaceOf(StringField(item.view(), "org_id")).name();
  REHOME_TRY(vectors_.Delete(ns, {&id, 1}, {}));
  changed_.insert_or_assign(key, std::nullopt);
  ++tally_["items deleted by the application"];
  return {};
}

Status Application::WriteItem() {
  REHOME_TRY_ASSIGN(DocumentsByKey items, ReadAll(target_, plan_.items.to));
  std::erase_if(items, [this](const auto& entry) { return stragglers_.contains(entry.first); });
  if (items.empty() || random_.Below(5) == 0) {
    return InsertItem();
  }
  const auto& [key, before] = *AnyOf(items, random_);
  if (random_.Below(4) == 0) {
    return DeleteItem(key, before);
  }
  // One mapped field takes the value that it has in another item.
  const auto& field = plan_.items.fields[random_.Below(plan_.items.fields.size())].first;
  const auto value = AnyOf(items, random_)->second.Find(field);
  const Document after = value ? WithField(before, field, *value) : before;
  if (after == before) {
    return {};
  }
  REHOME_TRY_ASSIGN(const bool written,
                    Put(target_, plan_.items.to, Write::Replace(before, after)));
  if (written) {
    changed_.insert_or_assign(key, after);
    ++tally_["items changed by the application"];
  }
  return {};
}

Status Application::MoveBack() {
  REHOME_TRY_ASSIGN(legacy_, ReadAll(source_, plan_.items.from));
  changed_.clear();
  stragglers_.clear();
  return {};
}

}  // namespace rehome::sim
