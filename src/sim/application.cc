#include "sim/application.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/atomic_file.h"
#include "journal/run_record.h"
#include "model/fields.h"
#include "model/item.h"
#include "model/sort_key.h"
#include "phases/env_file.h"

namespace rehome::sim {
namespace {

constexpr std::size_t kBatchBytes = std::size_t{4} << 20U;
constexpr std::size_t kBatchCount = 1000;
constexpr std::uint64_t kLegacyVectorsMax = 4;
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

void Application::SetLegacy(const std::string& key, std::optional<Document> document) {
  const auto found = legacy_.find(key);
  if (found != legacy_.end()) {
    legacy_sum_.Remove(Md5(found->second.bytes()));
    legacy_.erase(found);
  }
  if (document) {
    legacy_sum_.Add(Md5(document->bytes()));
    legacy_.emplace(key, *std::move(document));
  }
  moments_.insert(legacy_sum_.ToString());
}

Status Application::NoteChanged(const std::string& key, std::optional<Document> item) {
  REHOME_TRY_ASSIGN(const auto run, LatestRun(target_, plan_.name, {}));
  if (!run || !run->IsCutOver()) {
    changed_early_[key].push_back(item);
  }
  changed_.insert_or_assign(key, std::move(item));
  return {};
}

Status Application::MoveInVectors() {
  std::set<std::string> namespaces(plan_.backup.namespaces.begin(), plan_.backup.namespaces.end());
  namespaces.insert(plan_.retire.namespaces.begin(), plan_.retire.namespaces.end());
  for (const std::string& ns : namespaces) {
    std::vector<VectorRecord>& records = legacy_vectors_[ns];
    for (std::uint64_t i = random_.Below(kLegacyVectorsMax + 1); i > 0; --i) {
      VectorRecord record{.id = fmt::format("old {}", i),
                          .values = std::vector<float>(kDimension),
                          .sparse = {},
                          .metadata = {{"text", fmt::format("letter {}", random_.Below(100))}}};
      std::ranges::generate(record.values,
                            [&] { return static_cast<float>(random_.Unit() + 0.1); });
      records.push_back(std::move(record));
    }
    if (!records.empty()) {
      REHOME_TRY(vectors_.Upsert(ns, records, {}));
    }
  }
  return {};
}

Status Application::MoveIn(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const Document& document = AnySource();
    SetLegacy(SortKey(document.Id()), document);
  }
  REHOME_TRY(MoveInVectors());
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
  const bool straggles = random_.Below(kStragglersOneIn) == 0 && writes_stragglers_;
  return side == Side::kOld || straggles ? WriteLegacy(side) : WriteItem();
}

Status Application::WriteLegacy(Side side) {
  std::optional<Document> before;
  if (!legacy_.empty() && random_.Below(4) != 0) {
    before = AnyOf(legacy_, random_)->second;
  }
  const Value id = before ? Value(before->Id()) : MadeUpId(next_id_++, random_);
  const std::string key = SortKey(id.view());
  if (changed_.contains(key)) {
    return {};  // one document is not written on both sides at once: which of them is right?
  }
  if (side != Side::kOld) {
    // A removed collection does not come back by itself here: its writers get an error.
    REHOME_TRY_ASSIGN(const auto collections, source_.Collections({}));
    if (std::ranges::find(collections, plan_.items.from, &CollectionInfo::name) ==
        collections.end()) {
      return {};
    }
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
    SetLegacy(key, std::nullopt);
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
  SetLegacy(key, after);
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
    REHOME_TRY(NoteChanged(SortKey(id.view()), item->document));
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
  REHOME_TRY(NoteChanged(key, std::nullopt));
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
    REHOME_TRY(NoteChanged(key, after));
    ++tally_["items changed by the application"];
  }
  return {};
}

Status Application::MoveBack() {
  REHOME_TRY_ASSIGN(legacy_, ReadAll(source_, plan_.items.from));
  legacy_sum_ = {};
  for (const auto& [key, document] : legacy_) {
    legacy_sum_.Add(Md5(document.bytes()));
  }
  changed_.clear();
  changed_early_.clear();
  stragglers_.clear();
  return {};
}

}  // namespace rehome::sim
