// Whatever the stores hold, a backup of it restores to the same bytes and the same float32 bits.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <filesystem>
#include <set>

#include "backup/backup.h"
#include "model/sort_key.h"
#include "ports/silent_sink.h"
#include "sim/memory_document_store.h"
#include "sim/memory_vector_store.h"
#include "tests/support/any_document.h"
#include "tests/support/scratch_directory.h"

namespace rehome {
namespace {

namespace fs = std::filesystem;
using testing_support::AnyDocument;
using testing_support::AnyScalar;
using testing_support::Taste;

constexpr std::string_view kCollection = "any/collection $ü";
constexpr std::string_view kNamespace = "any/namespace";
constexpr std::size_t kDimension = 3;
const Call kCall;

void FillWithAnything(DocumentStore& store) {
  std::vector<Write> writes;
  std::set<std::string> keys;
  for (int count = *rc::gen::inRange(0, 8); count > 0; --count) {
    const Value id = AnyScalar(Taste::kWild);
    if (!keys.insert(SortKey(id.view())).second) {
      continue;
    }
    DocumentBuilder document;
    document.Append("_id", id);
    const Document rest = AnyDocument(Taste::kWild, 2);
    for (const auto& [key, value] : rest.view()) {
      document.Append(key == "_id" ? "id" : key, value);
    }
    writes.push_back(Write::Insert(document.Finish()));
  }
  RC_ASSERT(store.Apply(kCollection, writes, {}, kCall).has_value());
}

/// Of any bits that a number may have: an index holds no NaN and no infinity.
float AnyFinite() {
  const auto number = std::bit_cast<float>(*rc::gen::arbitrary<std::uint32_t>());
  return std::isfinite(number) ? number : -0.0F;
}

void FillWithAnything(VectorStore& store) {
  std::vector<VectorRecord> records;
  for (int count = *rc::gen::inRange(0, 5), i = 0; i < count; ++i) {
    VectorRecord record{.id = std::to_string(i), .values = {}, .sparse = {}, .metadata = {}};
    std::generate_n(std::back_inserter(record.values), kDimension, AnyFinite);
    record.values.front() = 1;  // a vector of zeros is refused
    record.metadata.emplace("text", testing_support::AnyText(Taste::kTame));
    record.metadata.emplace("number", double{AnyFinite()});
    record.metadata.emplace("yes", *rc::gen::arbitrary<bool>());
    record.metadata.emplace("list", std::vector{testing_support::AnyText(Taste::kTame)});
    records.push_back(std::move(record));
  }
  if (!records.empty()) {
    RC_ASSERT(store.Upsert(kNamespace, records, kCall).has_value());
  }
}

std::vector<Document> All(DocumentStore& store) {
  auto cursor = store.Scan(kCollection, {}, kCall);
  RC_ASSERT(cursor.has_value());
  auto documents = (*cursor)->Next(1000, std::size_t{1} << 30U);
  RC_ASSERT(documents.has_value());
  return *documents;
}

std::vector<VectorRecord> All(VectorStore& store) {
  const std::vector<std::string> ids{"0", "1", "2", "3", "4"};
  auto records = store.Fetch(kNamespace, ids, kCall);
  RC_ASSERT(records.has_value());
  std::ranges::sort(*records, {}, &VectorRecord::id);
  return *records;
}

TEST(Backup, OfAnythingRestoresToTheSameBytesAndBits) {
  EXPECT_TRUE(rc::check([] {
    const ScratchDirectory scratch;
    sim::MemoryDocumentStore documents;
    sim::MemoryVectorStore vectors({.dimension = int{kDimension}});
    FillWithAnything(documents);
    FillWithAnything(vectors);
    ManualClock clock;
    SilentSink sink;
    BackupRequest request;
    request.documents = &documents;
    request.vectors = &vectors;
    request.collections = {std::string(kCollection)};
    request.namespaces = {std::string(kNamespace)};
    request.dir = scratch.path();
    request.zstd = *rc::gen::arbitrary<bool>();
    request.key = *rc::gen::arbitrary<bool>() ? Secret(std::string(64, 'a')) : Secret();
    const auto backup = CreateBackup(request, clock, sink, kCall);
    RC_ASSERT(backup.has_value());
    const auto verified = VerifyBackup(backup->path, {}, request.key);
    RC_ASSERT(verified.has_value());
    RC_ASSERT(verified->passed());

    sim::MemoryDocumentStore restored_documents;
    sim::MemoryVectorStore restored_vectors({.dimension = int{kDimension}});
    RestoreRequest restore;
    restore.backup = backup->path;
    restore.documents = &restored_documents;
    restore.vectors = &restored_vectors;
    restore.key = request.key;
    const auto restored = RestoreBackup(restore, clock, sink, kCall);
    RC_ASSERT(restored.has_value());
    RC_ASSERT(restored->complete());
    RC_ASSERT(All(restored_documents) == All(documents));
    const auto before = All(vectors);
    const auto after = All(restored_vectors);
    RC_ASSERT(after == before);
    for (std::size_t i = 0; i < before.size(); ++i) {  // == finds 0 and -0 equal
      RC_ASSERT(ValuesDigest(after[i].values) == ValuesDigest(before[i].values));
    }
  }));
}

}  // namespace
}  // namespace rehome
